#include "pipeline/live/watch_report.h"

#include <nlohmann/json.hpp>

#include "io/files/atomic_file.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

Json left_out_json(const std::vector<JournalEntry>& entries) {
  Json json = Json::array();
  for (const JournalEntry& entry : entries) {
    if (entry.kind == JournalEntry::Kind::skipped) {
      json.push_back(
          {{"first", entry.first}, {"last", entry.last}, {"reason", "never came"}, {"file", nullptr}});
    } else if (entry.kind == JournalEntry::Kind::failed) {
      json.push_back({{"first", entry.first},
                      {"last", entry.last},
                      {"reason", "could not be used"},
                      {"file", entry.file.name}});
    }
  }
  return json;
}

}  // namespace

void WatchReport::write(const std::string& path) const {
  Json json;
  json["left_out"] = left_out_json(left_out);
  json["latency"] = nullptr;
  if (status->latency.count() > 0) {
    json["latency"] = {{"median", status->latency.quantile(0.5)},
                       {"p99", status->latency.quantile(0.99)},
                       {"longest", status->latency.longest()}};
  }
  const LiveStatus::Counts& counts = status->counts;
  json["counts"] = {{"seen", counts.seen},       {"processed", counts.processed},
                    {"skipped", counts.skipped}, {"failed", counts.failed},
                    {"late", counts.late},       {"overflows", counts.overflows}};
  io::AtomicFile file(path, true);
  write_json(run, json, [&](std::string_view text) { file.write(text.data(), text.size()); });
  file.commit();
}

}  // namespace fibflow::pipeline
