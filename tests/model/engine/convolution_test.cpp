// The reference convolution against its definition, and every other implementation against the reference.

#include "model/engine/convolution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "model/engine/aligned_floats.h"
#include "model/engine/cpu.h"

namespace fibflow::model {
namespace {

const ConvolutionEngine& reference() {
  return convolution_engines().back();
}

std::vector<float> random_floats(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.1F, 1.0F);
  std::vector<float> values(n);
  for (float& v : values) v = normal(random);
  return values;
}

std::size_t floats_of(int channels, int height, int width) {
  return static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) *
         static_cast<std::size_t>(width);
}

/// A value's place in a map.
std::size_t at(int channel, int y, int x, int height, int width, int block) {
  return (floats_of(channel / block, height, width) + floats_of(1, y, width) + static_cast<std::size_t>(x)) *
             static_cast<std::size_t>(block) +
         static_cast<std::size_t>(channel % block);
}

struct Values {
  std::vector<float> input, weights, bias;
};

Values values_for(const ConvolutionShape& s) {
  return {random_floats(floats_of(s.in_channels, s.in_height, s.in_width), 1),
          random_floats(floats_of(s.out_channels, s.in_channels / s.groups, s.y.kernel * s.x.kernel), 2),
          random_floats(static_cast<std::size_t>(s.out_channels), 3)};
}

std::vector<float> computed(const ConvolutionEngine& engine, const ConvolutionShape& s,
                            const Values& values) {
  const auto convolution = engine.make(s);
  EXPECT_EQ(convolution->scratch_bytes(), engine.accepts(s)) << engine.name;
  const auto copied = [](const std::vector<float>& from) {
    AlignedFloats to(from.size());
    std::ranges::copy(from, to.data());
    return to;
  };
  const AlignedFloats input = copied(values.input);
  const AlignedFloats bias = copied(values.bias);
  const AlignedFloats weights(convolution->weights_bytes() / sizeof(float));
  const AlignedFloats scratch(convolution->scratch_bytes() / sizeof(float) + 16);
  const AlignedFloats output(floats_of(s.out_channels, s.out_height, s.out_width));
  convolution->arrange_weights(values.weights, weights.data());
  convolution->execute(input.data(), weights.data(), s.bias ? bias.data() : nullptr, output.data(),
                       scratch.data());
  return {output.data(), output.data() + output.size()};
}

struct Sizes {
  int in, out, kernel, stride, dilation, before, after;
};

ConvolutionShape convolution(const Sizes& s) {
  ConvolutionShape shape;
  shape.in_channels = s.in;
  shape.out_channels = s.out;
  shape.in_height = 13;
  shape.in_width = 17;
  shape.y = shape.x = {s.kernel, s.stride, s.dilation, s.before, s.after};
  const auto size = [&](int n) { return (n + s.before + s.after - shape.y.span()) / s.stride + 1; };
  shape.out_height = size(shape.in_height);
  shape.out_width = size(shape.in_width);
  shape.plain_input = s.in <= 3;
  return shape;
}

ConvolutionShape transposed(const Sizes& s) {
  ConvolutionShape shape = convolution(s);
  shape.transposed = true;
  const auto size = [&](int n) { return (n - 1) * s.stride + shape.y.span() - s.before - s.after; };
  shape.out_height = size(shape.in_height);
  shape.out_width = size(shape.in_width);
  return shape;
}

std::vector<ConvolutionShape> shapes() {
  using Kind = Activation::Kind;
  std::vector<ConvolutionShape> all;
  for (const Sizes& s :
       {Sizes{1, 16, 3, 1, 1, 1, 1}, Sizes{3, 16, 7, 2, 1, 3, 2}, Sizes{16, 32, 3, 1, 1, 0, 1},
        Sizes{32, 16, 1, 1, 1, 0, 0}, Sizes{16, 16, 3, 1, 2, 2, 0}, Sizes{16, 16, 5, 2, 1, 2, 1}})
    all.push_back(convolution(s));
  for (const Sizes& s : {Sizes{16, 16, 3, 2, 1, 1, 1}, Sizes{16, 32, 4, 2, 1, 1, 1},
                         Sizes{32, 16, 3, 1, 2, 1, 0}, Sizes{16, 16, 2, 3, 1, 0, 0}})
    all.push_back(transposed(s));
  for (const int groups : {2, 32}) {  // whole blocks, and one channel each
    all.push_back(convolution({32, 32, 3, 1, 1, 1, 1}));
    all.back().groups = groups;
  }
  for (const Kind kind : {Kind::relu, Kind::leaky_relu, Kind::elu, Kind::sigmoid, Kind::tanh}) {
    all.push_back(convolution({16, 16, 3, 1, 1, 1, 1}));
    all.back().bias = true;
    all.back().activation = kind;
    all.back().alpha = 0.3F;
    all.push_back(transposed({16, 16, 3, 2, 1, 1, 0}));
    all.back().bias = true;
    all.back().activation = kind;
    all.back().alpha = 0.3F;
  }
  return all;
}

