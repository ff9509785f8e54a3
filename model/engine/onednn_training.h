#pragma once

// Internal to model/: the primitives that training adds to that of convolution.h.

#include <cstddef>
#include <memory>
#include <span>

namespace fibflow::model {

/// A convolution of one image with stride 1 and without bias that keeps the image's size, compiled for the
/// forward pass and both backward passes. Feature maps are blocked as in cpu.h; channels fill their blocks.
/// All members are const and may run in parallel; each runs on the calling thread alone.
class TrainingConvolution {
 public:
  struct Shape {
    int in_channels = 0;   ///< a multiple of channel_block(); 1 to 3 if the input is plain
    int out_channels = 0;  ///< a multiple of channel_block()
    int height = 0;
    int width = 0;
    int kernel = 3;            ///< 1 or 3; padded with (kernel - 1) / 2 zeros
    bool plain_input = false;  ///< [channels][height][width]; has no backward_data()
  };

  explicit TrainingConvolution(const Shape& shape);
  ~TrainingConvolution();
  TrainingConvolution(const TrainingConvolution&) = delete;
  TrainingConvolution& operator=(const TrainingConvolution&) = delete;

  const Shape& shape() const;

  /// Floats of the weights [out, in, kernel, kernel], and of each layout that a pass reads or writes.
  std::size_t plain_floats() const;
  std::size_t forward_floats() const;
  std::size_t backward_floats() const;  ///< 0 for a plain input
  std::size_t gradient_floats() const;
  std::size_t scratch_bytes() const;  ///< enough for each pass

  /// Puts plain weights into the layouts of forward() and backward_data().
  void arrange(const float* plain, float* forward, float* backward) const;

  /// The plain form of what backward_weights() wrote.
  void collect(const float* gradient, float* plain) const;

  void forward(const float* input, const float* weights, float* output, void* scratch) const;

  /// The gradient of the input from that of the output.
  void backward_data(const float* output_gradient, const float* weights, float* input_gradient,
                     void* scratch) const;

  /// The gradient of the weights from the input and the gradient of the output; replaced, not added to.
  void backward_weights(const float* input, const float* output_gradient, float* gradient,
                        void* scratch) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fibflow::model
