#include "pipeline/train/labelled_slices.h"

#include <cmath>
#include <memory>
#include <string>

#include "io/error.h"
#include "pipeline/flow/interruption.h"

namespace fibflow::pipeline {
namespace {

std::string spoken_size(const io::StackInfo& info) {
  return std::to_string(info.depth) + " x " + std::to_string(info.height) + " x " +
         std::to_string(info.width);
}

[[noreturn]] void refuse(const io::StackInfo& info, std::int64_t z, const std::string& why) {
  throw io::Error(io::ErrorKind::bad_data, info.path, "slice " + std::to_string(z) + ": " + why);
}

std::string spoken_value(double value) {
  std::string text = std::to_string(value);
  if (value == std::floor(value) && std::abs(value) < 1e9) text = std::to_string(std::int64_t(value));
  return text;
}

}  // namespace

LabelledSlices::LabelledSlices(io::Stack& images, io::Stack& labels, SliceRange range, int classes,
                               Foreground foreground, const RunHooks& hooks)
    : images_(images),
      labels_(labels),
      range_(range.within(images.info().depth)),
      classes_(classes),
      foreground_(foreground) {
  images.require_readable({range_.first, *range_.end});
  labels.require_readable({range_.first, *range_.end});
  const io::StackInfo& a = images.info();
  const io::StackInfo& b = labels.info();
  if (a.depth != b.depth || a.height != b.height || a.width != b.width) {
    throw io::Error(io::ErrorKind::bad_data, b.path,
                    "the labels are " + spoken_size(b) + " voxels, but " + a.path + " is " + spoken_size(a));
  }
  if (hooks.begin) hooks.begin("read", range_.size());
  for (std::int64_t n = 0; n < range_.size(); ++n) {
    if (hooks.stop.stop_requested()) throw Interrupted();
    const LabelledSlice slice = read(n);
    try {
      intensities_.add(slice.image);
    } catch (const nodes::BadSlice& error) {
      refuse(a, range_.first + n, error.what());
    }
    object_size_.add(slice.classes.as<std::uint8_t>(), slice.classes.width());
    std::vector<std::int64_t> counts(static_cast<std::size_t>(classes));
    for (const std::uint8_t c : slice.classes.as<std::uint8_t>()) ++counts[c];
    counts_.push_back(std::move(counts));
    if (hooks.advance) hooks.advance();
  }
}

std::int64_t LabelledSlices::voxels(int of_class) const {
  std::int64_t total = 0;
  for (const auto& counts : counts_) total += counts[static_cast<std::size_t>(of_class)];
  return total;
}

std::int64_t LabelledSlices::voxels(int of_class, std::int64_t n) const {
  return counts_[static_cast<std::size_t>(n)][static_cast<std::size_t>(of_class)];
}

bool LabelledSlices::has_foreground() const {
  for (int c = 1; c < classes_; ++c) {
    if (voxels(c) > 0) return true;
  }
  return false;
}

LabelledSlice LabelledSlices::read(std::int64_t n) {
  if (const auto found = kept_.find(n); found != kept_.end()) {
    ages_.splice(ages_.begin(), ages_, found->second.age);
    return found->second.slice;
  }
  LabelledSlice slice = load(n);
  const auto size_of = [](const LabelledSlice& s) { return s.image.size_bytes() + s.classes.size_bytes(); };
  bytes_ += size_of(slice);
  ages_.push_front(n);
  kept_.emplace(n, Kept{slice, ages_.begin()});
  while (bytes_ > kept_bytes && ages_.size() > 1) {
    const auto oldest = kept_.find(ages_.back());
    bytes_ -= size_of(oldest->second.slice);
    kept_.erase(oldest);
    ages_.pop_back();
  }
  return slice;
}

LabelledSlice LabelledSlices::load(std::int64_t n) {
  return {images_.read(range_.first + n), classes_of(labels_.read(range_.first + n))};
}

io::Slice LabelledSlices::classes_of(const io::Slice& labels) const {
  const auto pixels = static_cast<std::size_t>(labels.height()) * static_cast<std::size_t>(labels.width());
  const std::shared_ptr<std::byte[]> classes(new std::byte[pixels]);
  const auto convert = [&](const auto& voxels) {
    for (std::size_t i = 0; i < pixels; ++i) {
      const auto value = static_cast<double>(voxels[i]);
      if (foreground_ == Foreground::nonzero) {
        classes[i] = static_cast<std::byte>(value != 0);
        continue;
      }
      const bool is_class = value >= 0 && value < classes_ && value == std::floor(value);
      const bool is_mask = classes_ == 2 && value == 255;
      if (!is_class && !is_mask) {
        const std::string expected =
            classes_ == 2
                ? "labels are 0 and 255 (or 0 and 1); more classes need --classes, numbers of objects "
                  "--foreground nonzero"
                : "labels are class indices below " + std::to_string(classes_);
        refuse(labels_.info(), labels.z(),
               "the label in row " + std::to_string(i / static_cast<std::size_t>(labels.width())) +
                   ", column " + std::to_string(i % static_cast<std::size_t>(labels.width())) + " is " +
                   spoken_value(value) + ", but " + expected);
      }
      classes[i] = static_cast<std::byte>(is_mask ? 1 : static_cast<std::uint8_t>(value));
    }
  };
  switch (labels.type()) {
    case io::PixelType::u8:
      convert(labels.as<std::uint8_t>());
      break;
    case io::PixelType::u16:
      convert(labels.as<std::uint16_t>());
      break;
    case io::PixelType::f32:
      convert(labels.as<float>());
      break;
  }
  return {labels.z(), labels.height(), labels.width(), io::PixelType::u8, classes};
}

}  // namespace fibflow::pipeline
