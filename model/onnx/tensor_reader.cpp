#include "model/onnx/tensor_reader.h"

#include <algorithm>
#include <cstring>

#include "model/onnx/external_file.h"
#include "model/onnx/half.h"

namespace fibflow::model {
namespace {

using Ints = std::vector<std::int64_t>;

// Larger than any U-Net's; a dimension beyond it is a damaged or hostile file.
constexpr std::int64_t largest_tensor = std::int64_t{1} << 31;

/// Copies raw little-endian values or the typed field out of a tensor.
template <typename T, typename Field>
std::vector<T> copied(const onnx::TensorProto& t, std::int64_t n, const Field& field) {
  std::vector<T> out(static_cast<std::size_t>(n));
  if (t.has_raw_data()) {
    if (n > 0) std::memcpy(out.data(), t.raw_data().data(), out.size() * sizeof(T));
  } else {
    std::copy(field.begin(), field.end(), out.begin());
  }
  return out;
}

template <typename T>
Ints widened(const std::vector<T>& v) {
  return {v.begin(), v.end()};
}

std::size_t byte_width(int type) {
  switch (type) {
    case onnx::TensorProto::FLOAT:
    case onnx::TensorProto::INT32:
      return 4;
    case onnx::TensorProto::DOUBLE:
    case onnx::TensorProto::INT64:
      return 8;
    case onnx::TensorProto::FLOAT16:
      return 2;
    case onnx::TensorProto::BOOL:
    case onnx::TensorProto::UINT8:
      return 1;
    default:
      return 0;
  }
}

std::int64_t typed_count(const onnx::TensorProto& t, int type) {
  switch (type) {
    case onnx::TensorProto::FLOAT:
      return t.float_data_size();
    case onnx::TensorProto::DOUBLE:
      return t.double_data_size();
    case onnx::TensorProto::INT64:
      return t.int64_data_size();
    default:
      return t.int32_data_size();
  }
}

std::string label_of(const onnx::NodeProto& proto) {
  Node node;
  node.op = proto.op_type();
  node.name = name_of(proto);
  return node.label();
}

/// The number of values that a tensor's shape asks for.
std::int64_t count_of(const onnx::TensorProto& t, const std::string& owner) {
  constexpr int most_dimensions = 8;
  if (t.dims_size() > most_dimensions) throw ModelError(owner + ": has an impossible shape");
  std::int64_t n = 1;
  for (const std::int64_t d : t.dims()) {
    if (d < 0 || (d > 0 && n > largest_tensor / d)) throw ModelError(owner + ": has an impossible shape");
    n *= d;
  }
  return n;
}

void embed(onnx::TensorProto& t, ExternalFiles& files, const std::string& owner) {
  if (t.data_location() != onnx::TensorProto::EXTERNAL) return;
  const std::int64_t n = count_of(t, owner);
  std::string location;
  std::int64_t offset = 0;
  std::int64_t length = -1;
  for (const auto& entry : t.external_data()) {
    try {
      if (entry.key() == "location") location = entry.value();
      if (entry.key() == "offset") offset = std::stoll(entry.value());
      if (entry.key() == "length") length = std::stoll(entry.value());
    } catch (const std::exception&) {
      throw ModelError(owner + ": its external data has an unreadable " + entry.key());
    }
  }
  const std::size_t width = byte_width(t.data_type());
  if (t.data_type() != onnx::TensorProto::FLOAT && t.data_type() != onnx::TensorProto::FLOAT16)
    throw ModelError(owner + ": external data must be float32 or float16");
  const std::int64_t bytes = n * static_cast<std::int64_t>(width);
  if (offset < 0 || (length >= 0 && length != bytes))
    throw ModelError(owner + ": its external data does not have the size of its shape");
  try {
    t.set_raw_data(files.read(location, offset, bytes));
  } catch (const ModelError& error) {
    throw ModelError(owner + ": " + error.what());
  }
  t.clear_external_data();
  t.clear_data_location();
}

}  // namespace

std::string in_quotes(const std::string& s) {
  return "'" + s + "'";
}

std::string type_name(int type) {
  return onnx::TensorProto_DataType_IsValid(type)
             ? onnx::TensorProto_DataType_Name(static_cast<onnx::TensorProto_DataType>(type))
             : std::to_string(type);
}

Constant TensorReader::read(const onnx::TensorProto& t, const std::string& owner) const {
  const auto fail = [&owner](const std::string& reason) -> ModelError {
    return ModelError(owner + ": " + reason);
  };
  const std::int64_t n = count_of(t, owner);
  const int type = t.data_type();
  const std::size_t width = byte_width(type);
  if (width == 0)
    throw fail("holds values of type " + type_name(type) + ", which is not supported; export in float32");
  if (t.has_raw_data()) {
    if (t.raw_data().size() != static_cast<std::size_t>(n) * width) {
      throw fail("holds " + std::to_string(t.raw_data().size()) + " bytes where its shape asks for " +
                 std::to_string(static_cast<std::size_t>(n) * width));
    }
  } else if (typed_count(t, type) != n) {
    throw fail("holds " + std::to_string(typed_count(t, type)) + " values where its shape asks for " +
               std::to_string(n));
  }
  Ints dims(t.dims().begin(), t.dims().end());
  switch (type) {
    case onnx::TensorProto::FLOAT:
      return floats_in_place(t, n, std::move(dims));
    case onnx::TensorProto::DOUBLE: {
      const auto v = copied<double>(t, n, t.double_data());
      return Constant::of_floats(std::move(dims), {v.begin(), v.end()});
    }
    case onnx::TensorProto::FLOAT16: {
      const auto halves = copied<std::uint16_t>(t, n, t.int32_data());
      std::vector<float> v(halves.size());
      std::ranges::transform(halves, v.begin(), float_of_half);
      return Constant::of_floats(std::move(dims), std::move(v));
    }
    case onnx::TensorProto::INT64:
      return Constant::of_ints(std::move(dims), copied<std::int64_t>(t, n, t.int64_data()));
    case onnx::TensorProto::INT32:
      return Constant::of_ints(std::move(dims), widened(copied<std::int32_t>(t, n, t.int32_data())));
    default:
      return Constant::of_ints(std::move(dims), widened(copied<std::uint8_t>(t, n, t.int32_data())));
  }
}

Constant TensorReader::floats_in_place(const onnx::TensorProto& t, std::int64_t n, Ints dims) const {
  const char* raw =
      t.has_raw_data() ? t.raw_data().data() : reinterpret_cast<const char*>(t.float_data().data());
  if (reinterpret_cast<std::uintptr_t>(raw) % alignof(float) != 0) {
    return Constant::of_floats(std::move(dims), copied<float>(t, n, t.float_data()));
  }
  Constant c;
  c.dims = std::move(dims);
  c.floats = {reinterpret_cast<const float*>(raw), static_cast<std::size_t>(n)};
  c.keep = proto_;
  return c;
}

std::string name_of(const onnx::NodeProto& proto) {
  return !proto.name().empty() ? proto.name() : proto.output_size() > 0 ? proto.output(0) : "";
}

void embed_external(onnx::ModelProto& proto, const std::filesystem::path& folder) {
  ExternalFiles files(folder);
  for (onnx::TensorProto& t : *proto.mutable_graph()->mutable_initializer())
    embed(t, files, "initializer " + in_quotes(t.name()));
  for (onnx::NodeProto& node : *proto.mutable_graph()->mutable_node()) {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_t()) embed(*attribute.mutable_t(), files, label_of(node));
    }
  }
}

}  // namespace fibflow::model
