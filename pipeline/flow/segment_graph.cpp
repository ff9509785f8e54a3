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
using nodes::Neighbourhood;
using nodes::OrderedSlice;
using nodes::OrderedSnapshot;
using nodes::Prediction;
using nodes::PreparedSlice;
using nodes::SegmentedSlice;
using nodes::SliceSample;
using nodes::Tile;
using nodes::Update;

/// A slice and the statistics that it is segmented with.
using Job = nodes::Tiler::Input;

/// A slice that is segmented, and what its sample has led to.
using Done = std::tuple<SegmentedSlice, Update>;
/// The same, among its neighbours, as it is written.
using Finished = nodes::Finisher::Output;

/// A node that gives one message for each that it gets, and one that gives any number.
template <typename In, typename Out>
using OneForOne = flow::function_node<In, Out>;
template <typename In, typename Out>
using SomeForOne = flow::multifunction_node<In, std::tuple<Out>>;
/// The updater, whose snapshot goes another way than what says how it came about.
using SnapshotAndUpdate = flow::multifunction_node<SliceSample, std::tuple<OrderedSnapshot, Update>>;

/// What the reader gives to the graph.
OrderedSlice next_slice(const SegmentNodes& nodes, RunContext& run, tbb::flow_control& control) {
  auto slice = run.call("reader", nodes.place_of_next(), nodes.read);
  if (!slice) control.stop();
  return slice.value_or(OrderedSlice());
}

}  // namespace

// reader > in_flight > scaler > normalizer > with_statistics > tiler > segmenter > stitcher > done > in_order > …
//              ^                    |              ^                                           ^
//              |                    |              +--------------------------+                |
//              |                    +> sampler > samples_in_order > updater >-+----------------+
//              |
//              +-------------------------------------------------------------------------------------------------+
//                                                                … neighbours > finisher > finished_in_order > writer
void run_segment_graph(const SegmentNodes& nodes, std::int64_t first, const FlowLimits& limits,
                       RunContext& run) {
  const auto write = [&](const Finished& finished) { return nodes.write(finished), flow::continue_msg(); };
  const auto body = [&run](const char* name, auto& node) { return NodeBody(run, name, node); };
  // Key of a join, and place of a sequencer, which begins at 0.
  const auto order = [first](const auto& m) { return static_cast<std::size_t>(m.order - first); };
  const auto order_of_done = [order](const Done& done) { return order(std::get<0>(done)); };
  // The first to come out may have been segmented before, and waited for its neighbours.
  const auto order_of_finished = [first = first - nodes.neighbours.waiting()](const Finished& finished) {
    return static_cast<std::size_t>(std::get<0>(finished).order - first);
  };
  const auto at_once = [](int calls) { return static_cast<std::size_t>(calls); };
  // What comes later waits for it.
  const flow::node_priority_t first_of_all = 1;

  flow::graph graph;

  // Nodes. A node is serial where its body changes what it keeps, where order counts, or where it needs memory.
  flow::input_node<OrderedSlice> reader(graph,
                                        [&](auto& control) { return next_slice(nodes, run, control); });
  flow::limiter_node<OrderedSlice> in_flight(graph, static_cast<std::size_t>(limits.slices_in_flight));
  OneForOne<OrderedSlice, OrderedSlice> scaler(graph, at_once(limits.workers), body("scaler", nodes.scaler));
  OneForOne<OrderedSlice, PreparedSlice> normalizer(graph, serial, body("normalizer", nodes.normalizer));
  flow::join_node<Job, flow::key_matching<std::size_t>> with_statistics(graph, order, order);
  SomeForOne<Job, Tile> tiler(graph, serial, body("tiler", nodes.tiler));
  OneForOne<Tile, Prediction> segmenter(graph, at_once(limits.workers), body("segmenter", nodes.segmenter));
  SomeForOne<Prediction, SegmentedSlice> stitcher(graph, serial, body("stitcher", nodes.stitcher));
  OneForOne<PreparedSlice, SliceSample> sampler(graph, at_once(limits.samples),
                                                body("sampler", nodes.sampler), first_of_all);
  flow::sequencer_node<SliceSample> samples_in_order(graph, order);
  SnapshotAndUpdate updater(graph, serial, body("statistics updater", nodes.updater), first_of_all);
  flow::join_node<Done, flow::key_matching<std::size_t>> done(graph, order, order);
  flow::sequencer_node<Done> in_order(graph, order_of_done);
  SomeForOne<Done, Neighbourhood> neighbours(graph, serial, body("neighbours", nodes.neighbours));
  OneForOne<Neighbourhood, Finished> finisher(graph, at_once(limits.workers),
                                              body("finisher", nodes.finisher));
  flow::sequencer_node<Finished> finished_in_order(graph, order_of_finished);
  OneForOne<Finished, flow::continue_msg> writer(graph, serial, body("writer", write));

  // Edges. Statistics are one: a slice goes on when the snapshot for it has come.
  make_edge(reader, in_flight);
  make_edge(in_flight, scaler);
  make_edge(scaler, normalizer);
  make_edge(normalizer, input_port<0>(with_statistics));
  make_edge(with_statistics, tiler);
  make_edge(output_port<0>(tiler), segmenter);
  make_edge(segmenter, stitcher);
  make_edge(output_port<0>(stitcher), input_port<0>(done));
  make_edge(normalizer, sampler);
  make_edge(sampler, samples_in_order);
  make_edge(samples_in_order, updater);
  make_edge(output_port<0>(updater), input_port<1>(with_statistics));
  make_edge(output_port<1>(updater), input_port<1>(done));
  make_edge(done, in_order);
  make_edge(in_order, neighbours);
  make_edge(output_port<0>(neighbours), finisher);
  make_edge(finisher, finished_in_order);
  make_edge(finished_in_order, writer);
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
