#include "io/tiff/tiff_stack.h"

#include <tiff.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "io/error.h"
#include "io/metadata/microscope.h"
#include "io/tiff/image_description.h"
#include "io/tiff/tiff_handle.h"
#include "io/tiff/voxel_size.h"

namespace fibflow::io {
namespace {

constexpr std::size_t longest_description = 64 << 20;

[[noreturn]] void bad(const std::string& path, const std::string& reason) {
  throw Error(ErrorKind::bad_data, path, reason);
}

void swap_bytes(std::byte* voxels, std::size_t count, std::size_t width) {
  for (std::size_t i = 0; i < count; ++i) std::reverse(voxels + i * width, voxels + (i + 1) * width);
}

std::optional<ShapedDescription> shape_of(const TiffFile& file, const TiffDirectory& directory) {
  const TiffEntry* entry = directory.find(TIFFTAG_IMAGEDESCRIPTION);
  return entry == nullptr ? std::nullopt : parse_shaped(file.text(*entry, longest_description));
}

/// Of a page while a file is opened, with room for vectors that grow: 20 in a TiffPages, twice as the reduced ones are left out,
/// and 12 that stay.
constexpr std::size_t opening_bytes = 2 * (20 + 20 + 12);

}  // namespace

TiffStack::TiffStack(const std::string& path, bool one_of_many, const OpenOptions& options)
    : options_(options), file_(path) {
  info_.path = path;
  info_.format = file_.is_big_tiff() ? "BigTIFF" : "TIFF";
  pages_ = pages_of(file_);
  select_pages();
  leave_thumbnails_out();
  const TiffDirectory first = file_.directory(directories_[0]);
  try {
    OpenOptions layout_options = options_;
    // Of several samples one has to be chosen; pages are chosen later.
    if (pages_[0].samples == 1) layout_options.channel.reset();
    if (const auto shaped = shape_of(file_, first);
        shaped && pages_[0].planar && shaped->shape.size() == 3 &&
        shaped->shape[0] == static_cast<std::int64_t>(pages_[0].samples)) {
      planes_are_slices_ = !options_.channel;
      if (planes_are_slices_) layout_options.channel = 0;
    }
    layout_ = gray_layout(file_, first, layout_options);
  } catch (const std::runtime_error& reason) {
    bad(path, page_name(0) + ": " + reason.what());
  }
  const TiffPage first_page = pages_[0];
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    const TiffPage page = pages_[i];
    const auto z = static_cast<std::int64_t>(i);
    if (const std::string differs = difference(page, first_page); !differs.empty()) {
      bad(path, page_name(z) + ": " + differs + " in the first slice");
    }
    // Read errors would tell as much, but hours later.
    if (page.voxels_end > file_.size()) {
      bad(path, page_name(z) + ": its voxels end at byte " + std::to_string(page.voxels_end) +
                    ", but the file has only " + std::to_string(file_.size()) +
                    ": it is truncated or damaged");
    }
  }
  try {
    info_.decoding_bytes = check_page(file_, directories_[0], layout_);
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& reason) {
    bad(path, page_name(0) + ": " + reason.what());
  }

  info_.compression = compression_name(pages_[0].compression);
  info_.height = layout_.height;
  info_.width = layout_.width;
  info_.type = layout_.type;
  info_.depth = static_cast<std::int64_t>(directories_.size());
  info_.index_bytes = directories_.size() * opening_bytes;
  const VoxelReading voxel = read_voxel_size(file_, first, info_.height, info_.width);
  info_.voxel_nm = voxel.nm;
  info_.voxel_source = voxel.source;
  if (voxel.data_bar > 0) {
    info_.not_image.bottom = voxel.data_bar;
    info_.remarks.push_back(spoken_data_bar(voxel.data_bar, voxel.data_bar_source));
  }
  interpret_description(first, one_of_many);
  const SampleForm& form = layout_.stored;
  info_.channel = options_.channel;
  info_.zero = form.zero(layout_.labels);
  if (form.bits < 16 && form.bits != 8) info_.bits = form.bits;
  for (std::string& remark : remarks_of(layout_.conversion())) info_.remarks.push_back(std::move(remark));
  if (pages_[0].orientation != ORIENTATION_TOPLEFT) {
    info_.remarks.push_back("orientation tag " + std::to_string(pages_[0].orientation) +
                            " is ignored: rows and columns are taken as stored, as ImageJ does");
  }
  palette_ = pages_[0].photometric == PHOTOMETRIC_PALETTE;
  if (!layout_.palette.empty()) {
    info_.remarks.push_back(
        "a gray palette with colours for annotations: these are read as their brightness");
  }
  pages_ = {};
}

