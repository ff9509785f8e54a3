#pragma once

// Internal to model/: the memory-bound operations, on blocked feature maps (convolutions: convolution.h).
// The same source is compiled for several instruction sets; kernels() picks one when the program starts.

#include <cstddef>

#include "model/engine/activation.h"
#include "model/region.h"

namespace fibflow::model {

/// A rectangle of a feature map of which [blocks][height][width][block] floats are addressed through strides.
struct MapView {
  float* data = nullptr;     ///< the rectangle's first pixel in the first block of channels
  std::ptrdiff_t row = 0;    ///< floats from one row to the next
  std::ptrdiff_t plane = 0;  ///< floats from one block of channels to the next
};

/// The size of what is worked on.
struct Span {
  int blocks = 0;
  int height = 0;
  int width = 0;
  int block = 1;  ///< channels per block: 1 or channel_block()
};

/// Which pixels of a rectangle count in moments; columns are relative to the rectangle.
struct CountedPixels {
  /// The runs of row y are runs[first[y]], …, runs[last[y] - 1]: ascending, apart from each other.
  const int* first = nullptr;  ///< [rows]
  const int* last = nullptr;   ///< [rows]
  const Interval* runs = nullptr;
};

/// y = activation(x * scale + shift), and moments of x over a rectangle of it.
struct NormalizeArguments {
  const float* scale = nullptr;  ///< [blocks * block]; null: x is only measured, nothing is written
  const float* shift = nullptr;
  Activation::Kind activation = Activation::Kind::none;
  float a = 0;
  float b = 0;
  const float* slopes = nullptr;  ///< prelu: [blocks * block]
  Region share;                   ///< measured part, relative to the view; empty: nothing is measured
  const CountedPixels* counted = nullptr;  ///< of the share; null: all
  const float* centre = nullptr;  ///< [blocks * block]: sums are of x - centre, which keeps variances exact
  double* sum = nullptr;          ///< [blocks * block], replaced
  double* squares = nullptr;      ///< [blocks * block], replaced
};

/// Which input pixels each output of a window or a resize reads along one axis; indices relative to the view.
struct PoolAxis {
  const int* first = nullptr;     ///< [outputs] first pixel inside the image
  const int* count = nullptr;     ///< [outputs] pixels inside the image
  const float* weight = nullptr;  ///< [outputs] 1 / divisor (average)
  int step = 1;                   ///< dilation
};

struct ResizeTaps {
  const int* first = nullptr;
  const int* second = nullptr;
  const float* weight = nullptr;
};

/// What is done with two maps, pixel by pixel.
enum class Arithmetic { add, subtract, multiply };

struct Kernels {
  /// from and to may be the same view.
  void (*normalize)(MapView from, MapView to, Span span, const NormalizeArguments& how);
  void (*pool)(MapView from, MapView to, Span span, bool maximum, PoolAxis y,
               PoolAxis x);  ///< span is the output's
  void (*resize)(MapView from, MapView to, Span span, bool linear, ResizeTaps y, ResizeTaps x);
  /// a_single, b_single: the operand has one channel, which serves all.
  void (*binary)(Arithmetic kind, MapView a, bool a_single, MapView b, bool b_single, MapView to, Span span);
  /// Over `channels` channels, in place or not.
  void (*softmax)(MapView from, MapView to, Span span, int channels);
  /// Picks input row y[i] and column x[j] (-1: the constant) for output pixel i, j.
  void (*pick)(MapView from, MapView to, Span span, const int* y, const int* x, float constant);
  /// [height][width][sub y][sub x][blocks of channels] to [height * sub y][width * sub x]: what a convolution
  /// to sub_y * sub_x times the channels makes of a transposed one without overlap. first_*: the first output
  /// pixel in the grid of the input. span is the output's; channel blocks of sub-pixel s begin at block s *
  /// span.blocks.
  void (*depth_to_space)(MapView from, MapView to, Span span, int sub_y, int sub_x, int first_y, int first_x);
};

const Kernels& kernels();

// Plain copies need no instruction set.

/// Copies whole blocks.
void copy(MapView from, MapView to, Span span);

/// Copies channels one by one where they do not fill blocks: from [from_first, + channels) to [to_first, +
/// channels). The spans' heights and widths agree; lanes beyond are left alone.
void copy_channels(MapView from, int from_block, int from_first, MapView to, int to_block, int to_first,
                   int channels, int height, int width);

}  // namespace fibflow::model
