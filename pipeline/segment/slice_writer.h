#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/stack_writer.h"
#include "nodes/tiles/stitcher.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

/// Writes the segmented slices, in order, a stack for each layer that is wanted.
/// In:     SegmentedSlice.
/// Throws: io::Error.
/// Nothing appears under the outputs' names before finish().
///
/// A resumable one leaves what it has written if keep() was called, or the process killed; another one goes on
/// from any progress() that was followed by sync(), to the same bytes.
class SliceWriter {
 public:
  using Input = nodes::SegmentedSlice;

  /// margins: around the slices, 0 in what is written. Throws io::Error (cannot_create) if an output exists and may not be overwritten, std::invalid_argument
  /// if both have one name.
  SliceWriter(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
              const std::string& description, const io::Margins& margins = {});

  /// How far each output has come, all with the same slices: by its layer's name ("mask"), what its format says of it
  /// (io::StackWriter::progress()).
  using Progress = std::map<std::string, std::string>;

  /// Resumable; goes on from there (begins anew if that is empty), and leaves a mark on what is finished
  /// (io/files/file_mark.h). Where a writer was killed while it gave the complete outputs their names, one that has its name
  /// already is left alone. Throws as above, and io::Error (bad_data) if what was written before is not there as it was.
  SliceWriter(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
              const std::string& description, const Progress& from, const std::string& mark,
              const io::Margins& margins = {});

  void operator()(const Input& slice);

  Progress progress() const;

  /// Brings what was written to the disk. Throws io::Error (read_write).
  void sync();

  /// From now on the growing outputs are left, to be gone on with. For a resumable one only.
  void keep();

  /// Gives the outputs their names. If one of them cannot be completed, none stays, unless it can be gone on
  /// with. named: called after each.
  void finish(const std::function<void()>& named = {});

 private:
  struct Output {
    nodes::Layer layer;
    std::string path;
    std::unique_ptr<io::StackWriter> writer = nullptr;  // null if it has its name already
    std::string finished = {};                          // its progress then
  };

  io::WriterOptions choose(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
                           const std::string& description);

  bool resumable_ = false;
  io::Margins margins_;
  std::vector<Output> outputs_;  // masks first
};

}  // namespace fibflow::pipeline
