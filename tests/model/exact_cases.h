#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "case_runner.h"

namespace fibflow::model {

/// The cases of this project that the engine takes, to compare its ways with each other on slices of their size.
inline std::vector<Case> exact_cases() {
  std::vector<Case> cases;
  for (Case& c : own_cases()) {
    if (c.expect == "exact") cases.push_back(std::move(c));
  }
  return cases;
}

inline Array random_slice(const Inference& inference, unsigned seed) {
  const auto e = inference.extension();
  Array a;
  a.shape = {1, inference.network().input_channels(), inference.height() + e.top + e.bottom,
             inference.width() + e.left + e.right};
  a.values.resize(static_cast<std::size_t>(a.dim(1) * a.dim(2) * a.dim(3)));
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.3F, 1.2F);
  for (float& v : a.values) v = normal(random);
  return a;
}

/// Where the network was exported for one size only, that size.
inline Inference inference_for(const Case& c) {
  const Network network = Network::load(c.model());
  if (!c.json.value("dynamic", true)) {
    const auto& out = c.json.at("logits_source").at("shape");
    const auto& in = c.json.at("input").at("shape");
    const int h = out.at(2);
    const int w = out.at(3);
    return Inference(network, h, w, in.at(2).get<int>() - h, in.at(3).get<int>() - w);
  }
  return Inference(network, 101, 86);
}

/// The same pixels, and moments that differ by the order of the sums.
inline void expect_equal(const Moments& moments, const Moments& expected, const std::string& what) {
  ASSERT_EQ(moments.layers.size(), expected.layers.size()) << what;
  for (std::size_t i = 0; i < expected.layers.size(); ++i) {
    const LayerMoments& a = moments.layers[i];
    const LayerMoments& b = expected.layers[i];
    EXPECT_EQ(a.count, b.count) << what << ", layer " << i;
    if (b.count == 0) continue;
    for (std::size_t c = 0; c < b.mean.size(); ++c) {
      const double sigma = std::sqrt(b.squares[c] / b.count) + 1e-12;
      EXPECT_NEAR(a.mean[c], b.mean[c], 1e-5 * std::max(sigma, std::abs(b.mean[c])))
          << what << ", layer " << i << ", channel " << c;
      EXPECT_NEAR(a.squares[c], b.squares[c], 1e-4 * b.squares[c] + 1e-9)
          << what << ", layer " << i << ", channel " << c;
    }
  }
}

}  // namespace fibflow::model
