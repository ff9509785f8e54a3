#include "pipeline/segment/slice_writer.h"

#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "io/error.h"
#include "io/formats/formats.h"

namespace fibflow::pipeline {

SliceWriter::SliceWriter(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
                         const std::string& description) {
  const io::WriterOptions with = choose(options, voxel_nm, depth, description);
  for (Output& output : outputs_) output.writer = io::create_stack(output.path, with);
}

SliceWriter::SliceWriter(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
                         const std::string& description, const Progress& from, const std::string& mark)
    : resumable_(true) {
  io::WriterOptions with = choose(options, voxel_nm, depth, description);
  with.mark = mark;
  for (Output& output : outputs_) {
    const auto found = from.find(output.name);
    if (found == from.end() && !from.empty())
      throw io::Error(io::ErrorKind::bad_data, output.path, "how far it was written is not known");
    const std::string progress = found == from.end() ? "" : found->second;
    if (io::is_finished_stack(output.path, depth, progress)) {
      output.finished = progress;
    } else {
      output.writer = io::resume_stack(output.path, with, progress);
    }
  }
}

io::WriterOptions SliceWriter::choose(const OutputOptions& options, io::VoxelSize voxel_nm,
                                      std::int64_t depth, const std::string& description) {
  if (!options.mask.empty() && options.mask == options.probability) {
    throw std::invalid_argument("the masks and the probabilities cannot both be written to " + options.mask);
  }
  if (!options.mask.empty()) {
    outputs_.push_back(
        {"mask", options.mask, [](const Input& slice) -> const io::Slice& { return slice.mask; }});
  }
  if (!options.probability.empty()) {
    outputs_.push_back({"probability", options.probability,
                        [](const Input& slice) -> const io::Slice& { return slice.probability.value(); }});
  }
  return {options.compression, voxel_nm, description, options.overwrite, depth, ""};
}

void SliceWriter::operator()(const Input& slice) {
  for (const Output& output : outputs_) {
    if (output.writer) output.writer->write(output.layer(slice));
  }
}

SliceWriter::Progress SliceWriter::progress() const {
  Progress progress;
  for (const Output& output : outputs_)
    progress[output.name] = output.writer ? output.writer->progress() : output.finished;
  return progress;
}

void SliceWriter::sync() {
  for (const Output& output : outputs_) {
    if (output.writer) output.writer->sync();
  }
}

void SliceWriter::keep() {
  for (const Output& output : outputs_) {
    if (output.writer) output.writer->keep();
  }
}

void SliceWriter::finish(const std::function<void()>& named) {
  // Masks last: what comes with them would look like a complete run without.
  for (auto output = outputs_.rbegin(); output != outputs_.rend(); ++output) {
    if (!output->writer) continue;
    try {
      output->writer->finish();
    } catch (...) {
      for (auto before = outputs_.rbegin(); before != output && !resumable_; ++before) {
        std::error_code ignored;
        std::filesystem::remove(before->path, ignored);
      }
      throw;
    }
    if (named) named();
  }
}

}  // namespace fibflow::pipeline
