#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/slice.h"
#include "io/stack.h"
#include "io/stack_writer.h"
#include "nodes/tiles/layer.h"
#include "nodes/tiles/stitcher.h"

namespace fibflow::pipeline {

/// What a live run writes into its folder.
struct LiveOutputOptions {
  std::string folder;
  bool probability = false;  ///< also probabilities
  io::PixelType probability_type = io::PixelType::u8;
  io::Compression compression = io::Compression::deflate;

  /// What is written, the masks first.
  std::vector<nodes::LayerFormat> layers() const;
};

/// The results of a live run: LAYER/NAME.tif ("masks", "probabilities"), one for each slice, NAME being that of the
/// slice's file without its extension; and on demand the stacks LAYER.tif. Each file is under its
/// name only when it is whole and on the disk. Not thread-safe.
class LiveOutput {
 public:
  /// Of a stack's slices.
  struct Shape {
    int height = 0;
    int width = 0;
    io::VoxelSize voxel_nm;
  };

  /// What became of the stacks.
  struct Written {
    std::vector<std::pair<std::string, std::size_t>> stacks;  ///< path and slices
    std::size_t left_out = 0;                                 ///< files
    std::string first_left_out;
  };

  using TakeName = std::function<void(const std::string& file)>;
  /// Gives the names of the slices' files in their order, the same ones each time.
  using EachName = std::function<void(const TakeName& take)>;

  /// Makes the folders where they are missing. Throws io::Error (cannot_create).
  LiveOutput(LiveOutputOptions options, std::string description);

  /// Masks are there already.
  bool has_results() const;

  /// What was written of a slice's file, as its layer `kind`, is like; nothing if it is not there.
  std::optional<io::StackInfo> written(const std::string& file, const std::string& kind) const;

  /// Writes a slice, replacing what an earlier process may have written of it. `file`: of the slice. margins: around it, 0. When it returns,
  /// the mask is on the disk. Throws io::Error.
  void write(const nodes::SegmentedSlice& slice, const std::string& file, io::VoxelSize voxel_nm,
             const io::Margins& margins = {});

  /// Writes the stacks of these slices' layers, in this order, replacing older ones; what was written of each slice is copied
  /// as it is stored, and memory is that of one slice. What somebody has moved away, or made unreadable, is left out. advance:
  /// called after each slice. Throws io::Error.
  Written write_stacks(const EachName& each_file, const Shape& shape, const std::function<void()>& advance);

  /// The names of the stacks: kind and path.
  std::vector<std::pair<std::string, std::string>> stacks() const;

 private:
  std::string path_of(const std::string& kind, const std::string& file) const;
  std::string stack_of(const std::string& kind) const;
  void write_one(const io::Slice& slice, const std::string& path, io::VoxelSize voxel_nm) const;

  const LiveOutputOptions options_;
  const std::string description_;
};

}  // namespace fibflow::pipeline
