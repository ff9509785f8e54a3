#include "pipeline/report/page/slice_points.h"

#include <gtest/gtest.h>

namespace fibflow::pipeline {
namespace {

RecordedSlice slice(std::int64_t z) {
  RecordedSlice slice;
  slice.z = 3 * z;
  slice.seconds = 1;
  slice.foreground = z == 77'777 ? 1 : 0.25;
  if (z % 2 == 0) slice.drift = static_cast<double>(z);
  return slice;
}

TEST(SlicePointsTest, FewSlicesAreAPointEach) {
  SlicePoints slices;
  EXPECT_TRUE(slices.empty());
  EXPECT_FALSE(slices.over_all(&SlicePoint::foreground));
  for (std::size_t z = 0; z < SlicePoints::most; ++z) slices.add(slice(static_cast<std::int64_t>(z)));
  ASSERT_EQ(slices.points().size(), SlicePoints::most);
  EXPECT_EQ(slices.points()[5].first_z, 15);
  EXPECT_EQ(slices.points()[5].last_z, 15);
  EXPECT_FALSE(slices.points()[5].drift);
}

TEST(SlicePointsTest, AMillionTakeNoMoreRoomAndLoseNoExtreme) {
  SlicePoints slices;
  constexpr std::int64_t many = 1'000'000;
  for (std::int64_t z = 0; z < many; ++z) slices.add(slice(z));
  EXPECT_LE(slices.points().size(), SlicePoints::most);
  EXPECT_GT(slices.points().size(), SlicePoints::most / 4);
  EXPECT_EQ(slices.count(), many);
  std::int64_t counted = 0;
  std::int64_t last = -1;
  for (const SlicePoint& point : slices.points()) {
    EXPECT_GT(point.first_z, last);
    last = point.last_z;
    counted += point.slices;
  }
  EXPECT_EQ(counted, many);
  EXPECT_EQ(last, 3 * (many - 1));
  const Extent foreground = slices.over_all(&SlicePoint::foreground);
  EXPECT_EQ(foreground.largest, 1);
  EXPECT_EQ(foreground.least, 0.25);
  EXPECT_EQ(foreground.count, many);
  EXPECT_EQ(slices.over_all(&SlicePoint::drift).count, many / 2);
  EXPECT_DOUBLE_EQ(slices.over_all(&SlicePoint::seconds).mean(), 1);
}

}  // namespace
}  // namespace fibflow::pipeline
