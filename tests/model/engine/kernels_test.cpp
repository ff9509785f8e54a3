// Every instruction set's kernels against plain loops.

#include "model/engine/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "model/engine/aligned_floats.h"
#include "model/engine/cpu.h"

namespace fibflow::model {
namespace isa_avx512 {
extern const Kernels table;
}
namespace isa_avx2 {
extern const Kernels table;
}
namespace isa_generic {
extern const Kernels table;
}
namespace {

struct Isa {
  const char* name;
  const Kernels* table;
  bool there;
};

std::vector<Isa> isas() {
  return {
      {"generic", &isa_generic::table, true},
      {"avx2", &isa_avx2::table, __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0},
      {"avx512", &isa_avx512::table,
       __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0}};
}

struct Map {
  Map(int blocks, int height, int width, int block, unsigned seed)
      : span{blocks, height, width, block},
        floats(static_cast<std::size_t>(blocks * height * width * block)) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.4F, 1.5F);
    for (std::size_t i = 0; i < floats.size(); ++i) floats.data()[i] = normal(random);
  }
  MapView view() const {
    return {floats.data(), static_cast<std::ptrdiff_t>(span.width) * span.block,
            static_cast<std::ptrdiff_t>(span.height) * span.width * span.block};
  }
  float& at(int channel, int y, int x) const {
    const MapView v = view();
    return v.data[channel / span.block * v.plane + y * v.row + x * span.block + channel % span.block];
  }
  int channels() const { return span.blocks * span.block; }
  Span span;
  AlignedFloats floats;
};

float activated(const NormalizeArguments& how, float v, float slope) {
  using Kind = Activation::Kind;
  switch (how.activation) {
    case Kind::none:
      return v;
    case Kind::relu:
      return std::max(0.0F, v);
    case Kind::leaky_relu:
      return v > 0 ? v : how.a * v;
    case Kind::elu:
      return v > 0 ? v : how.a * std::expm1(v);
    case Kind::prelu:
      return v > 0 ? v : slope * v;
    case Kind::sigmoid:
      return 1 / (1 + std::exp(-v));
    case Kind::tanh:
      return std::tanh(v);
    case Kind::clip:
      return std::clamp(v, how.a, how.b);
    case Kind::hard_sigmoid:
      return std::clamp(how.a * v + how.b, 0.0F, 1.0F);
    case Kind::hard_swish:
      return v * std::clamp(v / 6 + 0.5F, 0.0F, 1.0F);
  }
  return 0;
}

TEST(KernelsTest, NormalizationEqualsItsDefinitionForEveryActivation) {
  using Kind = Activation::Kind;
  for (const Isa& isa : isas()) {
    if (!isa.there) continue;
    for (const int block : {1, 8, 16}) {
      for (const Kind kind : {Kind::none, Kind::relu, Kind::leaky_relu, Kind::elu, Kind::prelu, Kind::sigmoid,
                              Kind::tanh, Kind::clip, Kind::hard_sigmoid, Kind::hard_swish}) {
        const Map in(2, 7, 9, block, 3);
        const Map out(2, 7, 9, block, 4);
        const auto lanes = static_cast<std::size_t>(in.channels());
        AlignedFloats scale(lanes), shift(lanes), slopes(lanes), centre(lanes);
        for (std::size_t i = 0; i < lanes; ++i) {
          scale.data()[i] = 0.5F + 0.1F * static_cast<float>(i);
          shift.data()[i] = 0.2F - 0.05F * static_cast<float>(i);
          slopes.data()[i] = 0.01F * static_cast<float>(i);
          centre.data()[i] = 0.3F;
        }
        std::vector<double> sum(lanes), squares(lanes);
        NormalizeArguments how;
        how.scale = scale.data();
        how.shift = shift.data();
        how.activation = kind;
        how.a = kind == Kind::clip ? -0.5F : 0.3F;
        how.b = 0.9F;
        how.slopes = slopes.data();
        how.share = {{1, 6}, {2, 9}};
        how.centre = centre.data();
        how.sum = sum.data();
        how.squares = squares.data();
        isa.table->normalize(in.view(), out.view(), in.span, how);
        for (int c = 0; c < in.channels(); ++c) {
          const auto lane = static_cast<std::size_t>(c);
          double expected_sum = 0;
          double expected_squares = 0;
          for (int y = 0; y < 7; ++y) {
            for (int x = 0; x < 9; ++x) {
              const float v = activated(how, in.at(c, y, x) * scale.data()[lane] + shift.data()[lane],
                                        slopes.data()[lane]);
              EXPECT_NEAR(out.at(c, y, x), v, 2e-6F * (1 + std::abs(v)))
                  << isa.name << ", block " << block << ", activation " << static_cast<int>(kind);
              if (y < 1 || y >= 6 || x < 2) continue;
              const double d = static_cast<double>(in.at(c, y, x)) - 0.3F;
              expected_sum += d;
              expected_squares += d * d;
            }
          }
          EXPECT_NEAR(sum[lane], expected_sum, 1e-4) << isa.name;
          EXPECT_NEAR(squares[lane], expected_squares, 1e-4 * expected_squares) << isa.name;
        }
      }
    }
  }
}

