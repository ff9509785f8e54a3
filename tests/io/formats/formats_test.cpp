#include "io/formats/formats.h"

#include <gtest/gtest.h>

#include "tests/fixtures/tiff_maker.h"

namespace fibflow::io {
namespace {

TEST(FormatsTest, AFileMayHaveBracketsInItsName) {
  const testing::TemporaryFolder folder;
  testing::make_tiff(folder.path("cell[1].tif"), testing::PageSpec(), 2);
  EXPECT_EQ(open_stack(folder.path("cell[1].tif"))->info().depth, 2);
}

}  // namespace
}  // namespace fibflow::io
