#include "pipeline/segment_graph.h"

#include <oneapi/tbb/flow_graph.h>

#include "pipeline/node_body.h"

namespace fibflow::pipeline {
namespace {

namespace flow = tbb::flow;
using flow::input_port;
using flow::make_edge;
using flow::output_port;
using flow::serial;
using nodes::OrderedSlice;
using nodes::OrderedSnapshot;
using nodes::Prediction;
using nodes::PreparedSlice;
using nodes::SegmentedSlice;
using nodes::SliceMoments;
using nodes::Tile;

/// A slice and the statistics that it is segmented with.
using Job = nodes::Tiler::Input;

/// A node that gives one message for each that it gets, and one that gives any number.
template <typename In, typename Out>
using OneForOne = flow::function_node<In, Out>;
template <typename In, typename Out>
using SomeForOne = flow::multifunction_node<In, std::tuple<Out>>;

/// Key of a join, and place of a sequencer.
const auto order = [](const auto& message) { return static_cast<std::size_t>(message.order); };

/// What the reader gives to the graph.
OrderedSlice next_slice(const SegmentNodes& nodes, RunContext& run, tbb::flow_control& control) {
  auto slice = run.call("reader", nodes.place_of_next(), nodes.read);
  if (!slice) control.stop();
  return slice.value_or(OrderedSlice());
}

}  // namespace

// reader > in_flight > normalizer > with_statistics > tiler > segmenter > stitcher > slices_in_order > writer
//              ^                           ^                     |                                       |
//              |                           |                     +> collector > moments_in_order -+      |
//              |                           +------------------ updater <--------------------------+      |
//              +-----------------------------------------------------------------------------------------+
void run_segment_graph(const SegmentNodes& nodes, const std::vector<nodes::Snapshot>& first,
                       const FlowLimits& limits, RunContext& run) {
  const auto workers = static_cast<std::size_t>(limits.workers);
  const auto whole_slices = static_cast<std::size_t>(limits.whole_slices);
  const auto segment_whole = [&](const Job& job) {
    return (*nodes.own_statistics_segmenter)(nodes.tiler(job));
  };
  const auto write = [&](const SegmentedSlice& slice) { return nodes.write(slice), flow::continue_msg(); };
  const auto body = [&run](const char* name, auto& node) { return NodeBody(run, name, node); };

  flow::graph graph;

  // Nodes. A node is serial where its body changes what it keeps, where order counts, or where it needs memory.
  flow::input_node<OrderedSlice> reader(graph,
                                        [&](auto& control) { return next_slice(nodes, run, control); });
  flow::limiter_node<OrderedSlice> in_flight(graph, static_cast<std::size_t>(limits.slices_in_flight));
  OneForOne<OrderedSlice, PreparedSlice> normalizer(graph, serial, body("normalizer", nodes.normalizer));
  flow::join_node<Job, flow::key_matching<std::size_t>> with_statistics(graph, order, order);
  SomeForOne<Job, Tile> tiler(graph, serial, body("tiler", nodes.tiler));
  OneForOne<Tile, Prediction> segmenter(graph, workers, body("segmenter", nodes.segmenter));
  SomeForOne<Job, Prediction> whole(graph, whole_slices, body("own-statistics segmenter", segment_whole));
  SomeForOne<Prediction, SegmentedSlice> stitcher(graph, serial, body("stitcher", nodes.stitcher));
  flow::sequencer_node<SegmentedSlice> slices_in_order(graph, order);
  OneForOne<SegmentedSlice, flow::continue_msg> writer(graph, serial, body("writer", write));
  SomeForOne<Prediction, SliceMoments> collector(graph, serial, body("moments collector", nodes.collector));
  flow::sequencer_node<SliceMoments> moments_in_order(graph, order);
  OneForOne<SliceMoments, OrderedSnapshot> updater(graph, serial, body("statistics updater", nodes.update));

  // Edges. Statistics are one: a slice goes on when the snapshot for it has come.
  make_edge(reader, in_flight);
  make_edge(in_flight, normalizer);
  make_edge(normalizer, input_port<0>(with_statistics));
  if (nodes.own_statistics_segmenter == nullptr) {
    make_edge(with_statistics, tiler);
    make_edge(output_port<0>(tiler), segmenter);
    make_edge(segmenter, stitcher);
    make_edge(segmenter, collector);
  } else {
    make_edge(with_statistics, whole);
    make_edge(output_port<0>(whole), stitcher);
    make_edge(output_port<0>(whole), collector);
  }
  make_edge(output_port<0>(stitcher), slices_in_order);
  make_edge(slices_in_order, writer);
  make_edge(writer, in_flight.decrementer());
  make_edge(output_port<0>(collector), moments_in_order);
  make_edge(moments_in_order, updater);
  make_edge(updater, input_port<1>(with_statistics));

  for (std::size_t n = 0; n < first.size(); ++n) {
    input_port<1>(with_statistics).try_put(OrderedSnapshot{static_cast<std::int64_t>(n), first[n]});
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
