#include "tests/acquisition/acquisition_player.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stop_token>
#include <system_error>

namespace fibflow::testing {
namespace {

/// A file that appears as letters in a text.
Appearance letters(double start, std::string& text, const std::string& its, double rest) {
  Appearance appearance;
  appearance.start = start;
  appearance.z = its[0] - 'a';
  appearance.steps = [&text, its, rest] {
    std::vector<Step> steps;
    for (const char letter : its) {
      steps.push_back({steps.empty() ? 0 : rest,
                       std::string(1, letter),
                       [&text, letter] { text += letter; },
                       steps.size() + 1 == its.size(),
                       {}});
    }
    return steps;
  };
  return appearance;
}

TEST(AcquisitionPlayerTest, WritesFilesAtTheSameTimeAndTellsEachStep) {
  std::string text;
  Script script;
  script.appearances = {letters(0, text, "abc", 0.1), letters(0.05, text, "ABC", 0.1)};
  std::string told;
  int complete = 0;
  play(script, [&](const Event& event) {
    told += event.what;
    complete += event.completes ? 1 : 0;
  });
  EXPECT_EQ(told, text);
  EXPECT_EQ(text.size(), 6U);
  EXPECT_EQ(complete, 2);
  EXPECT_LT(text.find('A'), text.find('c')) << "the second file waited for the first: " << text;
}

TEST(AcquisitionPlayerTest, NeverRestsLessThanItShould) {
  std::string text;
  Script script;
  script.appearances = {letters(0.02, text, "ab", 0.03)};
  const auto begin = std::chrono::steady_clock::now();
  play(script, [](const Event&) {});
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
}

TEST(AcquisitionPlayerTest, AStepThatWaitsHoldsNobodyElseUp) {
  std::string text;
  bool free = false;
  Script script;
  script.appearances = {letters(0, text, "a", 0), letters(0.01, text, "b", 0)};
  const auto steps = script.appearances[0].steps;
  script.appearances[0].steps = [&] {
    auto waiting = steps();
    waiting[0].ready = [&] { return free; };
    return waiting;
  };
  play(script, [&](const Event& event) { free = event.what == "b"; });
  EXPECT_EQ(text, "ba");
}

TEST(AcquisitionPlayerTest, StopsWhenItIsAskedTo) {
  std::string text;
  Script script;
  script.appearances = {letters(0, text, "a", 0), letters(1e6, text, "b", 0)};
  std::stop_source stop;
  play(
      script, [&](const Event&) { stop.request_stop(); }, stop.get_token());
  EXPECT_EQ(text, "a");
}

TEST(AcquisitionPlayerTest, AStepThatFailsEndsThePlay) {
  Script script;
  Appearance appearance;
  appearance.steps = [] {
    return std::vector<Step>{
        {0, "", [] { throw std::system_error(ENOSPC, std::generic_category()); }, false, {}}};
  };
  script.appearances = {appearance};
  EXPECT_THROW(play(script, [](const Event&) {}), std::system_error);
}

}  // namespace
}  // namespace fibflow::testing
