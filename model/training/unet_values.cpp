#include "model/training/unet_values.h"

#include <algorithm>

namespace fibflow::model {

UNetValues::UNetValues(const UNet& shape) : shape_(shape), tensors_(tensors_of(shape)) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    begins_.push_back(end);
    std::size_t floats = 1;
    for (const std::int64_t d : tensors_[i].dims) floats *= static_cast<std::size_t>(d);
    end += floats;
    indices_.emplace(tensors_[i].name, i);
  }
  begins_.push_back(end);
  values_.resize(end);
}

UNetValues UNetValues::initial(const UNet& shape, std::uint64_t seed) {
  UNetValues values(shape);
  for (std::size_t i = 0; i < values.tensors().size(); ++i) {
    const std::vector<float> start = initial_values(values.tensors()[i], seed);
    std::copy(start.begin(), start.end(), values[i].begin());
  }
  return values;
}

std::size_t UNetValues::index(const std::string& name) const {
  return indices_.at(name);
}

std::span<float> UNetValues::operator[](std::size_t tensor) {
  return std::span<float>(values_).subspan(begins_.at(tensor), begins_.at(tensor + 1) - begins_[tensor]);
}

std::span<const float> UNetValues::operator[](std::size_t tensor) const {
  return std::span<const float>(values_).subspan(begins_.at(tensor),
                                                 begins_.at(tensor + 1) - begins_[tensor]);
}

std::string UNetValues::onnx(const std::map<std::string, std::string>& metadata) const {
  const auto values = [this](const UNetTensor& tensor) {
    const std::span<const float> v = (*this)[tensor.name];
    return std::vector<float>(v.begin(), v.end());
  };
  return unet_onnx(shape_, values, metadata);
}

bool is_trained(const UNetTensor& tensor) {
  return !tensor.name.ends_with(".running_mean") && !tensor.name.ends_with(".running_var");
}

}  // namespace fibflow::model
