#include "pipeline/segment/slice_writer.h"

#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace fibflow::pipeline {

SliceWriter::SliceWriter(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
                         const std::string& description)
    : options_(options) {
  const io::TiffWriterOptions tiff = tiff_options(voxel_nm, depth, description);
  if (!options.mask.empty()) mask_.emplace(options.mask, tiff);
  if (!options.probability.empty()) probability_.emplace(options.probability, tiff);
}

SliceWriter::SliceWriter(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
                         const std::string& description, const Progress& from, const std::string& mark)
    : options_(options), resumable_(true) {
  io::TiffWriterOptions tiff = tiff_options(voxel_nm, depth, description);
  tiff.mark = mark;
  const auto open = [&](const std::string& path, const std::optional<io::TiffProgress>& progress,
                        std::optional<io::TiffWriter>& writer, std::optional<io::TiffProgress>& finished) {
    if (path.empty()) return;
    if (progress && progress->slices == depth && io::is_finished(path, *progress)) {
      finished = progress;
    } else {
      writer.emplace(path, tiff, progress.value_or(io::TiffProgress{}));
    }
  };
  open(options.mask, from.mask, mask_, finished_.mask);
  open(options.probability, from.probability, probability_, finished_.probability);
}

io::TiffWriterOptions SliceWriter::tiff_options(io::VoxelSize voxel_nm, std::int64_t depth,
                                                const std::string& description) const {
  if (!options_.mask.empty() && options_.mask == options_.probability) {
    throw std::invalid_argument("the masks and the probabilities cannot both be written to " + options_.mask);
  }
  return {options_.compression, voxel_nm, description, options_.overwrite, depth, ""};
}

void SliceWriter::operator()(const Input& slice) {
  if (mask_) mask_->write(slice.mask);
  if (probability_) probability_->write(slice.probability.value());
}

SliceWriter::Progress SliceWriter::progress() const {
  Progress progress = finished_;
  if (mask_) progress.mask = mask_->progress();
  if (probability_) progress.probability = probability_->progress();
  return progress;
}

void SliceWriter::sync() {
  if (mask_) mask_->sync();
  if (probability_) probability_->sync();
}

void SliceWriter::keep() {
  if (mask_) mask_->keep();
  if (probability_) probability_->keep();
}

void SliceWriter::finish(const std::function<void()>& named) {
  const auto finish_one = [&](std::optional<io::TiffWriter>& writer) {
    if (!writer) return;
    writer->finish();
    if (named) named();
  };
  finish_one(probability_);
  try {
    finish_one(mask_);
  } catch (...) {
    // Probabilities without masks would look like a complete run.
    std::error_code ignored;
    if (probability_ && !resumable_) std::filesystem::remove(options_.probability, ignored);
    throw;
  }
}

}  // namespace fibflow::pipeline
