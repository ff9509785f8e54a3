#pragma once

#include <cstdint>
#include <vector>

#include "io/stack.h"
#include "model/tile/inference.h"
#include "nodes/intensity/normalizer.h"
#include "pipeline/adapt/plan.h"
#include "pipeline/flow/run_context.h"
#include "pipeline/flow/thread_team.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

/// `count` slices of a range that has its end, spread evenly: the middles of as many equal parts. All of them
/// if there are not that many.
std::vector<std::int64_t> spread_slices(SliceRange range, int count);

/// The first `count` slices of a range, or all of them: what a live acquisition has to begin with.
std::vector<std::int64_t> first_slices(SliceRange range, int count);

/// How many of the first slices are measured for the normalization `stack`, if the probe takes `probe` of them.
int intensity_sample_of_first(int probe);

/// Measures a sample of each slice (nodes::SampleMeasurer); the moments come in the order given. The source has the share in
/// what normalizes that it will have afterwards, so that every layer sees what it is going to see.
std::vector<model::Moments> measure_probe(io::Stack& stack, const std::vector<std::int64_t>& slices,
                                          const nodes::Normalizer& normalizer,
                                          const model::Inference& inference, double source_share,
                                          const SamplePlan& plan, ThreadTeam& team, RunContext& run);

}  // namespace fibflow::pipeline
