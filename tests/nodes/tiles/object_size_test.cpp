#include "nodes/tiles/object_size.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

namespace fibflow::nodes {
namespace {

std::vector<std::uint8_t> labels_of(const std::vector<std::string>& rows) {
  std::vector<std::uint8_t> labels;
  for (const std::string& row : rows) {
    for (const char c : row) labels.push_back(c == '.' ? 0 : 255);
  }
  return labels;
}

double area_of(double diameter) {
  return diameter * diameter * std::numbers::pi / 4;
}

TEST(ObjectSizeTest, IsTheMedianOverThePixels) {
  ObjectSize size;
  EXPECT_FALSE(size.median_diameter());
  // Objects of 1, 1 and 6 pixels: half of the eight lie in the last.
  size.add(labels_of({"#.#...", "...###", "...###"}), 6);
  EXPECT_NEAR(area_of(*size.median_diameter()), 6, 1e-9);
}

TEST(ObjectSizeTest, JoinsWhatMeetsLater) {
  ObjectSize size;
  size.add(labels_of({"#.#.#",    //
                      "#.#.#",    //
                      "#####"}),  //
           5);
  EXPECT_NEAR(area_of(*size.median_diameter()), 11, 1e-9);
}

TEST(ObjectSizeTest, CornersDoNotConnectAndSlicesDoNotEither) {
  ObjectSize size;
  size.add(labels_of({"#.", ".#"}), 2);
  size.add(labels_of({"#.", ".#"}), 2);
  EXPECT_NEAR(area_of(*size.median_diameter()), 1, 1e-9);
}

TEST(ObjectSizeTest, DiscsHaveTheirDiameter) {
  constexpr int width = 64;
  std::vector<std::uint8_t> labels(width * width);
  for (int y = 0; y < width; ++y) {
    for (int x = 0; x < width; ++x) labels[y * width + x] = std::hypot(y - 31.5, x - 31.5) < 20 ? 1 : 0;
  }
  ObjectSize size;
  size.add(labels, width);
  EXPECT_NEAR(*size.median_diameter(), 40, 0.3);
}

}  // namespace
}  // namespace fibflow::nodes
