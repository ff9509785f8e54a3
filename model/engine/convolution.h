#pragma once

// Internal to model/: with onednn_engine.h and onednn_training.h the only place that knows oneDNN (2.x; 3.x has
// other names for the same steps).

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "model/tile/shaped_network.h"

namespace fibflow::model {

/// Floats of one block of channels: feature maps are [channels / block][height][width][block], the last block
/// filled up with zeros. 16 where AVX-512 is there, else 8: what oneDNN's convolutions want.
int channel_block();

/// "avx512", "avx2", "sse41": what oneDNN and our own kernels use on this machine.
std::string instruction_set();
std::string onednn_version();

/// One convolution or transposed convolution of one image of fixed shape, compiled. Blocked in, blocked out;
/// a plain input ([channels][height][width]) is possible for convolutions of up to 3 channels.
/// All members are const and may run in parallel; each runs on the calling thread alone.
class Convolution {
 public:
  struct Shape {
    bool transposed = false;
    int in_channels = 0;  ///< of the layout: with `expanded` groups these are all channels
    int out_channels = 0;
    int in_height = 0, in_width = 0;
    int out_height = 0, out_width = 0;
    int groups = 1;
    Window y;  ///< pad_begin and pad_end as this tile needs them
    Window x;
    bool plain_input = false;
    bool bias = false;
    Activation::Kind activation =
        Activation::Kind::none;  ///< fused: none, relu, leaky_relu, elu, sigmoid, tanh
    float alpha = 0;
  };

  explicit Convolution(const Shape& shape);
  ~Convolution();
  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;

  /// Whether an activation can be fused.
  static bool fuses(Activation::Kind kind);

  int in_channels() const;

  /// Equal for convolutions that read weights in the same layout.
  const std::string& weights_layout() const;
  std::size_t weights_bytes() const;
  std::size_t scratch_bytes() const;

  /// Puts weights [out, in / groups, ky, kx] (transposed: [in, out / groups, ky, kx]) into the layout of
  /// execute().
  void arrange_weights(std::span<const float> weights, float* arranged) const;

  /// bias: [out_channels rounded up to the block], or null.
  void execute(const float* input, const float* weights, const float* bias, float* output,
               void* scratch) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fibflow::model
