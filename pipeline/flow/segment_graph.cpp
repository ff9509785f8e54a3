#include "pipeline/flow/segment_graph.h"

#include <oneapi/tbb/flow_graph.h>

#include <tuple>

#include "pipeline/flow/node_body.h"

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
using nodes::Update;

/// A slice and the statistics that it is segmented with.
using Job = nodes::Tiler::Input;

/// A slice that is done: what is to be written, and what its moments have led to.
using Done = std::tuple<SegmentedSlice, Update>;

/// A node that gives one message for each that it gets, and one that gives any number.
template <typename In, typename Out>
using OneForOne = flow::function_node<In, Out>;
template <typename In, typename Out>
using SomeForOne = flow::multifunction_node<In, std::tuple<Out>>;
/// The updater, whose snapshot goes another way than what says how it came about.
using SnapshotAndUpdate = flow::multifunction_node<SliceMoments, std::tuple<OrderedSnapshot, Update>>;

/// What the reader gives to the graph.
OrderedSlice next_slice(const SegmentNodes& nodes, RunContext& run, tbb::flow_control& control) {
  auto slice = run.call("reader", nodes.place_of_next(), nodes.read);
  if (!slice) control.stop();
  return slice.value_or(OrderedSlice());
}

}  // namespace

// reader > in_flight > normalizer > with_statistics > tiler > segmenter > stitcher > done > in_order > writer
//              ^                           ^                      |                    ^                 |
//              |                           |                      +> collector         |                 |
//              |                           |                             v             |                 |
//              |                           |                      moments_in_order     |                 |
//              |                           |                             v             |                 |
//              |                           +------------------------- updater ---------+                 |
//              +-----------------------------------------------------------------------------------------+
void run_segment_graph(const SegmentNodes& nodes, std::int64_t first, const FlowLimits& limits,
                       RunContext& run) {
  const auto workers = static_cast<std::size_t>(limits.workers);
  const auto whole_slices = static_cast<std::size_t>(limits.whole_slices);
  const auto segment_whole = [&](const Job& job) {
    return (*nodes.own_statistics_segmenter)(nodes.tiler(job));
  };
  const auto write = [&](const Done& done) {
    return nodes.write(std::get<0>(done), std::get<1>(done)), flow::continue_msg();
  };
  const auto body = [&run](const char* name, auto& node) { return NodeBody(run, name, node); };
  // Key of a join, and place of a sequencer, which begins at 0.
  const auto order = [first](const auto& m) { return static_cast<std::size_t>(m.order - first); };
  const auto order_of_done = [order](const Done& done) { return order(std::get<0>(done)); };

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
  SomeForOne<Prediction, SliceMoments> collector(graph, serial, body("moments collector", nodes.collector));
  flow::sequencer_node<SliceMoments> moments_in_order(graph, order);
  SnapshotAndUpdate updater(graph, serial, body("statistics updater", nodes.updater));
  flow::join_node<Done, flow::key_matching<std::size_t>> done(graph, order, order);
  flow::sequencer_node<Done> in_order(graph, order_of_done);
  OneForOne<Done, flow::continue_msg> writer(graph, serial, body("writer", write));

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
  make_edge(output_port<0>(stitcher), input_port<0>(done));
  make_edge(output_port<0>(collector), moments_in_order);
  make_edge(moments_in_order, updater);
  make_edge(output_port<0>(updater), input_port<1>(with_statistics));
  make_edge(output_port<1>(updater), input_port<1>(done));
  make_edge(done, in_order);
  make_edge(in_order, writer);
  make_edge(writer, in_flight.decrementer());

  std::int64_t next = first;
  for (const nodes::Snapshot& snapshot : nodes.updater.state().coming) {
    input_port<1>(with_statistics).try_put(OrderedSnapshot{next++, snapshot});
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
