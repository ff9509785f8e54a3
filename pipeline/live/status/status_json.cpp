#include "pipeline/live/status/status_json.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "io/files/atomic_file.h"
#include "pipeline/options/version.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;
using Time = std::chrono::system_clock::time_point;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json utc(Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts = {};
  char text[32] = {};
  if (time == Time() || gmtime_r(&seconds, &parts) == nullptr) return nullptr;
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Json latency_json(const Latencies& latency) {
  if (latency.count() == 0) return nullptr;
  return {{"median", latency.quantile(0.5)},
          {"p99", latency.quantile(0.99)},
          {"longest", latency.longest()},
          {"mean", latency.sum() / static_cast<double>(latency.count())}};
}

Json warnings_json(const WarningLog& warnings) {
  Json last = Json::array();
  for (const WarningLog::Entry& entry : warnings.entries()) {
    last.push_back({{"time", utc(entry.last)}, {"times", entry.times}, {"text", entry.text}});
  }
  return {{"count", warnings.count()}, {"last", last}};
}

Json recent_json(const SliceHistory& history) {
  Json json = Json::array();
  for (const LiveSlice& slice : history.recent()) {
    json.push_back({{"z", slice.z},
                    {"finished", utc(slice.finished)},
                    {"foreground", slice.foreground},
                    {"entropy", or_null(slice.entropy)},
                    {"drift", or_null(slice.drift)},
                    {"latency", slice.latency}});
  }
  return json;
}

Json inbox_json(const std::optional<InboxStatus>& inbox) {
  if (!inbox) return nullptr;
  Json last = Json::array();
  for (const InboxStatus::Stack& stack : inbox->last) {
    last.push_back(
        {{"name", stack.name}, {"state", stack.state}, {"output", stack.output}, {"reason", stack.reason}});
  }
  return {{"stack", inbox->stack}, {"slices", inbox->slices}, {"slices_done", inbox->slices_done},
          {"done", inbox->done},   {"failed", inbox->failed}, {"waiting", inbox->waiting},
          {"last", last}};
}

}  // namespace

Json status_json(const LiveStatus& status, Time now) {
  const double rate = status.slices.rate(now);
  Json json;
  json["format"] = "fibflow live status";
  json["format_version"] = 1;
  json["fibflow"] = version();
  json["started"] = utc(status.started);
  json["now"] = utc(now);
  json["state"] = name_of(status.state);
  json["reason"] = status.reason;
  json["folder"] = status.folder;
  json["output"] = status.output;
  json["numbering"] = status.numbering;
  json["model"] = status.model;
  json["options"] = status.options;
  json["slices"] = {{"seen", status.counts.seen},       {"processed", status.counts.processed},
                    {"pending", status.counts.pending}, {"skipped", status.counts.skipped},
                    {"failed", status.counts.failed},   {"late", status.counts.late}};
  json["newest_slice"] = or_null(status.newest_slice);
  json["overflows"] = status.counts.overflows;
  json["slices_per_minute"] = 60 * rate;
  json["voxels_per_second"] = status.voxels_per_slice > 0 ? Json(rate * status.voxels_per_slice) : Json();
  json["latency"] = latency_json(status.latency);
  json["adaptation"] = status.adaptation;
  json["drift_from_source"] = or_null(status.drift_from_source);
  json["memory"] = {{"resident", status.resident_memory}, {"budget", status.memory_budget}};
  json["disk_free"] = or_null(status.disk_free);
  json["warnings"] = warnings_json(status.warnings);
  json["recent"] = recent_json(status.slices);
  json["inbox"] = inbox_json(status.inbox);
  json["picture"] = status.picture ? Json(status.picture->z) : Json();
  return json;
}

Json history_json(const SliceHistory& history) {
  Json first = Json::array(), last = first, foreground = first, entropy = first, drift = first,
       latency = first;
  for (const HistoryPoint& point : history.points()) {
    first.push_back(point.first_z);
    last.push_back(point.last_z);
    foreground.push_back(point.foreground);
    entropy.push_back(or_null(point.entropy));
    drift.push_back(or_null(point.drift));
    latency.push_back(point.latency);
  }
  return {{"slices_per_point", history.slices_per_point()},
          {"first_z", first},
          {"last_z", last},
          {"foreground", foreground},
          {"entropy", entropy},
          {"drift", drift},
          {"latency", latency}};
}

void write_status(const LiveStatus& status, const std::string& path) {
  io::AtomicFile file(path, true);
  const std::string text = status_json(status).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace fibflow::pipeline
