#include "pipeline/live/http/metrics.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "pipeline/options/version.h"

namespace fibflow::pipeline {
namespace {

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return {text, end};
}

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

double seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

std::string quoted(std::string_view text) {
  std::string value = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') value += '\\';
    if (c == '\n') {
      value += "\\n";
    } else {
      value += c;
    }
  }
  return value + '"';
}

class Exposition {
 public:
  void family(const std::string& name, const char* type, const char* help) {
    name_ = name;
    text_ += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }
  void sample(const std::string& value, const std::string& suffix_and_labels = "") {
    text_ += name_ + suffix_and_labels + " " + value + "\n";
  }
  void counter(const std::string& name, std::uint64_t value, const char* help) {
    family(name, "counter", help);
    sample(number(value));
  }
  template <typename T>
  void gauge(const std::string& name, T value, const char* help) {
    family(name, "gauge", help);
    sample(number(value));
  }
  void gauge(const std::string& name, const std::optional<double>& value, const char* help) {
    if (value) gauge(name, *value, help);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

void add_latency(const Latencies& latency, Exposition& text) {
  text.family("fibflow_slice_latency_seconds", "histogram", "Time from a complete file to its mask on disk.");
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < Latencies::edges.size(); ++i) {
    below += latency.buckets()[i];
    text.sample(number(below), "_bucket{le=" + quoted(number(Latencies::edges[i])) + "}");
  }
  text.sample(number(latency.count()), "_bucket{le=\"+Inf\"}");
  text.sample(number(latency.sum()), "_sum");
  text.sample(number(latency.count()), "_count");
}

void add_newest(const LiveStatus& status, Exposition& text) {
  if (status.newest_slice) {
    text.gauge("fibflow_newest_slice", static_cast<double>(*status.newest_slice),
               "Number of the last slice whose mask is on disk.");
  }
  if (status.slices.recent().empty()) return;
  const LiveSlice& slice = status.slices.recent().back();
  if (slice.finished != std::chrono::system_clock::time_point()) {
    text.gauge("fibflow_newest_slice_timestamp_seconds", seconds(slice.finished),
               "When the last mask was on disk, since the epoch.");
  }
  text.gauge("fibflow_slice_foreground_ratio", slice.foreground, "Share of foreground in the last slice.");
  text.gauge("fibflow_slice_entropy_bits", slice.entropy,
             "Mean entropy of the prediction of the last slice.");
  text.gauge("fibflow_slice_drift", slice.drift,
             "Distance of the last slice's own moments from the running statistics, per channel.");
}

}  // namespace

std::string metrics_text(const LiveStatus& status, const Liveness::Verdict& verdict) {
  Exposition text;
  text.family("fibflow_build_info", "gauge", "Always 1; the version of the program is the label.");
  text.sample("1", "{version=" + quoted(version()) + "}");
  if (status.started != std::chrono::system_clock::time_point()) {
    text.gauge("process_start_time_seconds", seconds(status.started), "When the daemon was started.");
  }

  const LiveStatus::Counts& counts = status.counts;
  if (const auto& inbox = status.inbox) {
    text.counter("fibflow_inbox_stacks_done_total", inbox->done, "Stacks that are segmented.");
    text.counter("fibflow_inbox_stacks_failed_total", inbox->failed, "Stacks that could not be segmented.");
    text.gauge("fibflow_inbox_stacks_waiting", inbox->waiting, "Stacks that are there and wait, or come.");
    text.gauge("fibflow_inbox_slices", static_cast<std::uint64_t>(inbox->slices), "Of the stack at work.");
    text.gauge("fibflow_inbox_slices_done", static_cast<std::uint64_t>(inbox->slices_done),
               "Of the stack at work.");
  }
  text.counter("fibflow_slices_seen_total", counts.seen, "Files that were taken for slices.");
  text.counter("fibflow_slices_processed_total", counts.processed, "Slices whose mask is on disk.");
  text.counter("fibflow_slices_skipped_total", counts.skipped, "Numbers that never came.");
  text.counter("fibflow_slices_failed_total", counts.failed, "Files that could not be segmented.");
  text.counter("fibflow_slices_late_total", counts.late, "Files that came after their number was passed.");
  text.gauge("fibflow_slices_pending", counts.pending, "Slices that are there and not yet processed.");
  text.counter("fibflow_inotify_overflows_total", counts.overflows, "Overflows of the queue of file events.");
  text.counter("fibflow_warnings_total", status.warnings.count(), "Warnings given.");

  text.family("fibflow_state", "gauge", "1 for the state that the daemon is in.");
  for (const LiveState state : {LiveState::starting, LiveState::probing, LiveState::running,
                                LiveState::waiting, LiveState::paused, LiveState::ending}) {
    text.sample(state == status.state ? "1" : "0", "{state=" + quoted(name_of(state)) + "}");
  }
  text.gauge("fibflow_alive", verdict.alive ? 1.0 : 0.0,
             "1 while the daemon gets on or waits, 0 if it hangs.");
  text.gauge("fibflow_silence_seconds", verdict.silence.count(), "Time since the last sign of life.");

  add_latency(status.latency, text);
  add_newest(status, text);
  text.gauge("fibflow_source_drift", status.drift_from_source,
             "Distance of the running statistics from the source's, per channel.");

  if (status.resident_memory > 0) {
    text.gauge("process_resident_memory_bytes", std::uint64_t{status.resident_memory},
               "Memory of the process.");
  }
  if (status.memory_budget > 0) {
    text.gauge("fibflow_memory_budget_bytes", std::uint64_t{status.memory_budget},
               "What the run was planned for.");
  }
  if (status.disk_free) {
    text.gauge("fibflow_output_free_bytes", *status.disk_free, "Room where the output goes.");
  }
  return text.take();
}

}  // namespace fibflow::pipeline
