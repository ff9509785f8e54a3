#include "pipeline/segment/slice_writer.h"

#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "io/error.h"
#include "io/formats/formats.h"

namespace fibflow::pipeline {

SliceWriter::SliceWriter(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
                         const std::string& description, const io::Margins& margins)
    : margins_(margins) {
  const io::WriterOptions with = choose(options, voxel_nm, depth, description);
  for (Output& output : outputs_) output.writer = io::create_stack(output.path, with);
}

SliceWriter::SliceWriter(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
                         const std::string& description, const Progress& from, const std::string& mark,
                         const io::Margins& margins)
    : resumable_(true), margins_(margins) {
  io::WriterOptions with = choose(options, voxel_nm, depth, description);
  with.mark = mark;
  for (Output& output : outputs_) {
    const auto found = from.find(nodes::name_of(output.layer));
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
  for (const LayerOutput& layer : options.layers()) {
    for (const Output& other : outputs_) {
      if (other.path != layer.path) continue;
      throw std::invalid_argument(std::string("the ") + nodes::plural_of(other.layer) + " and the " +
                                  nodes::plural_of(layer.layer) + " cannot both be written to " + layer.path);
    }
    outputs_.push_back({layer.layer, layer.path});
  }
  return {options.compression, voxel_nm, description, options.overwrite, depth, ""};
}

void SliceWriter::operator()(const Input& slice) {
  for (const Output& output : outputs_) {
    if (output.writer) output.writer->write(slice.layer(output.layer).within(margins_));
  }
}

SliceWriter::Progress SliceWriter::progress() const {
  Progress progress;
  for (const Output& output : outputs_)
    progress[nodes::name_of(output.layer)] = output.writer ? output.writer->progress() : output.finished;
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
