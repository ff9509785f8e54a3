#include "pipeline/flow/run_context.h"

#include <string>

#include "pipeline/flow/interruption.h"
#include "pipeline/flow/pipeline_error.h"

namespace fibflow::pipeline {
namespace {

std::string describe(const char* node, Place place) {
  std::string text;
  if (place.z >= 0) text += "slice " + std::to_string(place.z);
  if (place.tile >= 0) text += (text.empty() ? "tile " : ", tile ") + std::to_string(place.tile);
  return text.empty() ? node : text + " (" + node + ")";
}

}  // namespace

RunContext::RunContext(const RunHooks& hooks, bool overwrite_trace) : hooks_(hooks) {
  if (!hooks.trace.empty()) trace_ = std::make_unique<Trace>(hooks.trace, overwrite_trace);
}

Trace::Time RunContext::enter(const char* node) {
  check_stop();
  const Trace::Time begin = std::chrono::steady_clock::now();
  if (hooks_.node_call) hooks_.node_call(node);
  return begin;
}

void RunContext::leave(const char* node, Place place, Trace::Time begin) {
  if (hooks_.node_call) hooks_.node_call(node);
  if (trace_) trace_->span(node, place, begin, std::chrono::steady_clock::now());
}

void RunContext::check_stop() const {
  if (hooks_.stop.stop_requested()) throw Interrupted();
}

void RunContext::fail(const char* node, Place place) {
  std::exception_ptr failure;
  try {
    throw;
  } catch (const Interrupted&) {
    failure = std::current_exception();
  } catch (const PipelineError&) {  // from a call inside this one, which knows the place better
    failure = std::current_exception();
  } catch (const std::exception& cause) {
    try {
      std::throw_with_nested(PipelineError(describe(node, place) + ": " + cause.what(), place.z));
    } catch (...) {
      failure = std::current_exception();
    }
  } catch (...) {
    failure = std::current_exception();
  }
  {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = failure;
  }
  std::rethrow_exception(failure);
}

void RunContext::rethrow_failure() const {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

void RunContext::forget_failure() {
  const std::lock_guard lock(mutex_);
  failure_ = nullptr;
}

void RunContext::log(const std::string& line) const {
  const std::lock_guard lock(mutex_);
  if (hooks_.log) hooks_.log(line);
}

void RunContext::begin(const std::string& phase, std::int64_t slices) const {
  const std::lock_guard lock(mutex_);
  if (hooks_.begin) hooks_.begin(phase, slices);
}

void RunContext::advance() const {
  const std::lock_guard lock(mutex_);
  if (hooks_.advance) hooks_.advance();
}

void RunContext::finish_trace() {
  if (trace_) trace_->finish();
}

}  // namespace fibflow::pipeline
