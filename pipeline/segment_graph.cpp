#include "pipeline/segment_graph.h"

#include <oneapi/tbb/flow_graph.h>

#include "pipeline/node_body.h"

namespace fibflow::pipeline {
namespace {

namespace flow = tbb::flow;
using nodes::OrderedSlice;
using nodes::OrderedSnapshot;
using nodes::Prediction;
using nodes::PreparedSlice;
using nodes::SegmentedSlice;
using nodes::SliceMoments;
using nodes::Tile;

/// Key of a join, and place of a sequencer.
const auto order = [](const auto& message) { return static_cast<std::size_t>(message.order); };

/// What the reader gives to the graph.
OrderedSlice next_slice(const SegmentNodes& nodes, RunContext& run, tbb::flow_control& control) {
  auto slice = run.call("reader", nodes.place_of_next(), nodes.read);
  if (!slice) control.stop();
  return slice.value_or(OrderedSlice());
}

}  // namespace

void run_segment_graph(const SegmentNodes& nodes, const std::vector<nodes::Snapshot>& first,
                       const FlowLimits& limits, RunContext& run) {
  const auto workers = static_cast<std::size_t>(limits.workers);
  const auto tiles_of_slice = [&](const nodes::Tiler::Input& input) { return nodes.tiler(input); };
  const auto segment_whole = [&](const nodes::Tiler::Input& input) {
    return (*nodes.own_statistics_segmenter)(nodes.tiler(input));
  };
  const auto write = [&](const SegmentedSlice& slice) {
    nodes.write(slice);
    return flow::continue_msg();
  };

  flow::graph graph;

  // Nodes. Where one is serial, its body changes what it keeps, or order counts.
  flow::input_node<OrderedSlice> reader(graph,
                                        [&](auto& control) { return next_slice(nodes, run, control); });
  flow::limiter_node<OrderedSlice> in_flight(graph, static_cast<std::size_t>(limits.slices_in_flight));
  flow::function_node<OrderedSlice, PreparedSlice> normalizer(  // serial: percentiles need memory
      graph, flow::serial, NodeBody(run, "normalizer", nodes.normalizer));
  flow::join_node<nodes::Tiler::Input, flow::key_matching<std::size_t>> with_statistics(graph, order, order);
  flow::multifunction_node<nodes::Tiler::Input, std::tuple<Tile>> tiler(
      graph, flow::serial, NodeBody(run, "tiler", tiles_of_slice));
  flow::function_node<Tile, Prediction> segmenter(graph, workers,
                                                  NodeBody(run, "segmenter", nodes.segmenter));
  flow::multifunction_node<nodes::Tiler::Input, std::tuple<Prediction>> own_statistics_segmenter(
      graph, static_cast<std::size_t>(limits.whole_slices),
      NodeBody(run, "own-statistics segmenter", segment_whole));
  flow::multifunction_node<Prediction, std::tuple<SegmentedSlice>> stitcher(
      graph, flow::serial, NodeBody(run, "stitcher", nodes.stitcher));
  flow::multifunction_node<Prediction, std::tuple<SliceMoments>> collector(
      graph, flow::serial, NodeBody(run, "moments collector", nodes.collector));
  flow::sequencer_node<SliceMoments> moments_in_order(graph, order);
  flow::function_node<SliceMoments, OrderedSnapshot> updater(
      graph, flow::serial, NodeBody(run, "statistics updater", nodes.update));
  flow::sequencer_node<SegmentedSlice> slices_in_order(graph, order);
  flow::function_node<SegmentedSlice> writer(graph, flow::serial, NodeBody(run, "writer", write));

  // Edges. A slice goes on when the statistics for it have come.
  flow::make_edge(reader, in_flight);
  flow::make_edge(in_flight, normalizer);
  flow::make_edge(normalizer, flow::input_port<0>(with_statistics));
  if (nodes.own_statistics_segmenter == nullptr) {
    flow::make_edge(with_statistics, tiler);
    flow::make_edge(flow::output_port<0>(tiler), segmenter);
    flow::make_edge(segmenter, stitcher);
    flow::make_edge(segmenter, collector);
  } else {
    flow::make_edge(with_statistics, own_statistics_segmenter);
    flow::make_edge(flow::output_port<0>(own_statistics_segmenter), stitcher);
    flow::make_edge(flow::output_port<0>(own_statistics_segmenter), collector);
  }
  flow::make_edge(flow::output_port<0>(stitcher), slices_in_order);
  flow::make_edge(slices_in_order, writer);
  flow::make_edge(writer, in_flight.decrementer());
  flow::make_edge(flow::output_port<0>(collector), moments_in_order);
  flow::make_edge(moments_in_order, updater);
  flow::make_edge(updater, flow::input_port<1>(with_statistics));

  for (std::size_t n = 0; n < first.size(); ++n) {
    flow::input_port<1>(with_statistics).try_put(OrderedSnapshot{static_cast<std::int64_t>(n), first[n]});
  }
  reader.activate();
  try {
    graph.wait_for_all();
  } catch (...) {
    run.rethrow_failure();  // the first one; TBB may have kept another
    throw;
  }
}

}  // namespace fibflow::pipeline
