#include "tests/acquisition/perturbed_stack.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <stdexcept>

#include "tests/fixtures/textured_stack.h"

namespace fibflow::testing {
namespace {

std::unique_ptr<io::Stack> source() {
  return std::make_unique<MemoryStack<std::uint8_t>>(textured_stack(5, 48, 64));
}

double mean_of(const io::Slice& slice) {
  double sum = 0;
  for (const std::uint8_t voxel : slice.as<std::uint8_t>()) sum += voxel;
  return sum / static_cast<double>(slice.size_bytes());
}

TEST(PerturbedStackTest, HasTheWantedDepthAndNoSliceTwice) {
  PerturbedStack stack(source(), {40, 0, 0, 1, 1});
  std::set<std::string> hashes;
  for (std::int64_t z = 0; z < 40; ++z) hashes.insert(hash_of(stack.read(z)));
  EXPECT_EQ(stack.info().depth, 40);
  EXPECT_EQ(hashes.size(), 40U);
}

TEST(PerturbedStackTest, ReadsTheSameSliceInAnyOrder) {
  PerturbedStack forth(source(), {30, 32, 40, 7, 1});
  PerturbedStack back(source(), {30, 32, 40, 7, 1});
  std::vector<std::string> hashes;
  for (std::int64_t z = 29; z >= 0; --z) hashes.push_back(hash_of(back.read(z)));
  for (std::int64_t z = 0; z < 30; ++z) {
    EXPECT_EQ(hash_of(forth.read(z)), hashes[static_cast<std::size_t>(29 - z)]) << z;
  }
}

TEST(PerturbedStackTest, DriftsSlowlyAndBySeed) {
  PerturbedStack stack(source(), {200, 0, 0, 1, 1});
  PerturbedStack other(source(), {200, 0, 0, 2, 1});
  double lowest = 255;
  double highest = 0;
  for (std::int64_t z = 0; z < 200; z += 8) {  // the source's own slices repeat every eighth
    const double mean = mean_of(stack.read(z));
    lowest = std::min(lowest, mean);
    highest = std::max(highest, mean);
    EXPECT_LT(std::abs(mean - mean_of(stack.read(std::min<std::int64_t>(z + 8, 199)))), 8) << z;
  }
  EXPECT_GT(highest - lowest, 15);
  EXPECT_NE(hash_of(stack.read(0)), hash_of(other.read(0)));
}

TEST(PerturbedStackTest, IsTheSourceWhereNothingIsPerturbed) {
  PerturbedStack stack(source(), {5, 0, 0, 1, 0});
  const auto plain = source();
  for (std::int64_t z = 0; z < 4; ++z) EXPECT_EQ(hash_of(stack.read(z)), hash_of(plain->read(z)));
}

TEST(PerturbedStackTest, CutsAWindowFromTheMiddle) {
  PerturbedStack stack(source(), {5, 16, 20, 1, 0});
  const io::Slice window = stack.read(2);
  const io::Slice whole = source()->read(2);
  EXPECT_EQ(window.height(), 16);
  EXPECT_EQ(window.width(), 20);
  EXPECT_EQ(window.as<std::uint8_t>()[0], whole.as<std::uint8_t>()[16 * 64 + 22]);
  EXPECT_THROW(PerturbedStack(source(), {5, 49, 20, 1, 0}), std::invalid_argument);
}

TEST(PerturbedStackTest, PlaysAPhantom) {
  PerturbedStack stack(open_source("phantom:cryo", 3), {3, 0, 0, 1, 1});
  EXPECT_EQ(stack.info().height, 128);
  EXPECT_GT(mean_of(stack.read(2)), 50);
}

}  // namespace
}  // namespace fibflow::testing