void TiffStack::select_pages() {
  TiffPages kept;
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    const TiffPage page = pages_[i];
    if (page.reduced) continue;
    kept.add(page);
    directories_.push_back(page.offset);
    page_numbers_.push_back(static_cast<std::uint32_t>(i + 1));
  }
  const std::size_t slices = kept.size();
  if (slices == 0) bad(info_.path, "holds only thumbnails, reduced-resolution images or masks");
  if (const std::size_t left_out = pages_.size() - slices; left_out > 0) {
    info_.remarks.push_back(std::to_string(left_out) + " of " + std::to_string(pages_.size()) +
                            " pages left out: thumbnails, reduced-resolution images or transparency masks");
  }
  pages_ = std::move(kept);
}

/// Programs that do not mark a thumbnail put one after each image.
void TiffStack::leave_thumbnails_out() {
  if (pages_.size() < 2 || pages_.size() % 2 != 0) return;
  const TiffPage image = pages_[0];
  const TiffPage other = pages_[1];
  if (other.width == 0 || other.height == 0 || 2 * other.width > image.width ||
      2 * other.height > image.height)
    return;
  std::vector<std::size_t> images;
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    const TiffPage& expected = i % 2 == 0 ? image : other;
    const TiffPage page = pages_[i];
    if (page.width != expected.width || page.height != expected.height) return;
    if (i % 2 == 0) images.push_back(i);
  }
  info_.remarks.push_back(std::to_string(images.size()) + " of " + std::to_string(pages_.size()) +
                          " pages left out: each image is followed by a small one of " +
                          std::to_string(other.width) + " x " + std::to_string(other.height) + " voxels");
  keep_pages(images);
}

void TiffStack::keep_pages(const std::vector<std::size_t>& kept) {
  TiffPages pages;
  std::vector<std::uint64_t> directories;
  std::vector<std::uint32_t> numbers;
  for (const std::size_t i : kept) {
    pages.add(pages_[i]);
    directories.push_back(directories_[i]);
    numbers.push_back(page_numbers_[i]);
  }
  pages_ = std::move(pages);
  directories_ = std::move(directories);
  page_numbers_ = std::move(numbers);
}

