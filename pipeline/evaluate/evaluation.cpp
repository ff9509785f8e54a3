#include "pipeline/evaluate/evaluation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>

#include "io/error.h"
#include "pipeline/flow/interruption.h"

namespace fibflow::pipeline {
namespace {

constexpr int class_count = 256;

double ratio(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::string shape(std::int64_t depth, int height, int width) {
  return std::to_string(depth) + "x" + std::to_string(height) + "x" + std::to_string(width);
}

[[noreturn]] void refuse_shape(const io::StackInfo& info, const io::StackInfo& truth,
                               const std::string& way_out = "") {
  throw io::Error(io::ErrorKind::bad_data, info.path,
                  "its shape (z, y, x) is " + shape(info.depth, info.height, info.width) + ", but that of " +
                      truth.path + " is " + shape(truth.depth, truth.height, truth.width) + way_out);
}

/// Where slice 0 of a stack lies in the truth: at 0, or at the range's beginning for a stack that holds just the
/// range, as `segment --slices` makes them.
std::int64_t first_slice(const io::StackInfo& info, const io::StackInfo& truth, const SliceRange& slices) {
  if (info.height != truth.height || info.width != truth.width) refuse_shape(info, truth);
  if (info.depth == truth.depth) return 0;
  if (slices.end && info.depth == slices.size()) return slices.first;
  refuse_shape(info, truth, info.depth < truth.depth ? "; --slices A:B says which of them it is of" : "");
}

io::Slice read_slice(io::Stack& stack, std::int64_t z) {
  io::Slice slice = stack.read(z);
  const io::StackInfo& info = stack.info();
  if (slice.height() != info.height || slice.width() != info.width) {
    throw io::Error(io::ErrorKind::bad_data, info.path,
                    "slice " + std::to_string(z) + " is " + std::to_string(slice.height()) + "x" +
                        std::to_string(slice.width()) + ", unlike the stack");
  }
  return slice;
}

template <typename Visitor>
void visit_voxels(const io::Slice& slice, Visitor&& visitor) {
  switch (slice.type()) {
    case io::PixelType::u8:
      return visitor(slice.as<std::uint8_t>());
    case io::PixelType::u16:
      return visitor(slice.as<std::uint16_t>());
    case io::PixelType::f32:
      return visitor(slice.as<float>());
  }
}

using Plane = std::vector<std::uint8_t>;

/// What turns voxels into 0 and 1.
class Binarizer {
 public:
  /// Foreground is not 0, or has the label, or exceeds the threshold (a share of the type's maximum).
  Binarizer(const io::StackInfo& info, std::optional<double> threshold, std::optional<int> label)
      : info_(info), label_(label) {
    if (threshold && label) throw std::invalid_argument("a threshold and a class exclude each other");
    if (label && *label < 0) throw std::invalid_argument("a class must not be negative");
    if (!threshold) return;
    const bool is_float = info.type == io::PixelType::f32;
    if (!std::isfinite(*threshold) || (!is_float && (*threshold < 0 || *threshold > 1))) {
      throw std::invalid_argument("threshold " + std::to_string(*threshold) +
                                  " must lie between 0 and 1 for " + io::name_of(info.type) + " voxels");
    }
    const double maximum = info.type == io::PixelType::u8 ? 255 : info.type == io::PixelType::u16 ? 65535 : 1;
    bound_ = *threshold * maximum;
  }

  void operator()(const io::Slice& slice, Plane& plane) {
    plane.resize(static_cast<std::size_t>(slice.height()) * static_cast<std::size_t>(slice.width()));
    visit_voxels(slice, [&](auto voxels) { fill(slice, voxels, plane); });
  }

  /// Whether two different values other than 0 were taken for foreground though nobody gave a threshold.
  bool has_mixed_foreground() const { return mixed_; }

 private:
  template <typename T>
  void fill(const io::Slice& slice, std::span<const T> voxels, Plane& plane) {
    if constexpr (std::is_floating_point_v<T>) refuse_nan(slice, voxels);
    if (bound_) {
      // In single precision, where the voxels are: 0.7f is less than the double 0.7, and yet reaches that
      // threshold.
      const auto bound = static_cast<float>(*bound_);
      std::transform(voxels.begin(), voxels.end(), plane.begin(),
                     [bound](T voxel) { return static_cast<std::uint8_t>(voxel > bound); });
    } else if (label_) {
      const auto label = *label_;
      std::transform(voxels.begin(), voxels.end(), plane.begin(),
                     [label](T voxel) { return static_cast<std::uint8_t>(voxel == label); });
    } else {
      std::transform(voxels.begin(), voxels.end(), plane.begin(),
                     [](T voxel) { return static_cast<std::uint8_t>(voxel != 0); });
      note_foreground(voxels);
    }
  }

  template <typename T>
  void note_foreground(std::span<const T> voxels) {
    if (mixed_) return;
    for (const T voxel : voxels) {
      if (voxel == 0) continue;
      if (foreground_ == 0) foreground_ = voxel;
      if (voxel != foreground_) {
        mixed_ = true;
        return;
      }
    }
  }

  template <typename T>
  void refuse_nan(const io::Slice& slice, std::span<const T> voxels) const {
    const auto found = std::find_if(voxels.begin(), voxels.end(), [](T voxel) { return std::isnan(voxel); });
    if (found == voxels.end()) return;
    const auto index = found - voxels.begin();
    throw io::Error(io::ErrorKind::bad_data, info_.path,
                    "slice " + std::to_string(slice.z()) + " is not a number (NaN) at y " +
                        std::to_string(index / slice.width()) + ", x " +
                        std::to_string(index % slice.width()));
  }

  const io::StackInfo& info_;
  std::optional<double> bound_;  // in the type's own units
  std::optional<int> label_;
  double foreground_ = 0;  // the first value that is not 0
  bool mixed_ = false;
};

/// `valid` is empty or holds 1 where a voxel counts.
Confusion compare(const Plane& prediction, const Plane& truth, const Plane& valid) {
  // Sums of 0 and 1 vectorize; a table of counts would not.
  std::int64_t counted = 0;
  std::int64_t predicted = 0;
  std::int64_t actual = 0;
  std::int64_t both = 0;
  // Blocks small enough for 32-bit sums.
  constexpr std::size_t block = 1 << 20;
  for (std::size_t start = 0; start < truth.size(); start += block) {
    const std::size_t end = std::min(start + block, truth.size());
    std::uint32_t c = 0;
    std::uint32_t p = 0;
    std::uint32_t t = 0;
    std::uint32_t pt = 0;
    for (std::size_t i = start; i < end; ++i) {
      const std::uint32_t v = valid.empty() ? 1U : valid[i];
      c += v;
      p += v & prediction[i];
      t += v & truth[i];
      pt += v & prediction[i] & truth[i];
    }
    counted += c;
    predicted += p;
    actual += t;
    both += pt;
  }
  return {both, predicted - both, actual - both, counted - predicted - actual + both};
}

/// Calls body(z) for each slice of the range, and the options' callbacks.
template <typename Body>
void for_each_slice(const EvaluationOptions& options, std::int64_t depth, Body&& body) {
  const SliceRange slices = options.slices.within(depth);
  for (std::int64_t z = slices.first; z < *slices.end; ++z) {
    if (options.stop.stop_requested()) throw Interrupted();
    body(z);
    if (options.on_slice) options.on_slice(z);
  }
}

/// Where the slices of prediction and mask lie in the truth.
struct Alignment {
  Alignment(const io::Stack& prediction_stack, const io::Stack& truth, const io::Stack* mask_stack,
            const SliceRange& slices)
      : prediction(first_slice(prediction_stack.info(), truth.info(), slices)),
        mask(mask_stack == nullptr ? 0 : first_slice(mask_stack->info(), truth.info(), slices)) {
    const SliceRange range = slices.within(truth.info().depth);
    const auto look = [&](const io::Stack& stack, std::int64_t first) {
      stack.require_readable({range.first - first, *range.end - first});
    };
    look(truth, 0);
    look(prediction_stack, prediction);
    if (mask_stack != nullptr) look(*mask_stack, mask);
  }
  std::int64_t prediction;
  std::int64_t mask;
};

/// Voxels per class: predicted, true, and both. As large for a slice as for a stack.
struct ClassCounts {
  std::array<std::int64_t, class_count> predicted = {};
  std::array<std::int64_t, class_count> actual = {};
  std::array<std::int64_t, class_count> both = {};

  ClassCounts& operator+=(const ClassCounts& other) {
    for (std::size_t k = 0; k < class_count; ++k) {
      predicted[k] += other.predicted[k];
      actual[k] += other.actual[k];
      both[k] += other.both[k];
    }
    return *this;
  }

  ClassEvaluation evaluation() const {
    ClassEvaluation result;
    for (const std::int64_t count : actual) result.voxels += count;
    for (std::size_t k = 0; k < class_count; ++k) {
      if (predicted[k] == 0 && actual[k] == 0) continue;
      const std::int64_t neither = result.voxels - predicted[k] - actual[k] + both[k];
      result.classes.push_back(
          {static_cast<int>(k), {both[k], predicted[k] - both[k], actual[k] - both[k], neither}});
    }
    return result;
  }
};

void read_labels(io::Stack& stack, std::int64_t z, Plane& plane) {
  const io::Slice slice = read_slice(stack, z);
  plane.resize(static_cast<std::size_t>(slice.height()) * static_cast<std::size_t>(slice.width()));
  visit_voxels(slice, [&]<typename T>(std::span<const T> voxels) {
    const auto wrong = std::ranges::find_if(voxels, [](T voxel) {
      const auto value = static_cast<double>(voxel);
      return !(value >= 0 && value < class_count && value == std::floor(value));
    });
    if (wrong != voxels.end()) {
      throw io::Error(io::ErrorKind::bad_data, stack.info().path,
                      "label " + std::to_string(*wrong) + " in slice " + std::to_string(z) +
                          " is no class index: those are whole numbers from 0 to 255");
    }
    std::transform(voxels.begin(), voxels.end(), plane.begin(),
                   [](T voxel) { return static_cast<std::uint8_t>(voxel); });
  });
}

double mean_iou(const std::vector<ClassEvaluation::OfClass>& classes, int first_label) {
  double sum = 0;
  std::int64_t count = 0;
  for (const auto& [label, confusion] : classes) {
    if (label < first_label) continue;
    sum += confusion.iou();
    ++count;
  }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
}

}  // namespace

Confusion& Confusion::operator+=(const Confusion& other) {
  true_positive += other.true_positive;
  false_positive += other.false_positive;
  false_negative += other.false_negative;
  true_negative += other.true_negative;
  return *this;
}

double Confusion::iou() const {
  return ratio(true_positive, true_positive + false_positive + false_negative);
}

double Confusion::dice() const {
  return ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative);
}

double Confusion::precision() const {
  return ratio(true_positive, true_positive + false_positive);
}

double Confusion::recall() const {
  return ratio(true_positive, true_positive + false_negative);
}

Evaluation evaluate(io::Stack& prediction, io::Stack& truth, io::Stack* mask,
                    const EvaluationOptions& options) {
  const Alignment first(prediction, truth, mask, options.slices);
  Binarizer binarize_prediction(prediction.info(), options.threshold, options.label);
  Binarizer binarize_truth(truth.info(), std::nullopt, options.label);
  std::optional<Binarizer> binarize_mask;
  if (mask != nullptr) binarize_mask.emplace(mask->info(), std::nullopt, std::nullopt);

  Evaluation result;
  Plane predicted;
  Plane actual;
  Plane valid;
  for_each_slice(options, truth.info().depth, [&](std::int64_t z) {
    binarize_prediction(read_slice(prediction, z - first.prediction), predicted);
    binarize_truth(read_slice(truth, z), actual);
    if (binarize_mask) (*binarize_mask)(read_slice(*mask, z - first.mask), valid);
    result.slices.push_back({z, compare(predicted, actual, valid)});
    result.whole += result.slices.back().confusion;
  });

  const std::string advice =
      " holds several values other than 0, and each counts as foreground; give a threshold if they are "
      "probabilities, a class if they are labels, "
      "--foreground nonzero if they are numbers of objects";
  if (options.objects) return result;
  if (binarize_prediction.has_mixed_foreground()) result.remarks.push_back(prediction.info().path + advice);
  if (binarize_truth.has_mixed_foreground()) {
    result.remarks.push_back(truth.info().path +
                             " holds several values other than 0, and each counts as foreground");
  }
  return result;
}

double ClassEvaluation::mean_iou() const {
  return pipeline::mean_iou(classes, 0);
}

double ClassEvaluation::mean_iou_without_background() const {
  return pipeline::mean_iou(classes, 1);
}

double ClassEvaluation::accuracy() const {
  std::int64_t right = 0;
  for (const OfClass& of_class : classes) right += of_class.confusion.true_positive;
  return ratio(right, voxels);
}

ClassEvaluation evaluate_classes(io::Stack& prediction, io::Stack& truth, io::Stack* mask,
                                 const EvaluationOptions& options) {
  const Alignment first(prediction, truth, mask, options.slices);
  if (options.threshold || options.label) {
    throw std::invalid_argument("a threshold or a class makes no sense where all classes are compared");
  }
  std::optional<Binarizer> binarize_mask;
  if (mask != nullptr) binarize_mask.emplace(mask->info(), std::nullopt, std::nullopt);

  ClassCounts whole;
  std::vector<ClassEvaluation::OfSlice> slices;
  Plane predicted;
  Plane actual;
  Plane valid;
  for_each_slice(options, truth.info().depth, [&](std::int64_t z) {
    read_labels(prediction, z - first.prediction, predicted);
    read_labels(truth, z, actual);
    if (binarize_mask) (*binarize_mask)(read_slice(*mask, z - first.mask), valid);
    ClassCounts counts;
    for (std::size_t i = 0; i < actual.size(); ++i) {
      if (!valid.empty() && valid[i] == 0) continue;
      ++counts.predicted[predicted[i]];
      ++counts.actual[actual[i]];
      if (predicted[i] == actual[i]) ++counts.both[actual[i]];
    }
    whole += counts;
    const ClassEvaluation of_slice = counts.evaluation();
    slices.push_back({z, of_slice.mean_iou(), of_slice.accuracy()});
  });
  ClassEvaluation result = whole.evaluation();
  result.slices = std::move(slices);
  return result;
}

}  // namespace fibflow::pipeline
