#include "nodes/intensity/intensity_match.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <sstream>
#include <stdexcept>

namespace fibflow::nodes {
namespace {

constexpr double fitting_shift = 1.25;
constexpr double fitting_ratio = 2.5;
constexpr double close_shift = 0.5;
constexpr double close_ratio = 1.5;
constexpr double hopeless_shift = 2;
constexpr double hopeless_ratio = 4;
constexpr double least_distance = 0.15;
constexpr double most_of_it = 0.4;
constexpr int quantile_count = 200;

/// How far the stack's moments are from the source's.
struct Fit {
  double shift = 0;  ///< of the means, in deviations of the source
  double ratio = 1;  ///< of the deviations, the larger over the smaller

  bool within(double most_shift, double most_ratio) const {
    return shift <= most_shift && ratio <= most_ratio;
  }
};

Fit fit_of(const IntensityMoments& stack, const SourceIntensities& source) {
  const double ratio = stack.deviation() / source.deviation;
  return {std::abs(stack.mean - source.mean) / source.deviation, std::max(ratio, 1 / ratio)};
}

std::string number(double value) {
  std::ostringstream out;
  const bool many_digits = std::abs(value) >= 100;
  out.precision(many_digits ? 0 : 3);
  if (many_digits) out << std::fixed;
  out << value;
  return out.str();
}

std::string option_of(const IntensityRange& range) {
  std::ostringstream out;
  out << "--intensity-range " << range.black << ',' << range.white;
  return out.str();
}

class Matcher {
 public:
  Matcher(const IntensitySample& sample, const StoredVoxels& stored, const IntensityWishes& wishes,
          const std::optional<SourceIntensities>& source)
      : sample_(sample),
        stored_(stored),
        wishes_(wishes),
        source_(source),
        tissue_(sample.moments_of_tissue()) {
    match_.range = own();
  }

  IntensityMatch match() {
    const bool is_known = !sample_.empty() && tissue_.deviation() > 0;
    if (wishes_.range) {
      match_.range = turned(*wishes_.range);
      match_.from = IntensityMatch::From::option;
    } else if (is_known && is_absolute()) {
      choose();
    }
    if (!is_known || !source_) return std::move(match_);
    const bool seems_inverted = !wishes_.inverted && doubt_polarity();
    const bool are_to_fit =
        is_absolute() && match_.from != IntensityMatch::From::matched && !wishes_.any_gray_levels;
    if (!seems_inverted && are_to_fit) doubt_moments();
    return std::move(match_);
  }

 private:
  bool is_absolute() const {
    return wishes_.normalization.kind == Normalization::Kind::unit ||
           wishes_.normalization.kind == Normalization::Kind::zscore;
  }
  bool is_signed() const { return stored_.zero != 0; }
  IntensityRange turned(const IntensityRange& range) const {
    return wishes_.inverted ? range.inverted() : range;
  }
  IntensityRange own() const { return turned(stored_.range()); }

  bool holds_sample(const IntensityRange& range) const {
    const double low = std::min(range.black, range.white);
    const double high = std::max(range.black, range.white);
    // Filters overshoot, and floats show it.
    const double slack = stored_.type == io::PixelType::f32 ? 0.02 * (high - low) : 0;
    return sample_.lowest() >= low - slack && sample_.highest() <= high + slack;
  }

  std::vector<IntensityRange> usual_ranges() const {
    std::vector<IntensityRange> ranges{stored_.range()};
    if (stored_.type == io::PixelType::u8) return ranges;
    for (const double white : {255.0, 1023.0, 4095.0, 16383.0, 65535.0}) {
      // From a signed 0 up, 32767 is the last.
      if (is_signed()) ranges.push_back({stored_.zero, stored_.zero + std::min(white, 32767.0)});
      if (!is_signed()) ranges.push_back({0, white});
    }
    if (stored_.type == io::PixelType::f32) ranges.push_back({-1, 1});
    return ranges;
  }

  void choose() {
    if (source_) {
      choose_by_source();
    } else {
      choose_by_bits();
    }
    if (match_.from == IntensityMatch::From::measured) {
      match_.remarks.push_back("voxels from " + number(sample_.lowest()) + " to " +
                               number(sample_.highest()) + " are read as " + match_.range.text() +
                               ", not as " + own().text() + figures() + "; " + option_of(own()) +
                               " undoes that");
    }
  }

  /// "; mean and deviation are then 0.61 and 0.17, the model's 0.65 and 0.17"
  std::string figures() const {
    if (!source_) return "";
    const IntensityMoments now = tissue_.in(match_.range);
    return ": mean and deviation are then " + number(now.mean) + " and " + number(now.deviation()) +
           ", in the model's training " + number(source_->mean) + " and " + number(source_->deviation);
  }

  void choose_by_source() {
    const double most_shift = is_signed() ? close_shift : fitting_shift;
    const double most_ratio = is_signed() ? close_ratio : fitting_ratio;
    const auto fits = [&](const IntensityRange& range) {
      return fit_of(tissue_.in(range), *source_).within(most_shift, most_ratio);
    };
    if (fits(own()) && holds_sample(own())) return;
    double best = 0;
    for (const IntensityRange& usual : usual_ranges()) {
      const IntensityRange range = turned(usual);
      if (!holds_sample(range) || !fits(range)) continue;
      const double far = distance(range, false);
      if (match_.from == IntensityMatch::From::measured && far >= best) continue;
      best = far;
      match_.range = range;
      match_.from = IntensityMatch::From::measured;
    }
    if (match_.from == IntensityMatch::From::measured || fits(own()) || wishes_.normalization_is_given)
      return;
    if (!is_signed() && fit_of(tissue_.in(own()), *source_).within(hopeless_shift, hopeless_ratio)) return;
    const double span = (wishes_.inverted ? -1 : 1) * tissue_.deviation() / source_->deviation;
    match_.range.black = tissue_.mean - source_->mean * span;
    match_.range.white = match_.range.black + span;
    match_.from = IntensityMatch::From::matched;
    const IntensityMoments as_stored = tissue_.in(own());
    match_.remarks.push_back("no usual range fits the voxels, which are " + number(sample_.lowest()) +
                             " to " + number(sample_.highest()) + " (as " + own().text() +
                             " their mean and deviation are " + number(as_stored.mean) + " and " +
                             number(as_stored.deviation()) + "): they are read so that these are " +
                             number(source_->mean) + " and " + number(source_->deviation) +
                             ", as in the model's training; " + option_of(own()) + " takes them as they are");
  }

