#include "pipeline/slice_writer.h"

#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace fibflow::pipeline {

SliceWriter::SliceWriter(const OutputOptions& options, io::VoxelSize voxel_nm, std::int64_t depth,
                         const std::string& description)
    : options_(options) {
  if (!options.mask.empty() && options.mask == options.probability) {
    throw std::invalid_argument("the masks and the probabilities cannot both be written to " + options.mask);
  }
  const io::TiffWriterOptions tiff{options.compression, voxel_nm, description, options.overwrite, depth};
  if (!options.mask.empty()) mask_.emplace(options.mask, tiff);
  if (!options.probability.empty()) probability_.emplace(options.probability, tiff);
}

void SliceWriter::operator()(const Input& slice) {
  if (mask_) mask_->write(slice.mask);
  if (probability_) probability_->write(slice.probability.value());
}

void SliceWriter::finish() {
  if (probability_) probability_->finish();
  try {
    if (mask_) mask_->finish();
  } catch (...) {
    // Probabilities without masks would look like a complete run.
    std::error_code ignored;
    if (probability_) std::filesystem::remove(options_.probability, ignored);
    throw;
  }
}

}  // namespace fibflow::pipeline
