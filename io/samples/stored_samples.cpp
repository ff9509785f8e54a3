#include "io/samples/stored_samples.h"

#include <bit>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace fibflow::io {
namespace {

/// A sample of IEEE 754's binary16, as bits.
struct Half {
  std::uint16_t bits;
};

float value_of(Half half) {
  const std::uint32_t sign = std::uint32_t{half.bits} >> 15 << 31;
  const std::uint32_t exponent = half.bits >> 10 & 0x1f;
  const std::uint32_t fraction = half.bits & 0x3ff;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1f ? 0xff : exponent + 127 - 15;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

template <typename T>
T value_of(T sample) {
  return sample;
}

[[noreturn]] void refuse(const Region& region, std::int64_t y, std::int64_t x, const std::string& why) {
  throw std::runtime_error("the voxel in row " + std::to_string(region.y.begin + y) + ", column " +
                           std::to_string(region.x.begin + x) + " " + why);
}

class Converter {
 public:
  Converter(const SampleConversion& conversion, const std::byte* stored, std::int64_t stored_begin,
            std::size_t stored_row, const Region& region, std::byte* voxels)
      : conversion_(conversion),
        form_(conversion.form),
        stored_(stored),
        begin_(region.x.begin - stored_begin),
        stored_row_(stored_row),
        region_(region),
        voxels_(voxels) {}

  void convert() {
    const auto kind = form_.kind;
    const int bits = form_.bits;
    if (kind == SampleForm::Kind::floating) {
      if (bits == 16) return each<Half, float>([](float v) { return v; });
      if (bits == 32) return each<float, float>([](float v) { return v; });
      return each<double, float>([](double v) { return static_cast<float>(v); });
    }
    if (kind == SampleForm::Kind::negative_too) {
      if (bits == 8) return moved_up<std::int8_t, std::uint8_t>();
      if (bits == 16) return moved_up<std::int16_t, std::uint16_t>();
      return bits == 32 ? narrowed<std::int32_t>() : narrowed<std::int64_t>();
    }
    if (bits == 32) return narrowed<std::uint32_t>();
    if (bits == 64) return narrowed<std::uint64_t>();
    const unsigned most = (1U << bits) - 1;
    const auto turned = [most, inverted = conversion_.inverted](unsigned v) {
      return inverted ? most - v : v;
    };
    if (bits == 8)
      return each<std::uint8_t, std::uint8_t>(
          [&](unsigned v) { return static_cast<std::uint8_t>(turned(v)); });
    if (bits == 16) {
      return each<std::uint16_t, std::uint16_t>(
          [&](unsigned v) { return static_cast<std::uint16_t>(turned(v)); });
    }
    if (bits < 8) return unpack<std::uint8_t>(turned);
    return unpack<std::uint16_t>(turned);
  }

 private:
  template <typename T>
  T sample_at(const std::byte* row, std::int64_t x, int sample) const {
    T value;
    std::memcpy(&value, row + static_cast<std::size_t>((begin_ + x) * form_.samples + sample) * sizeof(T),
                sizeof(T));
    return value;
  }

  /// One sample of each voxel, or all of them if they are equal.
  template <typename From, typename To, typename Function>
  void each(const Function& function) {
    auto* to = reinterpret_cast<To*>(voxels_);
    at_ = {};
    for (std::int64_t y = 0; y < region_.y.size(); ++y) {
      const std::byte* row = stored_ + static_cast<std::size_t>(y) * stored_row_;
      for (std::int64_t x = 0; x < region_.x.size(); ++x) {
        at_ = {y, x};
        const auto value = value_of(sample_at<From>(row, x, form_.sample.value_or(0)));
        if (!form_.sample && form_.samples > 1) require_gray<From>(row, x, static_cast<double>(value));
        *to++ = static_cast<To>(function(value));
      }
    }
  }

  template <typename From>
  void require_gray(const std::byte* row, std::int64_t x, double first) const {
    constexpr int colours = 3;
    for (int i = 1; i < colours; ++i) {
      const auto other = static_cast<double>(value_of(sample_at<From>(row, x, i)));
      if (other == first) continue;
      refuse(region_, at_.y, at_.x,
             "has a colour: red, green and blue are not equal; save the image as gray values, or choose one "
             "of them with --channel 0, 1 or 2");
    }
  }

  template <typename From, typename To>
  void moved_up() {
    constexpr int half = 1 << (8 * sizeof(From) - 1);
    each<From, To>([this](int v) {
      if (!conversion_.labels) return static_cast<To>(v + half);
      if (v < 0) refuse(region_, at_.y, at_.x, "is " + std::to_string(v) + ", which is no label");
      return static_cast<To>(v);
    });
  }

  template <typename From>
  void narrowed() {
    each<From, std::uint16_t>([this](From v) {
      constexpr From most = std::numeric_limits<std::uint16_t>::max();
      bool negative = false;
      if constexpr (std::is_signed_v<From>) negative = v < 0;
      if (negative || (v > most && !conversion_.labels)) {
        refuse(region_, at_.y, at_.x,
               "is " + std::to_string(v) +
                   ", which is not within 0 to 65535: convert the stack to 16-bit "
                   "unsigned or 32-bit float gray-scale");
      }
      return static_cast<std::uint16_t>(v > most ? most : v);
    });
  }

  /// Samples of any number of bits up to 16, the highest bit first; rows begin with a byte.
  template <typename To, typename Function>
  void unpack(const Function& turned) {
    auto* to = reinterpret_cast<To*>(voxels_);
    const auto bits = static_cast<std::size_t>(form_.bits);
    for (std::int64_t y = 0; y < region_.y.size(); ++y) {
      const std::byte* row = stored_ + static_cast<std::size_t>(y) * stored_row_;
      for (std::int64_t x = 0; x < region_.x.size(); ++x) {
        std::size_t at = static_cast<std::size_t>(begin_ + x) * bits;
        unsigned value = 0;
        for (std::size_t left = bits; left > 0;) {
          const std::size_t in_byte = 8 - at % 8;
          const std::size_t take = in_byte < left ? in_byte : left;
          const auto byte = std::to_integer<unsigned>(row[at / 8]);
          value = value << take | (byte >> (in_byte - take) & ((1U << take) - 1));
          at += take;
          left -= take;
        }
        *to++ = static_cast<To>(turned(value));
      }
    }
  }

  struct Place {
    std::int64_t y = 0;
    std::int64_t x = 0;
  };

  const SampleConversion& conversion_;
  const SampleForm& form_;
  const std::byte* stored_;
  std::int64_t begin_;  // of the region, in a stored row
  std::size_t stored_row_;
  const Region& region_;
  std::byte* voxels_;
  Place at_;  // the voxel that is converted
};

}  // namespace

std::size_t SampleForm::row_bytes(std::int64_t width) const {
  return (static_cast<std::size_t>(width) * static_cast<std::size_t>(bits) *
              static_cast<std::size_t>(samples) +
          7) /
         8;
}

std::optional<PixelType> SampleForm::type() const {
  if (kind == Kind::floating) {
    return bits == 16 || bits == 32 || bits == 64 ? std::optional(PixelType::f32) : std::nullopt;
  }
  if (bits == 32 || bits == 64) return PixelType::u16;
  if (bits < 1 || bits > 16 || (kind == Kind::negative_too && bits != 8 && bits != 16)) return std::nullopt;
  // Samples of odd sizes next to each other are not met with.
  if (bits % 8 != 0 && samples > 1) return std::nullopt;
  return bits <= 8 ? PixelType::u8 : PixelType::u16;
}

bool SampleForm::is_plain() const {
  const bool whole = kind == Kind::whole && (bits == 8 || bits == 16);
  return samples == 1 && (whole || (kind == Kind::floating && bits == 32));
}

double SampleForm::zero(bool labels) const {
  return kind == Kind::negative_too && bits <= 16 && !labels ? 1 << (bits - 1) : 0;
}

std::vector<std::string> remarks_of(const SampleConversion& conversion) {
  const SampleForm& form = conversion.form;
  std::vector<std::string> remarks;
  if (const double zero = form.zero(conversion.labels); zero != 0) {
    remarks.push_back("signed voxels, read with " + std::to_string(static_cast<int>(zero)) +
                      " added to them");
  }
  const bool floating = form.kind == SampleForm::Kind::floating;
  if (form.bits == 64 || form.bits == (floating ? 16 : 32)) {
    remarks.push_back(std::to_string(form.bits) + "-bit voxels, read as " + name_of(form.type().value()));
  }
  if (form.samples > 1 && !form.sample) {
    remarks.emplace_back("saved as colour: read as gray, which each voxel must be");
  }
  if (conversion.inverted) {
    remarks.emplace_back("stored min-is-white: inverted on reading, so that bright is bright");
  }
  return remarks;
}

void convert_samples(const SampleConversion& conversion, const std::byte* stored, std::int64_t stored_begin,
                     std::size_t stored_row, const Region& region, std::byte* voxels) {
  Converter(conversion, stored, stored_begin, stored_row, region, voxels).convert();
}

}  // namespace fibflow::io
