// A session's result depends on the order of the slices, never on how they were cut into bursts, nor on where it was
// taken down and built up again.
#include "pipeline/adapt/segment_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "pipeline/adapt/session_state.h"
#include "pipeline/flow/pipeline_error.h"
#include "tests/fixtures/prediction_format.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

constexpr int height = 72;
constexpr int width = 104;
constexpr std::int64_t depth = 12;

struct Case {
  std::string name;
  int every = 1;  ///< 0: nothing is measured
  nodes::UpdateRule rule;
  std::string estimator = "pooled";
  double smoothing = 0;
  nodes::Scale scale = {};

  nodes::GridSize grid() const { return nodes::GridSize{height, width}.at(scale); }
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

/// What is measured is used.
nodes::UpdateRule rule(double source_share, int lag, nodes::MonitorRule monitor = {}) {
  return {.source_share = source_share, .lag = lag, .renewal = 0, .monitor = monitor};
}

const Case cases[] = {
    {"pooled", 1, rule(0.25, 1)},
    {"ema", 1, rule(0.25, 3), "ema"},
    {"ubna_every_third", 3, rule(0, 1), "ubna"},
    {"prior_every_second", 2, rule(0.25, 4), "prior"},
    {"frozen", 0, rule(0.25, 4)},
    // Begins anew when its slices become all noise.
    {"begins_anew", 4, rule(0.25, 2, {1e-3, 1e-3, 2})},
    {"smoothed", 2, rule(0.25, 2), "pooled", 1},
    {"smoothed_widely", 1, rule(0.25, 1), "ema", 2.5},
    {"scaled_down", 2, rule(0.25, 1), "pooled", 0, {0.5, 0.75}},
    {"scaled_up_and_smoothed", 2, rule(0.25, 2), "pooled", 1, {1.4, 1.2}},
};

/// All that slices came to.
struct Result {
  std::string voxels;
  std::vector<std::int64_t> z;
  std::vector<double> drifts;
  std::vector<bool> measured;
  std::vector<double> entropies;
  std::vector<double> slice_drifts;
  int beginnings = 0;
  friend bool operator==(const Result&, const Result&) = default;
};

class SegmentSessionTest : public ::testing::TestWithParam<Case> {
 protected:
  SegmentSessionTest() {
    if (GetParam().name != "begins_anew") return;
    const std::size_t change = stack.voxels.size() / 2;
    for (std::size_t i = change; i < stack.voxels.size(); ++i) {
      stack.voxels[i] = static_cast<std::uint8_t>(i * 2654435761U >> 24 & 1 ? 255 : 0);
    }
  }

  static Plan plan_for(const Case& c, const model::Inference& inference) {
    PlanRequest request;
    request.memory = std::size_t{1} << 30;
    request.threads = 3;
    request.tile = 32;
    request.lag = c.rule.lag;
    request.measures = c.every > 0;
    if (c.every > 0) request.every = c.every;
    request.layer_bytes = 1 + 4;
    request.reach = nodes::Finishing{c.smoothing, c.grid(), {height, width}}.reach();
    return plan_run(inference, request);
  }

  model::Estimator estimator() const {
    model::EstimatorOptions options;
    options.rule = GetParam().estimator;
    return model::Estimator(options, network.source_statistics());
  }

  /// A session, ready for its first slice.
  struct Parts {
    explicit Parts(const SegmentSessionTest& test)
        : session(test.inference, test.plan, test.normalizer, test.estimator(), {},
                  {GetParam().rule,
                   GetParam().rule.source_share,
                   true,
                   testing::with_probability(io::PixelType::f32),
                   {GetParam().smoothing, GetParam().grid(), {height, width}}},
                  team, context) {}
    RunHooks hooks;
    RunContext context{hooks, false};
    ThreadTeam team{3};
    SegmentSession session;
  };

  /// Segments the slices before `end` in one burst, from the one that comes next.
  void burst(SegmentSession& session, std::int64_t end, Result& result) {
    const std::int64_t written = session.state().next;
    std::int64_t next = written + session.waiting();
    const std::int64_t now =
        session.run(source(next, end), [&](const SegmentSession::Done& done) { take(done, result); });
    EXPECT_EQ(session.state().next, written + now);
    EXPECT_EQ(session.state().next + session.waiting(), end);
    EXPECT_LE(session.waiting(), std::ceil(GetParam().smoothing));
    if (end < depth) return;
    const std::int64_t waited = session.waiting();
    EXPECT_EQ(session.finish([&](const SegmentSession::Done& done) { take(done, result); }), waited);
    EXPECT_EQ(session.state().next, depth);
  }
  SegmentSession::Source source(std::int64_t& next, std::int64_t end) {
    return {[this, &next, end]() -> std::optional<io::Slice> {
              if (next == end) return std::nullopt;
              return stack.read(next++);
            },
            [&next] { return Place{next}; }};
  }

