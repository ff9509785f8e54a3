#include "io/metadata/quantity.h"

#include <gtest/gtest.h>

namespace fibflow::io {
namespace {

TEST(UnitsTest, KnowsHowMicroscopesSpellMicrometres) {
  for (const char* unit :
       {"um", "micron", "microns", "\\u00B5m", "\xc2\xb5m", "\xce\xbcm", "\xb5m", " um ", "Micron"}) {
    EXPECT_EQ(nanometres_of(unit), 1e3) << unit;
  }
}

TEST(UnitsTest, KnowsOtherLengths) {
  EXPECT_EQ(nanometres_of("nm"), 1);
  EXPECT_EQ(nanometres_of("mm"), 1e6);
  EXPECT_EQ(nanometres_of("cm"), 1e7);
  EXPECT_EQ(nanometres_of("m"), 1e9);
  EXPECT_EQ(nanometres_of("inch"), 25.4e6);
  EXPECT_EQ(nanometres_of("pm"), 1e-3);
}

TEST(UnitsTest, TakesNothingElseForALength) {
  EXPECT_EQ(nanometres_of("pixel"), 0);
  EXPECT_EQ(nanometres_of(""), 0);
  EXPECT_EQ(nanometres_of("sec"), 0);
}

TEST(NumberTest, ReadsNumbersWhateverTheLocale) {
  EXPECT_EQ(number_of(" 2.5\r"), 2.5);
  EXPECT_EQ(number_of("+3.3724e-006"), 3.3724e-6);
  EXPECT_EQ(number_of("1e+05"), 1e5);
  EXPECT_FALSE(number_of("nan"));
  EXPECT_FALSE(number_of("inf"));
  EXPECT_FALSE(number_of("1e999"));
  EXPECT_FALSE(number_of(""));
  EXPECT_FALSE(number_of("wide"));
}

}  // namespace
}  // namespace fibflow::io
