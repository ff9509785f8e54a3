#include "pipeline/live/live_output.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/folder.h"
#include "io/folder/slice_file.h"
#include "io/formats/formats.h"

namespace fibflow::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr const char* masks = nodes::plural_of(nodes::Layer::mask);

}  // namespace

std::vector<nodes::LayerFormat> LiveOutputOptions::layers() const {
  std::vector<nodes::LayerFormat> layers{{nodes::Layer::mask, io::PixelType::u8}};
  if (probability) layers.push_back({nodes::Layer::probability, probability_type});
  return layers;
}

LiveOutput::LiveOutput(LiveOutputOptions options, std::string description)
    : options_(std::move(options)), description_(std::move(description)) {
  io::make_folder(options_.folder);
  for (const nodes::LayerFormat& format : options_.layers())
    io::make_folder(options_.folder + "/" + nodes::plural_of(format.layer));
}

bool LiveOutput::has_results() const {
  std::error_code ignored;
  const fs::directory_iterator entries(options_.folder + "/" + masks, ignored);
  return std::any_of(begin(entries), end(entries),
                     [](const auto& entry) { return entry.path().filename().string().front() != '.'; });
}

std::optional<io::StackInfo> LiveOutput::written(const std::string& file, const std::string& kind) const {
  try {
    return io::open_stack(path_of(kind, file))->info();
  } catch (const io::Error&) {
    return std::nullopt;
  }
}

void LiveOutput::write(const nodes::SegmentedSlice& slice, const std::string& file, io::VoxelSize voxel_nm,
                       const io::Margins& margins) {
  // The mask last: without what comes with it, it would look like a finished slice.
  const std::vector<nodes::LayerFormat> layers = options_.layers();
  for (auto format = layers.rbegin(); format != layers.rend(); ++format)
    write_one(slice.layer(format->layer).within(margins), path_of(nodes::plural_of(format->layer), file),
              voxel_nm);
}

LiveOutput::Written LiveOutput::write_stacks(const EachName& each_file, const Shape& shape,
                                             const std::function<void()>& advance) {
  Written written_now;
  for (const nodes::LayerFormat& format : options_.layers()) {
    const std::string kind = nodes::plural_of(format.layer);
    const auto is_usable = [&](const std::string& file) {
      const auto info = written(file, kind);
      return info && info->depth == 1 && info->height == shape.height && info->width == shape.width &&
             info->type == format.type;
    };
    // How many there are has to be known before the first one is written.
    std::vector<bool> usable;
    std::int64_t slices = 0;
    each_file([&](const std::string& file) {
      usable.push_back(is_usable(file));
      if (usable.back()) {
        ++slices;
      } else if (written_now.left_out++ == 0) {
        written_now.first_left_out = path_of(kind, file);
      }
      advance();
    });
    if (slices == 0) continue;
    const auto writer =
        io::create_stack(stack_of(kind), {options_.compression, shape.voxel_nm, description_, true, slices});
    std::size_t place = 0;
    each_file([&](const std::string& file) {
      if (!usable.at(place++)) return;
      const std::string part = path_of(kind, file);
      if (!writer->copy(part)) writer->write(io::open_stack(part)->read(0));
      advance();
    });
    writer->finish();
    written_now.stacks.emplace_back(stack_of(kind), static_cast<std::size_t>(slices));
  }
  return written_now;
}

std::string LiveOutput::stack_of(const std::string& kind) const {
  return options_.folder + "/" + kind + ".tif";
}

std::vector<std::pair<std::string, std::string>> LiveOutput::stacks() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const nodes::LayerFormat& format : options_.layers()) {
    const std::string kind = nodes::plural_of(format.layer);
    all.emplace_back(kind, stack_of(kind));
  }
  return all;
}

std::string LiveOutput::path_of(const std::string& kind, const std::string& file) const {
  return options_.folder + "/" + kind + "/" + io::bare_name(file) + ".tif";
}

void LiveOutput::write_one(const io::Slice& slice, const std::string& path, io::VoxelSize voxel_nm) const {
  const auto writer = io::create_stack(path, {options_.compression, voxel_nm, description_, true, 1});
  writer->write(slice);
  writer->finish();
}

}  // namespace fibflow::pipeline
