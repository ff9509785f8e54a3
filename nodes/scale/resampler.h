#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "io/slice.h"

namespace fibflow::nodes {

/// How many times as many pixels a grid has, over the same area, as the stack's: 0.5 is half of them in that direction.
struct Scale {
  double y = 1;
  double x = 1;

  bool is_one() const { return y == 1 && x == 1; }
  friend bool operator==(const Scale&, const Scale&) = default;
};

/// A number of pixels in each direction.
struct GridSize {
  int height = 0;
  int width = 0;

  /// Of the grid that covers the same area at this scale: rounded to whole pixels, at least one.
  GridSize at(const Scale& scale) const;
  friend bool operator==(const GridSize&, const GridSize&) = default;
};

/// Brings planes from one grid to another over the same area, in each direction on its own: to fewer pixels by the average over
/// the area of each, to more of them linearly between the centres of the nearest two; beyond the outermost centres their value
/// stands. Each pixel depends on its surroundings only, and is summed in a fixed order: the same bits for any threads and tiles.
/// Immutable; may be called in parallel.
class Resampler {
 public:
  /// Throws std::invalid_argument if a size is not positive.
  Resampler(GridSize from, GridSize to);

  GridSize from() const { return from_; }
  GridSize to() const { return to_; }
  bool changes_nothing() const { return from_ == to_; }

  /// The slice, and its neighbours, on the other grid; of the same type, integers rounded to the nearest. Throws std::logic_error
  /// if it is of another size.
  io::Slice operator()(const io::Slice& slice) const;

  /// Adds weight times a row of the plane to what is there.
  using AddRow = std::function<void(int row, float weight, std::span<float> sums)>;
  /// Takes a row of the result.
  using TakeRow = std::function<void(int row, std::span<const float> values)>;
  /// Any plane, row by row.
  void rows(const AddRow& add, const TakeRow& take) const;

 private:
  /// What a pixel is made of, in one direction.
  struct Taps {
    int first = 0;               // pixel of the old grid
    std::vector<float> weights;  // of it and those that follow
  };
  static std::vector<Taps> taps(int from, int to);

  GridSize from_;
  GridSize to_;
  std::vector<Taps> of_row_;
  std::vector<Taps> of_column_;
};

}  // namespace fibflow::nodes
