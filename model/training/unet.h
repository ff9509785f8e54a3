#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace fibflow::model {

/// The U-Net of Ronneberger et al. 2015 as Stenger, Vedrenne et al. use it: two 3 x 3 convolutions, each with
/// BatchNorm and ReLU, per level; max pooling; transposed 2 x 2 convolutions; skips joined by concatenation;
/// a 1 x 1 convolution to the logits. Level k has channels * 2^k channels.
struct UNet {
  int channels = 16;  ///< of the first level; 1 … 1024
  int depth = 4;      ///< poolings; 0 … 8. Without any, two layers and the head at the image's resolution
  int input_channels = 1;
  int output_channels = 1;  ///< 1 logit, or classes
  float epsilon = 1e-5F;    ///< of BatchNorm
  int kernel = 3;           ///< of the levels' convolutions: 3, or 1 for pixels that are looked at one by one
};

/// One trained tensor of a U-Net.
struct UNetTensor {
  std::string name;  ///< "enc.0.0.weight", "dec.3.4.running_var", …: PyTorch's names for the same network
  std::vector<std::int64_t> dims;
};

/// All tensors in the order of the graph.
std::vector<UNetTensor> tensors_of(const UNet& shape);

/// The network as ONNX bytes (opset 13, BatchNormalization kept, sizes dynamic, input "image", output
/// "logits"). values gives each tensor's values in C order; metadata becomes the file's metadata. Throws
/// std::invalid_argument for a shape outside its ranges or values of another size.
std::string unet_onnx(const UNet& shape, const std::function<std::vector<float>(const UNetTensor&)>& values,
                      const std::map<std::string, std::string>& metadata = {});

/// He-normal weights from a seed, BatchNorm at its start (scale 1, shift 0, mean 0, variance 1): what
/// training starts from. The same values on every machine.
std::vector<float> initial_values(const UNetTensor& tensor, std::uint64_t seed);

}  // namespace fibflow::model
