#include "io/folder/natural_order.h"

#include <gtest/gtest.h>

#include <algorithm>

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

TEST(NumberingTest, SaysNothingOfAnUnbrokenRow) {
  EXPECT_TRUE(numbering_remarks({"s_8", "s_9", "s_10", "s_11"}).empty());
  EXPECT_TRUE(numbering_remarks({"s_0", "s_10", "s_20"}).empty());
  EXPECT_TRUE(numbering_remarks({"only_7"}).empty());
}

TEST(NumberingTest, NamesAGapAndItsNeighbours) {
  const auto remarks = numbering_remarks({"s_1", "s_2", "s_5", "s_6"});
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_NE(remarks[0].find("2 missing between 's_2' and 's_5'"), std::string::npos) << remarks[0];
}

TEST(NumberingTest, FindsAGapInStepsOfTen) {
  const auto remarks = numbering_remarks({"s_10", "s_20", "s_40"});
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_NE(remarks[0].find("1 missing"), std::string::npos) << remarks[0];
}

TEST(NumberingTest, LooksAtTheNumberThatCounts) {
  EXPECT_TRUE(numbering_remarks({"run2_s_1_z=0.5um", "run2_s_2_z=1.0um", "run2_s_3_z=1.5um"}).empty());
  EXPECT_EQ(numbering_remarks({"run2_s_1_z=0.5um", "run2_s_2_z=1.0um", "run2_s_4_z=1.5um"}).size(), 1u);
}

TEST(NumberingTest, DoesNotFloodWithGaps) {
  const auto remarks = numbering_remarks({"1", "2", "4", "6", "8", "10", "12"});
  ASSERT_EQ(remarks.size(), 4u);
  EXPECT_NE(remarks[3].find("2 more gaps"), std::string::npos) << remarks[3];
}

TEST(NumberingTest, DoubtsNamesThatDifferInMoreThanTheirNumber) {
  const auto remarks = numbering_remarks({"image_1", "image_2", "mask_1", "mask_2"});
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_NE(remarks[0].find("'mask_1'"), std::string::npos) << remarks[0];
}

}  // namespace
}  // namespace fibflow::io
