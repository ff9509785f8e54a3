#include "io/tiff/tiff_stack.h"

#include <tiff.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "io/error.h"
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

}  // namespace

TiffStack::TiffStack(const std::string& path, bool one_of_many) : file_(path) {
  info_.path = path;
  info_.format = file_.is_big_tiff() ? "BigTIFF" : "TIFF";
  pages_ = pages_of(file_);
  select_pages();
  const TiffDirectory first = file_.directory(directories_[0]);
  try {
    layout_ = gray_layout(file_, first);
  } catch (const std::runtime_error& reason) {
    bad(path, page_name(0) + ": " + reason.what());
  }
  for (const TiffPage& page : pages_) {
    const std::int64_t z = &page - pages_.data();
    if (const std::string differs = difference(page, pages_[0]); !differs.empty()) {
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
  const VoxelReading voxel = read_voxel_size(file_, first);
  info_.voxel_nm = voxel.nm;
  info_.voxel_source = voxel.source;
  interpret_description(first, one_of_many);
  if (layout_.inverted) {
    info_.remarks.push_back("stored min-is-white: inverted on reading, so that bright is bright");
  }
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
  const auto slices = static_cast<std::size_t>(
      std::count_if(pages_.begin(), pages_.end(), [](const TiffPage& p) { return !p.reduced; }));
  if (slices == 0) bad(info_.path, "holds only thumbnails, reduced-resolution images or masks");
  if (const std::size_t left_out = pages_.size() - slices; left_out > 0) {
    info_.remarks.push_back(std::to_string(left_out) + " of " + std::to_string(pages_.size()) +
                            " pages left out: thumbnails, reduced-resolution images or transparency masks");
  }
  std::vector<TiffPage> kept;
  kept.reserve(slices);
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    if (pages_[i].reduced) continue;
    kept.push_back(pages_[i]);
    directories_.push_back(pages_[i].offset);
    page_numbers_.push_back(static_cast<std::uint32_t>(i + 1));
  }
  pages_ = std::move(kept);
}

void TiffStack::interpret_description(const TiffDirectory& directory, bool one_of_many) {
  const TiffEntry* entry = directory.find(TIFFTAG_IMAGEDESCRIPTION);
  if (entry == nullptr) return;
  const std::string text = file_.text(*entry, longest_description);
  info_.description = text.substr(0, 64 << 10);
  std::int64_t channels = 1, slices = 1, frames = 1;
  std::string who;
  if (const auto imagej = parse_imagej(text)) {
    who = "ImageJ";
    channels = imagej->channels;
    slices = imagej->slices;
    frames = imagej->frames;
    if (channels <= 1 && imagej->images != info_.depth && imagej->images > 1) {
      if (info_.depth == 1 && pages_[0].compression == COMPRESSION_NONE) {
        claim_contiguous(directory, imagej->images);
      } else if (!one_of_many) {
        info_.remarks.push_back("ImageJ's description says " + std::to_string(imagej->images) +
                                " images, the file holds " + std::to_string(info_.depth));
      }
    }
  } else if (const auto ome = parse_ome(text, std::filesystem::path(info_.path).filename().string())) {
    who = "OME-XML";
    channels = ome->channels;
    slices = ome->slices;
    frames = ome->frames;
    if (ome->images > 1 && info_.depth > 1) {
      bad(info_.path, "OME-XML describes " + std::to_string(ome->images) +
                          " images in this file: save the one to be read as its own stack");
    }
    if (ome->reordered && info_.depth > 1) {
      bad(info_.path, "OME-XML says that the pages are not in z order: save them in z order");
    }
    if (slices > 1 && channels <= 1 && frames <= 1 && slices != info_.depth && !one_of_many) {
      info_.remarks.push_back("OME-XML describes " + std::to_string(slices) + " slices, this file holds " +
                              std::to_string(info_.depth));
    }
  }
  if (channels > 1) {
    bad(info_.path, who + " describes " + std::to_string(channels) +
                        " channels: save the one to be read as its own stack");
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

void TiffStack::claim_contiguous(const TiffDirectory& directory, std::int64_t images) {
  const std::string claim = "ImageJ's description says " + std::to_string(images) + " images, ";
  const TiffEntry* strips = directory.find(TIFFTAG_STRIPOFFSETS);
  const auto offsets = strips == nullptr ? std::vector<std::uint64_t>() : file_.integers(*strips, 1);
  const std::uint64_t bytes = layout_.size_bytes();
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
  if (contiguous_at_ != 0) {
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
    const std::uint64_t directory = directories_[static_cast<std::size_t>(z)];
    if (palette_) {
      // Each page has its own palette.
      const GrayLayout layout = gray_layout(file_, file_.directory(directory));
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
  const std::size_t bytes = part.size_bytes();
  const std::size_t width = bytes_per_voxel(layout_.type);
  auto voxels = std::make_shared_for_overwrite<std::byte[]>(bytes);
  const auto read = [&](std::int64_t y, std::byte* to, std::size_t count) {
    const std::uint64_t at = contiguous_at_ + static_cast<std::uint64_t>(z) * layout_.size_bytes() +
                             static_cast<std::uint64_t>(y * layout_.width + region.x.begin) * width;
    if (file_.read_at(at, to, count) != count) bad(info_.path, page_name(z) + ": the file ends in it");
  };
  if (part.width == layout_.width) {
    read(region.y.begin, voxels.get(), bytes);
  } else {
    const std::size_t row = static_cast<std::size_t>(part.width) * width;
    for (std::int64_t y = region.y.begin; y < region.y.end; ++y)
      read(y, voxels.get() + static_cast<std::size_t>(y - region.y.begin) * row, row);
  }
  if (width > 1 && file_.is_foreign_order()) swap_bytes(voxels.get(), bytes / width, width);
  apply_layout(part, voxels.get());
  return Slice(z, part.height, part.width, part.type, std::move(voxels));
}

}  // namespace fibflow::io
