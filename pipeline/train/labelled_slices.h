#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <vector>

#include "io/stack.h"
#include "nodes/intensity/intensity_sample.h"
#include "nodes/tiles/object_size.h"
#include "pipeline/flow/run_hooks.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

/// What a label that is not 0 means.
enum class Foreground {
  labels,   ///< a class: 1 or 255, or an index below the number of classes
  nonzero,  ///< an object of the one class, whatever its number
};

/// A slice and what its voxels are.
struct LabelledSlice {
  io::Slice image;
  io::Slice classes;  ///< u8, below the number of classes
};

/// Slices of a stack with those of its labels, checked and counted once, then read as they are needed; recently
/// used ones stay in memory. Not thread-safe.
class LabelledSlices {
 public:
  /// classes: 2 for labels 0 and 255 (or 0 and 1), or any number of an object; else labels are class indices below it.
  /// Reads all slices of the range once. Throws io::Error (bad_data) that names the file and the slice if the
  /// stacks have different sizes, a pixel is not a number, or a label is no class; Interrupted.
  LabelledSlices(io::Stack& images, io::Stack& labels, SliceRange range, int classes, Foreground foreground,
                 const RunHooks& hooks);

  const io::StackInfo& info() const { return images_.info(); }
  const io::StackInfo& labels_info() const { return labels_.info(); }
  const SliceRange& range() const { return range_; }
  int classes() const { return classes_; }

  /// Of all voxels of the range.
  const nodes::IntensitySample& intensities() const { return intensities_; }

  /// Voxels of a class in the range, and in the slice that is number n of it.
  std::int64_t voxels(int of_class) const;
  std::int64_t voxels(int of_class, std::int64_t n) const;

  /// Of all objects of the range, whatever their class, in its slices.
  const nodes::ObjectSize& object_size() const { return object_size_; }

  /// Whether any voxel is not background.
  bool has_foreground() const;

  /// The slice that is number n of the range.
  LabelledSlice read(std::int64_t n);

  /// Voxels of slices that stay in memory, in bytes.
  static constexpr std::size_t kept_bytes = std::size_t{1} << 30;

 private:
  LabelledSlice load(std::int64_t n);
  io::Slice classes_of(const io::Slice& labels) const;

  struct Kept {
    LabelledSlice slice;
    std::list<std::int64_t>::iterator age;
  };

  io::Stack& images_;
  io::Stack& labels_;
  SliceRange range_;
  int classes_;
  Foreground foreground_;
  nodes::IntensitySample intensities_;
  nodes::ObjectSize object_size_;
  std::vector<std::vector<std::int64_t>> counts_;  // [slice][class]
  std::map<std::int64_t, Kept> kept_;
  std::list<std::int64_t> ages_;  // the most recently used first
  std::size_t bytes_ = 0;
};

}  // namespace fibflow::pipeline