  static void take(const SegmentSession::Done& done, Result& result) {
    for (const nodes::LayerSlice& layer : done.slice.layers)
      result.voxels.append(reinterpret_cast<const char*>(layer.slice.data()), layer.slice.size_bytes());
    result.z.push_back(done.slice.z());
    result.drifts.push_back(done.update.renewal.value_or(-1));
    result.measured.push_back(done.update.measured);
    result.entropies.push_back(done.slice.entropy);
    result.slice_drifts.push_back(done.update.slice_drift.value_or(-1));
    result.beginnings += done.update.turn.has_value();
  }

  Result in_one_burst() {
    Parts parts(*this);
    Result result;
    burst(parts.session, depth, result);
    last = parts.session.estimator().state();
    return result;
  }

  const model::Network network = testing::small_network();
  const model::Inference inference{network, GetParam().grid().height, GetParam().grid().width};
  const Plan plan = plan_for(GetParam(), inference);
  const nodes::Normalizer normalizer{{}, nodes::IntensityRange::of(io::PixelType::u8)};
  testing::MemoryStack<std::uint8_t> stack = testing::textured_stack(depth, height, width);
  model::Estimator::State last;  // of the estimator after one burst
};

TEST_P(SegmentSessionTest, BurstsOfAnyLengthGiveWhatOneBurstGives) {
  const Result expected = in_one_burst();
  ASSERT_EQ(expected.z.size(), static_cast<std::size_t>(depth));
  EXPECT_EQ(expected.beginnings > 0, GetParam().name == "begins_anew");
  const auto measured = std::ranges::count(expected.measured, true);
  if (GetParam().every == 0) {
    EXPECT_EQ(measured, 0);
  }
  if (GetParam().every == 3) {
    EXPECT_EQ(measured, 1 + depth / 3) << "the first one, and each third";
  }
  for (const std::vector<std::int64_t>& ends :
       {std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
        {1, 12},
        {5, 5, 6, 12},
        {11, 12}}) {
    Parts parts(*this);
    Result result;
    for (const std::int64_t end : ends) burst(parts.session, end, result);
    EXPECT_TRUE(result == expected) << ends.size() << " bursts, the first up to " << ends.front();
    EXPECT_EQ(parts.session.estimator().state(), last);
  }
}

TEST_P(SegmentSessionTest, AnotherSessionGoesOnFromTheStateAfterAnySlice) {
  const Result expected = in_one_burst();
  // As a sink sees them: later slices are under way when a state is taken.
  std::vector<SegmentSession::State> states;
  {
    Parts parts(*this);
    std::int64_t next = 0;
    const auto take_state = [&](const SegmentSession::Done& done) {
      states.push_back(SegmentSession::state_after(done));
    };
    parts.session.run(source(next, depth), take_state);
    parts.session.finish(take_state);
  }
  ASSERT_EQ(states.size(), static_cast<std::size_t>(depth));
  for (SegmentSession::State& state : states) {
    const std::int64_t position = state.next;
    // As a checkpoint keeps it.
    state = session_state(nlohmann::json::from_cbor(nlohmann::json::to_cbor(json_of(state))));
    Result result;
    std::copy_n(expected.z.begin(), position, std::back_inserter(result.z));
    Parts after(*this);
    after.session.restore(std::move(state));
    burst(after.session, depth, result);
    EXPECT_EQ(result.z, expected.z);
    EXPECT_EQ(result.voxels, expected.voxels.substr(expected.voxels.size() - result.voxels.size()));
    EXPECT_EQ(result.voxels.size() * depth,
              expected.voxels.size() * static_cast<std::size_t>(depth - position));
    EXPECT_EQ(after.session.estimator().state(), last);
  }
}

TEST_P(SegmentSessionTest, AfterAFailureItStandsAfterTheLastSliceTaken) {
  const Result expected = in_one_burst();
  Parts parts(*this);
  Result result;
  std::int64_t next = 0;
  const auto full_at_five = [&](const SegmentSession::Done& done) {
    if (done.slice.order == 5) throw std::runtime_error("no room");
    take(done, result);
  };
  EXPECT_THROW(parts.session.run(source(next, depth), full_at_five), PipelineError);
  EXPECT_EQ(parts.session.state().next, 5);
  SegmentSession::Source unreadable = source(next, depth);
  unreadable.read = [&]() -> std::optional<io::Slice> {
    if (next == 8) throw std::runtime_error("unreadable");
    return stack.read(next++);
  };
  next = parts.session.state().next;
  try {
    parts.session.run(unreadable, [&](const SegmentSession::Done& done) { take(done, result); });
    ADD_FAILURE() << "read what cannot be read";
  } catch (const PipelineError& error) {
    EXPECT_STREQ(error.what(), "slice 8 (reader): unreadable");
  }
  burst(parts.session, depth, result);
  EXPECT_TRUE(result == expected);
  EXPECT_EQ(parts.session.estimator().state(), last);
}

INSTANTIATE_TEST_SUITE_P(Settings, SegmentSessionTest, ::testing::ValuesIn(cases),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace fibflow::pipeline