void TiffStack::interpret_description(const TiffDirectory& directory, bool one_of_many) {
  const TiffEntry* entry = directory.find(TIFFTAG_IMAGEDESCRIPTION);
  const std::string text = entry == nullptr ? std::string() : file_.text(*entry, longest_description);
  info_.description = text.substr(0, 64 << 10);
  if (const auto shaped = parse_shaped(text)) {
    interpret_shape(directory, *shaped, one_of_many);
  } else if (const auto imagej = parse_imagej(text)) {
    if (imagej->channels <= 1 && imagej->images != info_.depth && imagej->images > 1) {
      if (info_.depth == 1 && pages_[0].compression == COMPRESSION_NONE) {
        claim_contiguous(directory, imagej->images, "ImageJ's description");
      } else if (!one_of_many) {
        info_.remarks.push_back("ImageJ's description says " + std::to_string(imagej->images) +
                                " images, the file holds " + std::to_string(info_.depth));
      }
    }
    const Dimensions dimensions = {{'T', imagej->frames}, {'Z', imagej->slices}, {'C', imagej->channels}};
    choose_channel("ImageJ", dimensions);
    look_for_film("ImageJ", dimensions);
  } else if (const auto ome = parse_ome(text, std::filesystem::path(info_.path).filename().string())) {
    if (ome->images > 1 && info_.depth > 1) {
      bad(info_.path, "OME-XML describes " + std::to_string(ome->images) +
                          " images in this file: save the one to be read as its own stack");
    }
    if (ome->channels > 1 && ome->only_channel) {
      info_.remarks.push_back("OME-XML describes " + std::to_string(ome->channels) +
                              " channels in a set of files; this file holds channel " +
                              std::to_string(*ome->only_channel));
      if (options_.channel && *options_.channel != *ome->only_channel) {
        bad(info_.path, "holds channel " + std::to_string(*ome->only_channel) +
                            " of a set of files, not channel " + std::to_string(*options_.channel) +
                            ": name the file that has it");
      }
      return;
    }
    if (ome->channels > 1 && options_.channel && pages_[0].samples == 1 && !ome->planes.empty()) {
      std::vector<OmeDescription::Plane> planes;
      for (const OmeDescription::Plane& plane : ome->planes) {
        if (plane.channel == *options_.channel) planes.push_back(plane);
      }
      std::ranges::sort(planes, {}, [](const auto& plane) { return std::pair(plane.frame, plane.slice); });
      std::vector<std::size_t> kept;
      for (const OmeDescription::Plane& plane : planes) {
        if (plane.page >= info_.depth) {
          bad(info_.path, "OME-XML tells of page " + std::to_string(plane.page + 1) + ", the file holds " +
                              std::to_string(info_.depth));
        }
        kept.push_back(static_cast<std::size_t>(plane.page));
      }
      if (kept.empty()) {
        bad(info_.path, "OME-XML describes channels 0 to " + std::to_string(ome->channels - 1) +
                            ": there is no channel " + std::to_string(*options_.channel));
      }
      keep_pages(kept);
      info_.depth = static_cast<std::int64_t>(kept.size());
      look_for_film("OME-XML", {{'T', ome->frames}, {'Z', ome->slices}});
      return;
    }
    if (ome->reordered && info_.depth > 1 && ome->channels <= 1) {
      bad(info_.path, "OME-XML says that the pages are not in z order: save them in z order");
    }
    if (ome->slices > 1 && ome->channels <= 1 && ome->frames <= 1 && ome->slices != info_.depth &&
        !one_of_many) {
      info_.remarks.push_back("OME-XML describes " + std::to_string(ome->slices) +
                              " slices, this file holds " + std::to_string(info_.depth));
    }
    Dimensions dimensions;
    for (const char dimension : ome->order) {
      if (dimension == 'C') dimensions.emplace(dimensions.begin(), 'C', ome->channels);
      if (dimension == 'Z') dimensions.emplace(dimensions.begin(), 'Z', ome->slices);
      if (dimension == 'T') dimensions.emplace(dimensions.begin(), 'T', ome->frames);
    }
    choose_channel("OME-XML", dimensions);
    look_for_film("OME-XML", dimensions);
  } else {
    choose_channel("", {});
  }
}

/// tifffile's arrays: of one dimension beside height and width, or of named ones; one for each series of pages.
void TiffStack::interpret_shape(const TiffDirectory& directory, const ShapedDescription& shaped,
                                bool one_of_many) {
  std::vector<std::int64_t> leading = shaped.shape;
  std::string axes = shaped.axes;
  const auto samples = static_cast<std::int64_t>(pages_[0].samples);
  // [..., planes, height, width, samples]
  const std::size_t of_a_page = 2 + (samples > 1 ? 1 : 0);
  for (std::size_t i = 0; i < of_a_page && !leading.empty(); ++i) {
    leading.pop_back();
    if (!axes.empty()) axes.pop_back();
  }
  std::int64_t images = 1;
  for (const std::int64_t size : leading) {
    constexpr std::int64_t most = std::int64_t{1} << 40;
    images = size > 0 && images <= most / size ? images * size : 0;
  }
  const std::string who = "tifffile's description";
  if (planes_are_slices_) {
    if (info_.depth > 1)
      bad(info_.path, "holds " + std::to_string(info_.depth) + " pages of planes: save the slices as pages");
    info_.depth = samples;
    info_.remarks.push_back("its " + std::to_string(samples) + " colour planes are read as slices: " + who +
                            " says that they are an array of " + std::to_string(samples));
    return;
  }
  if (images > info_.depth && info_.depth == 1 && pages_[0].compression == COMPRESSION_NONE && samples == 1) {
    claim_contiguous(directory, images, who);
  } else if (images > 0 && images < info_.depth && !one_of_many) {
    const auto next = static_cast<std::size_t>(images);
    if (shape_of(file_, file_.directory(directories_[next]))) {
      bad(info_.path, "holds more than one stack: its first " + std::to_string(images) +
                          " pages are one by " + who + ", and another begins with page " +
                          std::to_string(page_numbers_[next]) +
                          ": save the one to be read in a file of its own");
    }
  } else if (images != info_.depth && !one_of_many) {
    info_.remarks.push_back(who + " says " + std::to_string(images) + " images, the file holds " +
                            std::to_string(info_.depth));
  }
  Dimensions dimensions;
  for (std::size_t i = 0; i < leading.size(); ++i) {
    if (leading[i] > 1) dimensions.emplace_back(axes.empty() ? 'Q' : axes[i], leading[i]);
  }
  if (images != info_.depth) dimensions.clear();
  choose_channel("tifffile", dimensions);
  look_for_film("tifffile", dimensions);
}