std::string text(const ConvolutionShape& s) {
  return std::string(s.transposed ? "transposed " : "") + std::to_string(s.in_channels) + " -> " +
         std::to_string(s.out_channels) + ", kernel " + std::to_string(s.y.kernel) + ", stride " +
         std::to_string(s.y.stride) + ", groups " + std::to_string(s.groups) + ", activation " +
         std::to_string(static_cast<int>(s.activation));
}

TEST(ConvolutionTest, TheReferenceEqualsTheDefinition) {
  const int block = channel_block();
  for (const ConvolutionShape& s : shapes()) {
    if (s.groups > 1 || s.activation != Activation::Kind::none) continue;
    const Values values = values_for(s);
    const std::vector<float> output = computed(reference(), s, values);
    // Each input value goes to every output that the kernel lays it on.
    std::vector<double> expected(output.size());
    for (int i = 0; i < s.in_channels; ++i) {
      for (int o = 0; o < s.out_channels; ++o) {
        for (int y = 0; y < s.in_height; ++y) {
          for (int x = 0; x < s.in_width; ++x) {
            for (int ky = 0; ky < s.y.kernel; ++ky) {
              for (int kx = 0; kx < s.x.kernel; ++kx) {
                int to_y = 0;
                int to_x = 0;
                if (s.transposed) {
                  to_y = y * s.y.stride + ky * s.y.dilation - s.y.pad_begin;
                  to_x = x * s.x.stride + kx * s.x.dilation - s.x.pad_begin;
                } else {
                  to_y = y + s.y.pad_begin - ky * s.y.dilation;
                  to_x = x + s.x.pad_begin - kx * s.x.dilation;
                  if (to_y < 0 || to_x < 0 || to_y % s.y.stride != 0 || to_x % s.x.stride != 0) continue;
                  to_y /= s.y.stride;
                  to_x /= s.x.stride;
                }
                if (to_y < 0 || to_x < 0 || to_y >= s.out_height || to_x >= s.out_width) continue;
                const int pair = s.transposed ? i * s.out_channels + o : o * s.in_channels + i;
                expected[at(o, to_y, to_x, s.out_height, s.out_width, block)] +=
                    static_cast<double>(
                        values.input[at(i, y, x, s.in_height, s.in_width, s.plain_input ? 1 : block)]) *
                    values.weights[static_cast<std::size_t>((pair * s.y.kernel + ky) * s.x.kernel + kx)];
              }
            }
          }
        }
      }
    }
    for (std::size_t k = 0; k < output.size(); ++k)
      ASSERT_NEAR(output[k], expected[k], 1e-5 * (1 + std::abs(expected[k]))) << text(s);
  }
}

TEST(ConvolutionTest, EveryImplementationEqualsTheReference) {
  for (const ConvolutionShape& s : shapes()) {
    const Values values = values_for(s);
    const std::vector<float> expected = computed(reference(), s, values);
    for (const ConvolutionEngine& engine : convolution_engines()) {
      if (!engine.accepts(s)) continue;
      const std::vector<float> output = computed(engine, s, values);
      for (std::size_t k = 0; k < output.size(); ++k) {
        ASSERT_NEAR(output[k], expected[k], 1e-4 * (1 + std::abs(expected[k])))
            << engine.name << ": " << text(s);
      }
    }
  }
}

TEST(ConvolutionTest, TheReferenceStandsLastAndTakesEverything) {
  EXPECT_EQ(std::string(reference().name), "reference");
  ConvolutionShape odd = convolution({channel_block(), channel_block(), 3, 1, 1, 1, 1});
  odd.x = {1, 3, 1, 0, 0};
  EXPECT_TRUE(reference().accepts(odd));
}

TEST(ConvolutionTest, TheFirstImplementationThatAcceptsIsUsed) {
  for (const ConvolutionShape& s : shapes()) {
    const auto first = std::ranges::find_if(convolution_engines(), [&](const ConvolutionEngine& engine) {
      return engine.accepts(s).has_value();
    });
    EXPECT_EQ(convolution_scratch_bytes(s), first->accepts(s));
    EXPECT_EQ(make_convolution(s)->scratch_bytes(), first->accepts(s)) << text(s);
    // oneDNN does all that networks ask for: nothing is slow unnoticed.
    EXPECT_EQ(std::string(first->name), "oneDNN") << text(s);
  }
}

}  // namespace
}  // namespace fibflow::model
