#include "nodes/intensity/normalization.h"

#include "nodes/intensity/intensity.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace fibflow::nodes {
namespace {

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw std::invalid_argument("normalization '" + text + "': " + why);
}

/// The two numbers of "name:A,B".
Normalization with_two_numbers(Normalization::Kind kind, const std::string& text, std::string_view numbers) {
  const auto comma = numbers.find(',');
  if (comma == std::string_view::npos) refuse(text, "two numbers are needed, as in zscore:0.5,0.2");
  const auto first = number(numbers.substr(0, comma));
  const auto second = number(numbers.substr(comma + 1));
  if (!first || !second) refuse(text, "two numbers are needed, as in zscore:0.5,0.2");
  return {kind, *first, *second};
}

}  // namespace

IntensityRange IntensityRange::of(io::PixelType type) {
  switch (type) {
    case io::PixelType::u8:
      return {0, 255};
    case io::PixelType::u16:
      return {0, 65535};
    case io::PixelType::f32:
      return {0, 1};
  }
  throw std::logic_error("unknown pixel type");
}

std::string IntensityRange::text() const {
  std::ostringstream out;
  out << black << " to " << white;
  return out.str();
}

Normalization Normalization::parse(const std::string& text) {
  const auto colon = text.find(':');
  const std::string name = text.substr(0, colon);
  if (name == "zscore" || name == "percentile") {
    const Kind kind = name == "zscore" ? Kind::zscore : Kind::percentile;
    const std::string_view numbers =
        colon == std::string::npos ? "" : std::string_view(text).substr(colon + 1);
    const Normalization result = with_two_numbers(kind, text, numbers);
    if (kind == Kind::zscore && result.second <= 0) refuse(text, "the standard deviation must be above 0");
    if (kind == Kind::percentile &&
        !(0 <= result.first && result.first < result.second && result.second <= 100)) {
      refuse(text, "percentiles must be in 0 <= LO < HI <= 100");
    }
    return result;
  }
  if (text == "unit") return {Kind::unit};
  if (text == "stack") return {Kind::stack};
  if (text == "slice") return {Kind::slice};
  refuse(text, "it must be unit, zscore:MEAN,STD, stack, slice or percentile:LO,HI");
}

std::string Normalization::text() const {
  std::ostringstream out;
  out.precision(9);
  switch (kind) {
    case Kind::unit:
      return "unit";
    case Kind::stack:
      return "stack";
    case Kind::slice:
      return "slice";
    case Kind::zscore:
      out << "zscore:" << first << ',' << second;
      return out.str();
    case Kind::percentile:
      out << "percentile:" << first << ',' << second;
      return out.str();
  }
  throw std::logic_error("unknown normalization");
}

double Normalization::gray_levels() const {
  if (kind != Kind::zscore) return 1;
  const double largest = std::max(std::abs(first), second);
  for (const double levels : {1.0, 255.0, 4095.0}) {
    if (largest <= levels) return levels;
  }
  return 65535;
}

Normalization Normalization::of_intensities() const {
  Normalization result = *this;
  if (const double levels = gray_levels(); levels > 1) {
    result.first /= levels;
    result.second /= levels;
  }
  return result;
}

Affine standardize(const IntensityRange& range, double mean, double deviation) {
  if (deviation <= 0) deviation = 1;
  const double scale = 1 / ((range.white - range.black) * deviation);
  return {scale, -range.black * scale - mean / deviation};
}

Affine affine_of(const Normalization& normalization, const IntensityRange& range, const io::Slice& slice,
                 const IntensityMoments& measured_stack) {
  const auto by_moments = [&](const IntensityMoments& voxels) {
    const IntensityMoments moments = voxels.in(range);
    return standardize(range, moments.mean, moments.deviation());
  };
  switch (normalization.kind) {
    case Normalization::Kind::unit:
      return standardize(range, 0, 1);
    case Normalization::Kind::zscore: {
      const Normalization numbers = normalization.of_intensities();
      return standardize(range, numbers.first, numbers.second);
    }
    case Normalization::Kind::stack:
      return by_moments(measured_stack);
    case Normalization::Kind::slice:
      return by_moments(measure_voxels(slice));
    case Normalization::Kind::percentile: {
      const bool inverted = range.is_inverted();
      const auto intensity = [&](double percent) {
        return range.intensity_of(voxel_percentile(slice, inverted ? 100 - percent : percent));
      };
      const double low = intensity(normalization.first);
      return standardize(range, low, intensity(normalization.second) - low);
    }
  }
  throw std::logic_error("unknown normalization");
}

}  // namespace fibflow::nodes
