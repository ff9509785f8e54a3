#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/tiff_writer.h"
#include "nodes/stitcher.h"
#include "pipeline/options.h"

namespace fibflow::pipeline {

/// Writes the segmented slices, in order: masks, and probabilities if they are wanted.
/// In:     SegmentedSlice.
/// Throws: io::Error.
/// Nothing appears under the outputs' names before finish().
class SliceWriter {
 public:
  using Input = nodes::SegmentedSlice;

  /// Throws io::Error (cannot_create) if an output exists and may not be overwritten, std::invalid_argument
  /// if both have one name.
  SliceWriter(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
              const std::string& description);

  void operator()(const Input& slice);

  /// Gives the outputs their names. If one of them cannot be completed, none stays.
  void finish();

 private:
  OutputOptions options_;
  std::optional<io::TiffWriter> mask_;
  std::optional<io::TiffWriter> probability_;
};

}  // namespace fibflow::pipeline
