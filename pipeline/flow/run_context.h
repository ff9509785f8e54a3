#pragma once

#include <exception>
#include <memory>
#include <mutex>
#include <string>

#include "pipeline/flow/run_hooks.h"
#include "pipeline/flow/trace.h"

namespace fibflow::pipeline {

/// What all node calls of a run share: the stop request, the first failure, the trace, the jitter of tests.
/// Thread-safe.
class RunContext {
 public:
  /// The hooks must outlive the context. Throws io::Error if the trace cannot be created.
  RunContext(const RunHooks& hooks, bool overwrite_trace);

  /// Every node call goes through here; body returns a value. Throws Interrupted instead of calling it if a
  /// stop was requested. What the call throws is wrapped in a PipelineError that says where, and kept if it
  /// is the run's first failure.
  template <typename Body>
  auto call(const char* node, Place place, Body&& body) {
    try {
      const Trace::Time begin = enter(node);
      auto result = body();
      leave(node, place, begin);
      return result;
    } catch (...) {
      fail(node, place);
    }
  }

  /// The same for a part of such a call: failures are left to the call.
  template <typename Body>
  void part(const char* node, Place place, Body&& body) {
    const Trace::Time begin = enter(node);
    body();
    leave(node, place, begin);
  }

  /// Throws Interrupted if a stop was requested.
  void check_stop() const;

  /// Rethrows the first failure, if there was one.
  void rethrow_failure() const;

  /// Before work is begun anew after a failure: what fails then is the first failure again.
  void forget_failure();

  void log(const std::string& line) const;
  void begin(const std::string& phase, std::int64_t slices) const;
  void advance() const;

  /// Completes the trace, if there is one.
  void finish_trace();

 private:
  Trace::Time enter(const char* node);
  void leave(const char* node, Place place, Trace::Time begin);
  [[noreturn]] void fail(const char* node, Place place);

  const RunHooks& hooks_;
  std::unique_ptr<Trace> trace_;
  mutable std::mutex mutex_;    // also held while a hook that reports is called
  std::exception_ptr failure_;  // guarded by mutex_
};

}  // namespace fibflow::pipeline
