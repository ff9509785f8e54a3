#include "pipeline/state/durable_state.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr int deepest = 16;

/// Looks at the outline of a tree without building it.
class DepthGuard : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ <= deepest; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override { return ++depth_ <= deepest; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  int depth_ = 0;
};

Json tree_of(std::string_view bytes) {
  DepthGuard guard;
  if (!Json::sax_parse(bytes, &guard, Json::input_format_t::cbor))
    throw std::invalid_argument("it is no tree of values of at most " + std::to_string(deepest) + " levels");
  return Json::from_cbor(bytes);
}

}  // namespace

DurableState::DurableState(std::string path, std::string kind)
    : path_(std::move(path)), kind_(std::move(kind)) {}

void DurableState::write(const Json& state, const io::DurableStep& step) const {
  std::string bytes;
  Json::to_cbor(state, bytes);
  io::write_checked(path_, kind_, bytes, step);
}

bool DurableState::read(const std::function<void(const Json&)>& take, std::string& refusal) const {
  const auto found = io::read_checked(path_, kind_, [&](std::string_view bytes) { take(tree_of(bytes)); });
  if (found) refusal = found->refusal;
  return found.has_value();
}

void DurableState::remove(const io::DurableStep& step) const {
  io::remove_checked(path_, step);
}

std::int64_t whole_number(const Json& state, const char* name, std::int64_t least, std::int64_t most) {
  const Json& value = state.at(name);
  // An unsigned number that does not fit is a negative one once it is converted.
  const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX}
                                               : value.is_number_integer();
  if (!fits || value.get<std::int64_t>() < least || value.get<std::int64_t>() > most) {
    throw std::invalid_argument(std::string(name) + " is no whole number from " + std::to_string(least) +
                                " to " + std::to_string(most));
  }
  return value.get<std::int64_t>();
}

}  // namespace fibflow::pipeline
