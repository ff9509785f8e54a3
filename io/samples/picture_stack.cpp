#include "io/samples/picture_stack.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/contents.h"
#include "io/metadata/microscope.h"

namespace fibflow::io {

void PictureStack::bad(const std::string& reason) const {
  throw Error(ErrorKind::bad_data, info_.path, reason);
}

std::string PictureStack::require_head(std::size_t bytes) const {
  std::error_code ignored;
  if (!std::filesystem::exists(info_.path, ignored)) {
    throw Error(ErrorKind::missing, info_.path, "there is no such file");
  }
  if (!std::filesystem::is_regular_file(info_.path, ignored)) bad("is not a regular file");
  return head_of(info_.path, bytes);
}

void PictureStack::describe(const char* format, const char* compression, int height, int width,
                            const SampleForm& form, const OpenOptions& options) {
  if (options.channel && *options.channel >= form.samples) {
    bad("has " + std::to_string(form.samples) + (form.samples == 1 ? " channel" : " channels") +
        ": there is no channel " + std::to_string(*options.channel));
  }
  // A lying header must not make us allocate what the file cannot hold: of a byte, deflate makes 1,032 at most, JPEG half of that.
  constexpr std::size_t most_per_byte = 2000;
  std::error_code unknown;
  const std::uintmax_t stored = std::filesystem::file_size(info_.path, unknown);
  if (!unknown && static_cast<std::size_t>(height) * form.row_bytes(width) / most_per_byte > stored) {
    bad("claims " + std::to_string(width) + " x " + std::to_string(height) + " voxels in " +
        std::to_string(stored) + " bytes: it is truncated or damaged");
  }
  conversion_.form = form;
  conversion_.form.sample = options.channel;
  conversion_.labels = options.labels;
  info_.channel = options.channel;
  info_.format = format;
  info_.compression = compression;
  info_.depth = 1;
  info_.height = height;
  info_.width = width;
  info_.type = form.type().value();
  // The file's bytes, and the samples.
  info_.decoding_bytes = 2 * static_cast<std::size_t>(height) * form.row_bytes(width);
  const MicroscopeFacts facts = read_sidecar(info_.path, height, width);
  info_.voxel_nm = facts.nm;
  if (facts.nm.x > 0) info_.voxel_source = facts.source;
  if (facts.data_bar > 0) {
    info_.not_image.bottom = facts.data_bar;
    info_.remarks.push_back(spoken_data_bar(facts.data_bar, facts.source));
  }
  for (std::string& remark : remarks_of(conversion_)) info_.remarks.push_back(std::move(remark));
}

Slice PictureStack::read(std::int64_t z) {
  if (z != 0) throw std::out_of_range(info_.format + ": slice " + std::to_string(z) + " of 1");
  const std::string bytes = contents_of(info_.path);
  const std::size_t row = form().row_bytes(info_.width);
  const auto samples =
      std::make_unique_for_overwrite<std::byte[]>(row * static_cast<std::size_t>(info_.height));
  decode(bytes, samples.get(), row);
  auto voxels = std::make_shared_for_overwrite<std::byte[]>(info_.slice_bytes());
  try {
    convert_samples(conversion_, samples.get(), 0, row, {{0, info_.height}, {0, info_.width}}, voxels.get());
  } catch (const std::runtime_error& reason) {
    bad(reason.what());
  }
  return {0, info_.height, info_.width, info_.type, std::move(voxels)};
}

}  // namespace fibflow::io