  void choose_by_bits() {
    if (stored_.bits > 0 || is_signed() || stored_.type == io::PixelType::u8) return;
    if (stored_.type == io::PixelType::f32) {
      if (holds_sample({0, 1})) return;
      for (const double white : {255.0, 1023.0, 4095.0, 65535.0}) {
        const IntensityRange range = turned({0, white});
        if (!holds_sample(range) || wishes_.normalization_is_given) continue;
        match_.range = range;
        match_.from = IntensityMatch::From::measured;
        return;
      }
      match_.warnings.push_back(
          "the voxels are floats from " + number(sample_.lowest()) + " to " + number(sample_.highest()) +
          " and are taken as they are, for the model does not say what it was trained on: if that is "
          "not what it expects, say it with --normalization stack or --intensity-range BLACK,WHITE");
      return;
    }
    for (const double white : {255.0, 1023.0, 4095.0}) {
      if (sample_.highest() > white) continue;
      match_.range = turned({0, white});
      match_.from = IntensityMatch::From::measured;
      return;
    }
    if (sample_.highest() <= 16383) {
      match_.warnings.push_back("no voxel of the sampled slices is above " + number(sample_.highest()) +
                                " of 65535: if 14 bits are meant, say --intensity-range 0,16383");
    }
  }

  void doubt_moments() {
    const IntensityMoments now = tissue_.in(match_.range);
    if (fit_of(now, *source_).within(fitting_shift, fitting_ratio)) return;
    match_.warnings.push_back(
        "intensities are far from those of the model's training: mean and deviation are " + number(now.mean) +
        " and " + number(now.deviation()) + " instead of " + number(source_->mean) + " and " +
        number(source_->deviation) +
        "; --normalization stack makes them alike, --intensity-range BLACK,WHITE says what is black and "
        "white");
  }

  /// Between the stack's distribution, as it is or mirrored, and the source's.
  double distance(const IntensityRange& range, bool mirrored) const {
    std::vector<double> stack = sample_.quantiles(quantile_count);
    for (double& value : stack) {
      value = range.intensity_of(value);
      if (mirrored) value = 1 - value;
    }
    // An inverted range turns the order, and so does a mirror.
    std::sort(stack.begin(), stack.end());
    IntensityMoments moments = tissue_.in(range);
    if (mirrored) moments.mean = 1 - moments.mean;
    // Where only own moments count, or were matched already, the shape alone is left to tell.
    const bool shape_only = !is_absolute() || match_.from == IntensityMatch::From::matched;
    double sum = 0;
    for (std::size_t i = 0; i < stack.size(); ++i) {
      const double standard = (stack[i] - moments.mean) / moments.deviation();
      const double value = shape_only ? source_->mean + source_->deviation * standard : stack[i];
      sum += std::abs(value - source_value(i, stack.size(), standard));
    }
    return sum / static_cast<double>(stack.size()) / source_->deviation;
  }

  /// A quantile of the source. If nothing but its moments is known, it is taken to have the stack's shape.
  double source_value(std::size_t i, std::size_t count, double standard) const {
    if (source_->quantiles.empty()) return source_->mean + source_->deviation * standard;
    const auto place = (static_cast<double>(i) + 0.5) / static_cast<double>(count) *
                       static_cast<double>(source_->quantiles.size());
    return source_->quantiles[static_cast<std::size_t>(place)];
  }

  /// Whether it seems inverted.
  bool doubt_polarity() {
    const double as_it_is = distance(match_.range, false);
    const double mirrored = distance(match_.range, true);
    if (as_it_is <= least_distance || mirrored > most_of_it * as_it_is) return false;
    match_.warnings.push_back("the contrast seems to be inverted: the stack's intensities are " +
                              number(as_it_is) + " deviations away from those of the model's training, and " +
                              number(mirrored) + " if black and white are exchanged; --invert does that");
    return true;
  }

  const IntensitySample& sample_;
  const StoredVoxels& stored_;
  const IntensityWishes& wishes_;
  const std::optional<SourceIntensities>& source_;
  const IntensityMoments tissue_;
  IntensityMatch match_;
};

}  // namespace

IntensityRange StoredVoxels::range() const {
  if (bits == 0) return IntensityRange::of(type);
  return {zero, zero + std::pow(2.0, bits) - 1};
}

const char* name_of(IntensityMatch::From from) {
  switch (from) {
    case IntensityMatch::From::type:
      return "type";
    case IntensityMatch::From::option:
      return "option";
    case IntensityMatch::From::measured:
      return "measured";
    case IntensityMatch::From::matched:
      return "matched";
  }
  throw std::logic_error("unknown source of a range");
}

IntensityMatch match_intensities(const IntensitySample& sample, const StoredVoxels& stored,
                                 const IntensityWishes& wishes,
                                 const std::optional<SourceIntensities>& source) {
  return Matcher(sample, stored, wishes, source).match();
}

}  // namespace fibflow::nodes
