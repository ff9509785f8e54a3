#pragma once

#include <oneapi/tbb/flow_graph.h>

#include <optional>
#include <tuple>
#include <vector>

#include "nodes/finish/finisher.h"
#include "nodes/finish/neighbours.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/statistics/sampler.h"
#include "nodes/statistics/statistics_updater.h"
#include "nodes/tiles/prediction.h"
#include "nodes/tiles/snapshot.h"
#include "nodes/tiles/stitcher.h"
#include "nodes/tiles/tiler.h"
#include "pipeline/flow/run_context.h"

namespace fibflow::pipeline {

// Where a message of the graph belongs, for errors and the trace.
inline Place place_of(const nodes::OrderedSlice& m) {
  return {m.slice.z()};
}
inline Place place_of(const nodes::PreparedSlice& m) {
  return {m.slice.z()};
}
inline Place place_of(const nodes::Tiler::Input& m) {
  return place_of(std::get<0>(m));
}
inline Place place_of(const nodes::Tile& m) {
  return {m.z(), m.index};
}
inline Place place_of(const nodes::Prediction& m) {
  return {m.z, m.tile};
}
inline Place place_of(const nodes::SegmentedSlice& m) {
  return {m.z()};
}
inline Place place_of(const std::tuple<nodes::SegmentedSlice, nodes::Update>& m) {
  return place_of(std::get<0>(m));
}
inline Place place_of(const nodes::Neighbourhood& m) {
  return {m.z()};
}
inline Place place_of(const nodes::Finisher::Output& m) {
  return place_of(std::get<0>(m));
}
inline Place place_of(const nodes::SliceSample& m) {
  return {m.slice.slice.z()};
}

/// Wraps a node's body as the graph calls it, by reference (TBB copies bodies): with one output per input, or
/// to an output port that gets nothing, one or many messages (std::optional, std::vector), or to two (the updater's).
template <typename Body>
class NodeBody {
 public:
  NodeBody(RunContext& run, const char* name, Body& body) : run_(run), name_(name), body_(body) {}

  template <typename Input>
  auto operator()(const Input& input) const {
    return run_.call(name_, place_of(input), [&] { return body_(input); });
  }

  template <typename Input, typename Ports>
  void operator()(const Input& input, Ports& ports) const {
    emit((*this)(input), ports);
  }

 private:
  template <typename Output, typename Ports>
  static void emit(const std::optional<Output>& output, Ports& ports) {
    if (output) std::get<0>(ports).try_put(*output);
  }
  template <typename Output, typename Ports>
  static void emit(const std::vector<Output>& outputs, Ports& ports) {
    for (const Output& output : outputs) std::get<0>(ports).try_put(output);
  }
  template <typename Ports>
  static void emit(const nodes::Update& update, Ports& ports) {
    std::get<0>(ports).try_put(update.next);
    std::get<1>(ports).try_put(update);
  }

  RunContext& run_;
  const char* name_;
  Body& body_;
};

}  // namespace fibflow::pipeline
