#include "pipeline/live/http/metrics.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/fixtures/phantom_run.h"

namespace fibflow::pipeline {
namespace {

struct Family {
  std::string type;
  std::string help;
  std::vector<std::pair<std::string, double>> samples;  // name with labels, value
};

/// The text format 0.0.4, strictly: HELP, TYPE, then the family's samples; each family once. Throws with the line.
std::map<std::string, Family> parse(const std::string& text) {
  static const std::regex help("# HELP ([a-z_:][a-z0-9_:]*) (.+)");
  static const std::regex type("# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge|histogram)");
  static const std::regex sample(
      R"re(([a-z_:][a-z0-9_:]*)(\{[a-z_]+="([^"\\\n]|\\["\\n])*"\})? (-?[0-9.e+-]+|[+-]Inf|NaN))re");
  std::map<std::string, Family> families;
  std::string current;
  if (text.empty() || text.back() != '\n') throw std::runtime_error("does not end with a line");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, help)) {
      current = match[1];
      if (!families.emplace(current, Family{"", match[2], {}}).second)
        throw std::runtime_error("twice: " + line);
    } else if (std::regex_match(line, match, type)) {
      if (match[1] != current || !families[current].samples.empty())
        throw std::runtime_error("where? " + line);
      families[current].type = match[2];
    } else if (std::regex_match(line, match, sample)) {
      Family& family = families[current];
      std::string name = match[1];
      if (family.type.empty()) throw std::runtime_error("no type: " + line);
      if (family.type == "histogram") name = std::regex_replace(name, std::regex("_(bucket|sum|count)$"), "");
      if (name != current) throw std::runtime_error("not of " + current + ": " + line);
      family.samples.emplace_back(match[1].str() + match[2].str(),
                                  std::strtod(match[4].str().c_str(), nullptr));
    } else {
      throw std::runtime_error("not a line of the format: " + line);
    }
  }
  return families;
}

struct MetricsTest : ::testing::Test {
  MetricsTest() {
    run.add_slices(500);
    run.enter(LiveState::waiting, "slice 500 is not there yet");
  }

  std::map<std::string, Family> families(const Liveness::Verdict& verdict = {true, "working", {}}) const {
    return parse(metrics_text(*board.latest().status, verdict));
  }
  double value(const std::string& name) const { return families().at(name).samples.at(0).second; }

  StatusBoard board;
  fibflow::testing::PhantomRun run{board, 32, 500};
};

TEST_F(MetricsTest, NamesTypesAndUnitsAreConventional) {
  static const std::regex units("_(total|seconds|bytes|bits|ratio|info)$");
  const std::set<std::string> plain = {"fibflow_slices_pending", "fibflow_newest_slice",
                                       "fibflow_slice_drift",    "fibflow_source_drift",
                                       "fibflow_state",          "fibflow_alive"};
  const auto all = families();
  for (const auto& [name, family] : all) {
    EXPECT_TRUE(name.starts_with("fibflow_") || name.starts_with("process_")) << name;
    EXPECT_EQ(name.ends_with("_total"), family.type == "counter") << name;
    EXPECT_TRUE(plain.contains(name) || std::regex_search(name, units)) << name;
    EXPECT_FALSE(family.samples.empty()) << name;
    EXPECT_TRUE(family.help.ends_with(".")) << name;
  }
}

TEST_F(MetricsTest, TheHistogramIsCumulativeAndComplete) {
  const Family family = families().at("fibflow_slice_latency_seconds");
  EXPECT_EQ(family.type, "histogram");
  ASSERT_EQ(family.samples.size(), Latencies::edges.size() + 3);
  double below = 0, edge = -1;
  for (std::size_t i = 0; i <= Latencies::edges.size(); ++i) {
    const auto& [name, count] = family.samples[i];
    std::smatch match;
    ASSERT_TRUE(std::regex_match(name, match, std::regex(".*_bucket\\{le=\"(.*)\"\\}"))) << name;
    const double next = std::strtod(match[1].str().c_str(), nullptr);
    EXPECT_GT(next, edge);
    EXPECT_GE(count, below);
    edge = next;
    below = count;
  }
  EXPECT_EQ(family.samples[Latencies::edges.size()].first,
            "fibflow_slice_latency_seconds_bucket{le=\"+Inf\"}");
  EXPECT_EQ(family.samples.back().first, "fibflow_slice_latency_seconds_count");
  EXPECT_EQ(family.samples.back().second, 500);
  EXPECT_EQ(below, 500);
  EXPECT_NEAR(family.samples[Latencies::edges.size() + 1].second, board.latest().status->latency.sum(), 1e-6);
}

TEST_F(MetricsTest, CountsAreTheBoards) {
  board.change([](LiveStatus& status) {
    status.counts = {507, 500, 4, 1, 2, 3, 9};
    status.warnings.add("a");
    status.warnings.add("a");
  });
  EXPECT_EQ(value("fibflow_slices_seen_total"), 507);
  EXPECT_EQ(value("fibflow_slices_processed_total"), 500);
  EXPECT_EQ(value("fibflow_slices_pending"), 4);
  EXPECT_EQ(value("fibflow_slices_skipped_total"), 1);
  EXPECT_EQ(value("fibflow_slices_failed_total"), 2);
  EXPECT_EQ(value("fibflow_slices_late_total"), 3);
  EXPECT_EQ(value("fibflow_inotify_overflows_total"), 9);
  EXPECT_EQ(value("fibflow_warnings_total"), 2);
  EXPECT_EQ(value("fibflow_newest_slice"), 499);
}

TEST_F(MetricsTest, ExactlyOneStateIsTheOne) {
  double sum = 0;
  const Family states = families().at("fibflow_state");
  for (const auto& [name, one] : states.samples) {
    sum += one;
    EXPECT_EQ(one, name == "fibflow_state{state=\"waiting\"}" ? 1 : 0) << name;
  }
  EXPECT_EQ(sum, 1);
}

TEST_F(MetricsTest, AHangIsSeen) {
  EXPECT_EQ(families({false, "hangs", std::chrono::seconds(90)}).at("fibflow_alive").samples[0].second, 0);
  EXPECT_EQ(
      families({false, "hangs", std::chrono::seconds(90)}).at("fibflow_silence_seconds").samples[0].second,
      90);
}

TEST(EmptyMetricsTest, WhatIsNotKnownHasNoSample) {
  const auto families = parse(metrics_text(LiveStatus(), {true, "", {}}));
  EXPECT_FALSE(families.contains("fibflow_newest_slice"));
  EXPECT_FALSE(families.contains("fibflow_source_drift"));
  EXPECT_EQ(families.at("fibflow_slices_seen_total").samples[0].second, 0);
}

}  // namespace
}  // namespace fibflow::pipeline
