#pragma once

// Internal to model/: one job, several implementations.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "model/engine/activation.h"
#include "model/engine/window.h"

namespace fibflow::model {

/// A convolution or transposed convolution of one image. Maps are blocked (cpu.h); a plain input
/// ([channels][height][width]) is possible for convolutions of up to 3 channels.
struct ConvolutionShape {
  bool transposed = false;
  int in_channels = 0;
  int out_channels = 0;
  int in_height = 0, in_width = 0;
  int out_height = 0, out_width = 0;
  int groups = 1;
  Window y;  ///< pad_begin and pad_end as this image needs them
  Window x;
  bool plain_input = false;
  bool bias = false;
  Activation::Kind activation = Activation::Kind::none;  ///< applied to the result; see fuses()
  float alpha = 0;
};

/// Whether a convolution can apply this activation itself: none, relu, leaky_relu, elu, sigmoid, tanh.
bool fuses(Activation::Kind kind);

/// One convolution of fixed shape, made ready.
/// All members are const and may run in parallel; each runs on the calling thread alone.
class Convolution {
 public:
  virtual ~Convolution() = default;
  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;

  const ConvolutionShape& shape() const { return shape_; }

  virtual std::size_t scratch_bytes() const = 0;

  /// Equal for convolutions that read weights in the same layout.
  virtual const std::string& weights_layout() const = 0;
  virtual std::size_t weights_bytes() const = 0;

  /// Puts weights [out, in / groups, ky, kx] (transposed: [in, out / groups, ky, kx]) into the layout of execute().
  virtual void arrange_weights(std::span<const float> weights, float* arranged) const = 0;

  /// bias: [out_channels rounded up to the block], or null. scratch: scratch_bytes().
  virtual void execute(const float* input, const float* weights, const float* bias, float* output,
                       void* scratch) const = 0;

 protected:
  explicit Convolution(const ConvolutionShape& shape) : shape_(shape) {}

 private:
  ConvolutionShape shape_;
};

/// One implementation.
struct ConvolutionEngine {
  const char* name;
  /// Bytes of scratch that it needs for a shape, or nothing if the shape is not its own. Compiles nothing.
  std::optional<std::size_t> (*accepts)(const ConvolutionShape& shape);
  /// For a shape that it accepts.
  std::unique_ptr<Convolution> (*make)(const ConvolutionShape& shape);
};

/// In the order in which they are asked: the first that accepts a shape computes it. The last one, plain loops, accepts
/// all, and is what the others are tested against.
std::span<const ConvolutionEngine> convolution_engines();

std::unique_ptr<Convolution> make_convolution(const ConvolutionShape& shape);

/// scratch_bytes() of what make_convolution() would make, without compiling it.
std::size_t convolution_scratch_bytes(const ConvolutionShape& shape);

}  // namespace fibflow::model
