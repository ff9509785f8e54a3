#pragma once

#include <functional>
#include <optional>

#include "nodes/finish/finisher.h"
#include "nodes/finish/neighbours.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/scale/scaler.h"
#include "nodes/statistics/sampler.h"
#include "nodes/statistics/statistics_updater.h"
#include "nodes/tiles/segmenter.h"
#include "nodes/tiles/stitcher.h"
#include "nodes/tiles/tiler.h"
#include "pipeline/flow/run_context.h"

namespace fibflow::pipeline {

/// The bodies of the graph's nodes. What is not const here is called by one thread at a time, in the order of
/// the slices where that is said.
struct SegmentNodes {
  std::function<std::optional<nodes::OrderedSlice>()>
      read;                              ///< the next slice, or nothing after the last; serial
  std::function<Place()> place_of_next;  ///< of the slice that read() would give
  const nodes::Scaler& scaler;
  const nodes::Normalizer& normalizer;
  const nodes::Tiler& tiler;
  const nodes::Segmenter& segmenter;
  nodes::Stitcher& stitcher;
  const nodes::Sampler& sampler;
  nodes::StatisticsUpdater& updater;
  nodes::Neighbours& neighbours;
  const nodes::Finisher& finisher;
  /// A slice that is finished, among its neighbours; serial, in order.
  std::function<void(const nodes::Finisher::Output&)> write;
};

/// How much of the graph may be at work at once.
struct FlowLimits {
  int workers = 1;  ///< tiles
  int slices_in_flight =
      1;            ///< slices between reader and writer, those included that wait for their neighbours
  int samples = 1;  ///< slices that are measured
};

/// Segments all slices of the reader, with the statistics as the updater has them for the slices that come
/// next; the first of them has the order first. Call it within the arena whose threads are to work. Returns when no slice is
/// left but those that wait for their neighbours; rethrows the first failure, after all nodes have come to rest.
void run_segment_graph(const SegmentNodes& nodes, std::int64_t first, const FlowLimits& limits,
                       RunContext& run);

}  // namespace fibflow::pipeline
