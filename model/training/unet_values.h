#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/training/unet.h"

namespace fibflow::model {

/// The values of all tensors of a U-Net, one after another in the order of tensors_of().
/// Copies are deep; const members may be called in parallel.
class UNetValues {
 public:
  /// All zero. Throws std::invalid_argument for a shape outside its ranges.
  explicit UNetValues(const UNet& shape);

  /// initial_values() of each tensor.
  static UNetValues initial(const UNet& shape, std::uint64_t seed);

  const UNet& shape() const { return shape_; }
  const std::vector<UNetTensor>& tensors() const { return tensors_; }

  /// The number of the tensor of this name. Throws std::out_of_range.
  std::size_t index(const std::string& name) const;

  /// In C order.
  std::span<float> operator[](std::size_t tensor);
  std::span<const float> operator[](std::size_t tensor) const;
  std::span<float> operator[](const std::string& name) { return (*this)[index(name)]; }
  std::span<const float> operator[](const std::string& name) const { return (*this)[index(name)]; }

  std::span<float> all() { return values_; }
  std::span<const float> all() const { return values_; }

  /// The network with these values: see unet_onnx().
  std::string onnx(const std::map<std::string, std::string>& metadata = {}) const;

 private:
  UNet shape_;
  std::vector<UNetTensor> tensors_;
  std::vector<std::size_t> begins_;  // of each tensor, and the end of the last
  std::map<std::string, std::size_t> indices_;
  std::vector<float> values_;
};

/// Whether gradients change the tensor: all but the running statistics.
bool is_trained(const UNetTensor& tensor);

}  // namespace fibflow::model