TEST(KernelsTest, OnlyCountedRunsAreMeasuredAndEverythingIsNormalized) {
  // Of the share, rows 1 to 5 and columns 2 to 11: two runs, none, one, none at the end.
  const std::vector<Interval> runs = {{0, 2}, {5, 10}, {3, 4}};
  const std::vector<int> first = {0, 2, 2, 0, 3};
  const std::vector<int> last = {2, 2, 3, 2, 3};
  for (const Isa& isa : isas()) {
    if (!isa.there) continue;
    for (const int block : {1, 8, 16}) {
      const Map in(2, 7, 14, block, 3);
      const Map out(2, 7, 14, block, 4);
      const Map expected(2, 7, 14, block, 5);
      const auto lanes = static_cast<std::size_t>(in.channels());
      AlignedFloats scale(lanes), shift(lanes), centre(lanes);
      for (std::size_t i = 0; i < lanes; ++i) {
        scale.data()[i] = 0.5F + 0.1F * static_cast<float>(i);
        shift.data()[i] = 0.2F;
        centre.data()[i] = 0.3F;
      }
      NormalizeArguments how;
      how.scale = scale.data();
      how.shift = shift.data();
      how.activation = Activation::Kind::relu;
      isa.table->normalize(in.view(), expected.view(), in.span, how);
      std::vector<double> sum(lanes), squares(lanes);
      const CountedPixels counted{first.data(), last.data(), runs.data()};
      how.share = {{1, 6}, {2, 12}};
      how.counted = &counted;
      how.centre = centre.data();
      how.sum = sum.data();
      how.squares = squares.data();
      isa.table->normalize(in.view(), out.view(), in.span, how);
      for (int c = 0; c < in.channels(); ++c) {
        double expected_sum = 0;
        double expected_squares = 0;
        for (std::size_t row = 0; row < 5; ++row) {
          for (int r = first[row]; r < last[row]; ++r) {
            for (int x = runs[static_cast<std::size_t>(r)].begin; x < runs[static_cast<std::size_t>(r)].end;
                 ++x) {
              const double d = static_cast<double>(in.at(c, static_cast<int>(row) + 1, x + 2)) - 0.3F;
              expected_sum += d;
              expected_squares += d * d;
            }
          }
        }
        const auto lane = static_cast<std::size_t>(c);
        EXPECT_NEAR(sum[lane], expected_sum, 1e-4) << isa.name << ", block " << block;
        EXPECT_NEAR(squares[lane], expected_squares, 1e-4 * expected_squares)
            << isa.name << ", block " << block;
        for (int y = 0; y < 7; ++y) {
          for (int x = 0; x < 14; ++x) EXPECT_NEAR(out.at(c, y, x), expected.at(c, y, x), 1e-6) << isa.name;
        }
      }
    }
  }
}

TEST(KernelsTest, MeasuringAloneWritesNothing) {
  for (const Isa& isa : isas()) {
    if (!isa.there) continue;
    const Map in(1, 4, 6, 16, 3);
    const Map copy(1, 4, 6, 16, 3);
    AlignedFloats centre(16);
    std::vector<double> sum(16), squares(16);
    NormalizeArguments how;
    how.share = {{0, 4}, {0, 6}};
    how.centre = centre.data();
    how.sum = sum.data();
    how.squares = squares.data();
    isa.table->normalize(in.view(), in.view(), in.span, how);
    for (std::size_t i = 0; i < in.floats.size(); ++i) EXPECT_EQ(in.floats.data()[i], copy.floats.data()[i]);
    EXPECT_GT(squares[0], 0);
  }
}

}  // namespace
}  // namespace fibflow::model
