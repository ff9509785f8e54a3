#include "pipeline/live/taken_files.h"

#include <gtest/gtest.h>

#include <string>

namespace fibflow::pipeline {
namespace {

using Relation = TakenFiles::Relation;

PastFile file(std::int64_t number, std::uint64_t size = 100, std::int64_t time = 7) {
  return {"slice_" + std::to_string(number) + ".tif", size, time};
}

TEST(TakenFilesTest, KnowsEachFileAgainHoweverLongAgo) {
  TakenFiles taken;
  EXPECT_TRUE(taken.empty());
  EXPECT_EQ(taken.relation(1, file(1)), Relation::none);
  constexpr std::int64_t last = 9999;
  for (std::int64_t number = 1; number <= last; number += 2) taken.add(number, file(number));
  EXPECT_EQ(taken.last(), last);
  for (const std::int64_t number : {std::int64_t{1}, std::int64_t{5001}, last}) {
    EXPECT_EQ(taken.relation(number, file(number)), Relation::same);
    EXPECT_EQ(taken.relation(number, file(number, 101)), Relation::changed);
    EXPECT_EQ(taken.relation(number, file(number, 100, 8)), Relation::changed);
    EXPECT_EQ(taken.relation(number, file(number + 1)), Relation::other_file);
    EXPECT_EQ(taken.relation(number + 1, file(number + 1)), Relation::none);
  }
  EXPECT_EQ(taken.spoken_name(last), file(last).name);
  EXPECT_EQ(taken.spoken_name(1), "another file");
  EXPECT_EQ(taken.latest().size(), TakenFiles::named);
}

}  // namespace
}  // namespace fibflow::pipeline
