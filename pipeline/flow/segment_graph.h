#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "nodes/intensity/normalizer.h"
#include "nodes/statistics/moments_collector.h"
#include "nodes/statistics/statistics_updater.h"
#include "nodes/tiles/own_statistics_segmenter.h"
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
  const nodes::Normalizer& normalizer;
  const nodes::Tiler& tiler;
  const nodes::Segmenter& segmenter;
  /// Instead of the segmenter, if each slice is normalized with its own statistics; else null.
  const nodes::OwnStatisticsSegmenter* own_statistics_segmenter = nullptr;
  nodes::Stitcher& stitcher;
  nodes::MomentsCollector& collector;
  nodes::StatisticsUpdater& updater;
  /// A segmented slice, and what the updater made of its moments; serial, in order.
  std::function<void(const nodes::SegmentedSlice&, const nodes::Update&)> write;
};

/// How much of the graph may be at work at once.
struct FlowLimits {
  int workers = 1;           ///< tiles
  int slices_in_flight = 1;  ///< slices between reader and writer
  int whole_slices = 1;      ///< slices in the own-statistics segmenter
};

/// Segments all slices of the reader, with the statistics as the updater has them for the slices that come
/// next; the first of them has the order first. Call it within the arena whose threads are to work. Returns when the last slice
/// was written; rethrows the first failure, after all nodes have come to rest.
void run_segment_graph(const SegmentNodes& nodes, std::int64_t first, const FlowLimits& limits,
                       RunContext& run);

}  // namespace fibflow::pipeline