/// Of pages along several dimensions, the slowest first, those of one channel.
void TiffStack::choose_channel(const std::string& who, const Dimensions& dimensions) {
  std::int64_t channels = 1, inner = 1, product = 1;
  for (const auto& [dimension, size] : dimensions) {
    product *= std::max<std::int64_t>(size, 1);
    if (dimension == 'C' && size > 1) {
      channels = size;
      inner = 1;
    } else {
      inner *= std::max<std::int64_t>(size, 1);
    }
  }
  if (pages_[0].samples > 1) return;  // the channels are in each voxel
  if (channels <= 1) {
    if (options_.channel.value_or(0) > 0)
      bad(info_.path, "has one channel: there is no channel " + std::to_string(*options_.channel));
    return;
  }
  const std::string last = std::to_string(channels - 1);
  if (!options_.channel) {
    bad(info_.path,
        who + " describes " + std::to_string(channels) + " channels: name one with --channel, 0 to " + last);
  }
  if (*options_.channel >= channels) {
    bad(info_.path, who + " describes channels 0 to " + last + ": there is no channel " +
                        std::to_string(*options_.channel));
  }
  if (product != info_.depth || contiguous_at_ != 0) {
    bad(info_.path, who + " describes " + std::to_string(product) + " images, which are not " +
                        std::to_string(info_.depth) + " pages: save the channel as its own stack");
  }
  std::vector<std::size_t> kept;
  for (std::int64_t page = 0; page < info_.depth; ++page) {
    if (page / inner % channels == *options_.channel) kept.push_back(static_cast<std::size_t>(page));
  }
  keep_pages(kept);
  info_.depth = static_cast<std::int64_t>(kept.size());
}

/// Refuses what is more than slices in z, or in time. A dimension of another letter than C and T is z.
void TiffStack::look_for_film(const std::string& who, const Dimensions& dimensions) {
  std::int64_t frames = 1, slices = 1;
  int others = 0;
  for (const auto& [dimension, size] : dimensions) {
    if (size <= 1 || dimension == 'C') continue;
    (dimension == 'T' ? frames : slices) *= size;
    others += dimension == 'T' ? 0 : 1;
  }
  if (others > 1) {
    bad(info_.path, who + " describes images along " + std::to_string(others) +
                        " dimensions: save the ones of one z axis as their own stack");
  }
  if (frames > 1 && slices > 1) {
    bad(info_.path, who + " describes a film of " + std::to_string(frames) + " volumes with " +
                        std::to_string(slices) + " slices each: save one volume as its own stack");
  }
  if (frames > 1) {
    info_.remarks.push_back(who + " describes " + std::to_string(frames) +
                            " time points: they are read as slices in z");
  }
}

