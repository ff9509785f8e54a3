#pragma once

#include <deque>

#include "nodes/statistics/rules.h"

namespace fibflow::nodes {

/// Tells a change of the acquisition from what is usual for slices: it keeps how far the slices' own moments
/// were from the running statistics while these settled. The median of those is the usual drift, their median
/// absolute deviation (times 1.4826, as for a normal distribution) its spread; both stand firm against single
/// slices. Slices that are measured later do not add to what is usual: a change that comes gradually outdates
/// the statistics no less than one that comes at once.
class DriftMonitor {
 public:
  /// Throws std::invalid_argument if a rule is out of its range.
  explicit DriftMonitor(MonitorRule rule);

  const MonitorRule& rule() const { return rule_; }

  /// Of a slice that belongs to what is usual. An infinite drift (a channel without variance) is left out.
  void learn(double drift);

  /// Of a slice that was measured under frozen statistics. True if the adaptation is to be reopened.
  bool departs(double drift);

  /// The last slice departed: the next ones decide.
  bool suspects() const { return state_.departed > 0; }

  double usual() const;  ///< infinite before anything was learnt
  double limit() const;  ///< a slice departs if its drift is above; infinite before anything was learnt

  /// Nothing is usual any more.
  void forget() { state_ = {}; }

  /// Everything that departs() depends on.
  struct State {
    std::deque<double> usual;  ///< of the last 64 slices that were learnt
    int departed = 0;          ///< slices in a row
    friend bool operator==(const State&, const State&) = default;
  };
  const State& state() const { return state_; }
  void restore(State state) { state_ = std::move(state); }

 private:
  MonitorRule rule_;
  State state_;
};

}  // namespace fibflow::nodes
