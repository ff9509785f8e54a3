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
  Json json = run.json();
  for (std::size_t i = 0; i < done.size(); ++i) {
    json["slices"][i]["file"] = done[i].file.name;
    json["slices"][i]["latency"] = done[i].latency;
  }
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
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  io::AtomicFile file(path, true);
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace fibflow::pipeline