void TiffStack::claim_contiguous(const TiffDirectory& directory, std::int64_t images,
                                 const std::string& who) {
  const std::string claim = who + " says " + std::to_string(images) + " images, ";
  const TiffEntry* strips = directory.find(TIFFTAG_STRIPOFFSETS);
  const auto offsets = strips == nullptr ? std::vector<std::uint64_t>() : file_.integers(*strips, 1);
  const std::uint64_t bytes = layout_.stored_bytes();
  if (!offsets.empty() && strips->count > 1 && pages_[0].voxels_end != offsets.at(0) + bytes) {
    bad(info_.path, claim + "but the strips of the first do not lie in one run");
  }
  const std::uint64_t available = offsets.empty() ? 0 : file_.size() - std::min(offsets[0], file_.size());
  if (available / bytes >= static_cast<std::uint64_t>(images)) {
    contiguous_at_ = offsets[0];
    info_.depth = images;
    return;
  }
  // One page out of a stack, saved with the stack's description, is whole; ImageJ itself leaves out
  // the further directories only where 32-bit offsets end.
  const bool too_large_for_pages = static_cast<std::uint64_t>(images) > 0xffffffffu / bytes;
  if (too_large_for_pages || available / bytes > 1) {
    bad(info_.path,
        claim + "but the file has room for " + std::to_string(available / bytes) + ": it is truncated");
  }
  info_.remarks.push_back(claim + "the file holds 1");
}

std::string TiffStack::page_name(std::int64_t z) const {
  if (contiguous_at_ != 0 || planes_are_slices_) {
    return "image " + std::to_string(z + 1) + " of " + std::to_string(info_.depth);
  }
  return "page " + std::to_string(page_numbers_[static_cast<std::size_t>(z)]);
}

Slice TiffStack::read(std::int64_t z) {
  return read_region(z, {{0, info_.height}, {0, info_.width}});
}

Slice TiffStack::read_region(std::int64_t z, const Region& region) {
  require_inside(info_, region);
  if (z < 0 || z >= info_.depth) {
    throw std::out_of_range("TiffStack: slice " + std::to_string(z) + " of " + std::to_string(info_.depth));
  }
  try {
    if (contiguous_at_ != 0) return read_contiguous(z, region);
    if (planes_are_slices_) {
      GrayLayout layout = layout_;
      layout.stored.plane = static_cast<int>(z);
      return decode_region(file_, directories_[0], layout, z, region);
    }
    const std::uint64_t directory = directories_[static_cast<std::size_t>(z)];
    if (palette_) {
      // Each page has its own palette.
      const GrayLayout layout = gray_layout(file_, file_.directory(directory), options_);
      return decode_region(file_, directory, layout, z, region);
    }
    return decode_region(file_, directory, layout_, z, region);
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& reason) {
    bad(info_.path, page_name(z) + ": " + reason.what());
  }
}

Slice TiffStack::read_contiguous(std::int64_t z, const Region& region) const {
  GrayLayout part = layout_;
  part.height = static_cast<int>(region.y.size());
  part.width = static_cast<int>(region.x.size());
  const SampleForm& form = layout_.stored;
  const Interval columns = stored_columns(layout_, region);
  const std::size_t row = form.row_bytes(columns.size());
  const std::size_t file_row = form.row_bytes(layout_.width);
  const std::size_t bytes = row * static_cast<std::size_t>(part.height);
  const auto stored = std::make_shared_for_overwrite<std::byte[]>(bytes);
  const auto read = [&](std::int64_t y, std::byte* to, std::size_t count) {
    const std::uint64_t at = contiguous_at_ + static_cast<std::uint64_t>(z) * layout_.stored_bytes() +
                             static_cast<std::uint64_t>(y) * file_row + form.row_bytes(columns.begin);
    if (file_.read_at(at, to, count) != count) bad(info_.path, page_name(z) + ": the file ends in it");
  };
  if (row == file_row) {
    read(region.y.begin, stored.get(), bytes);
  } else {
    for (std::int64_t y = region.y.begin; y < region.y.end; ++y)
      read(y, stored.get() + static_cast<std::size_t>(y - region.y.begin) * row, row);
  }
  const auto width = static_cast<std::size_t>(form.bits / 8);
  if (!form.is_packed() && width > 1 && file_.is_foreign_order())
    swap_bytes(stored.get(), bytes / width, width);
  if (form.is_plain()) {
    apply_layout(part, stored.get());
    return Slice(z, part.height, part.width, part.type, stored);
  }
  auto voxels = std::make_shared_for_overwrite<std::byte[]>(part.size_bytes());
  convert_samples(layout_.conversion(), stored.get(), columns.begin, row, region, voxels.get());
  return Slice(z, part.height, part.width, part.type, std::move(voxels));
}

}  // namespace fibflow::io
