#include "io/folder/natural_order.h"

#include <gtest/gtest.h>

namespace fibflow::io {
namespace {

bool before(const char* a, const char* b) {
  return natural_compare(a, b) < 0 && natural_compare(b, a) > 0;
}

TEST(NaturalOrderTest, CountsAsPeopleDo) {
  EXPECT_TRUE(before("slice_2", "slice_10"));
  EXPECT_TRUE(before("slice_009", "slice_10"));
  EXPECT_TRUE(before("9", "10"));
  EXPECT_TRUE(before("a9b10", "a9b11"));
  EXPECT_TRUE(before("a9b99", "a10b1"));
}

TEST(NaturalOrderTest, TakesNumbersOfAnyLength) {
  EXPECT_TRUE(before("99999999999999999999998", "99999999999999999999999"));
  EXPECT_TRUE(before("99999999999999999999999", "100000000000000000000000"));
}

TEST(NaturalOrderTest, PutsAPrefixFirst) {
  EXPECT_TRUE(before("slice", "slice_1"));
  EXPECT_TRUE(before("", "a"));
}

TEST(NaturalOrderTest, ComparesOtherBytesAsUnsigned) {
  EXPECT_TRUE(before("z", "\xc3\xa4"));
}

TEST(NaturalOrderTest, DoesNotTellLeadingZerosApart) {
  EXPECT_EQ(natural_compare("slice_2", "slice_002"), 0);
  EXPECT_EQ(natural_compare("0", "000"), 0);
  EXPECT_NE(natural_compare("slice_2", "slice_20"), 0);
}

}  // namespace
}  // namespace fibflow::io
