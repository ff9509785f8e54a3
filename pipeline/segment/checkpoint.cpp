#include "pipeline/segment/checkpoint.h"

#include <filesystem>
#include <utility>

#include "io/error.h"
#include "pipeline/adapt/session_state.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// The last number is the version of what is inside: raised when a reader of the one before would be misled.
const std::string kind = "segmentation checkpoint 1";

Json json_of(const std::optional<io::TiffProgress>& progress) {
  if (!progress) return nullptr;
  return {{"slices", progress->slices}, {"length", progress->length}, {"inode", progress->inode}};
}

std::optional<io::TiffProgress> tiff_progress(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return io::TiffProgress{json.at("slices"), json.at("length"), json.at("inode")};
}

Json json_of(const Checkpoint& checkpoint) {
  Json slices = Json::array();
  for (const SliceRecord& slice : checkpoint.slices) slices.push_back(pipeline::json_of(slice));
  Json events = Json::array();
  for (const RunEvent& event : checkpoint.events) {
    events.push_back({{"z", event.z}, {"event", event.event}, {"text", event.text}});
  }
  Json agreements = Json::array();
  for (const auto& [z, agreement] : checkpoint.written_agreements) {
    agreements.push_back({{"z", z}, {"agreement", agreement}});
  }
  Json resumed = Json::array();
  for (const Resumption& part : checkpoint.resumed) resumed.push_back({{"z", part.z}, {"at", part.at}});
  const RunReport::Seconds& seconds = checkpoint.seconds;
  const nodes::IntensityMoments& intensity = checkpoint.intensity;
  return {
      {"setting", checkpoint.setting},
      {"started", checkpoint.started},
      {"seconds",
       {{"prepare", seconds.prepare},
        {"adapt", seconds.adapt},
        {"segment", seconds.segment},
        {"total", seconds.total}}},
      {"intensity", {{"count", intensity.count}, {"mean", intensity.mean}, {"squares", intensity.squares}}},
      {"intensity_slices", checkpoint.intensity_slices},
      {"probe_slices", checkpoint.probe_slices},
      {"adapted", pipeline::json_of(checkpoint.adapted)},
      {"session", pipeline::json_of(checkpoint.session)},
      {"outputs",
       {{"mask", json_of(checkpoint.outputs.mask)},
        {"probability", json_of(checkpoint.outputs.probability)}}},
      {"slices", slices},
      {"events", events},
      {"written_agreements", agreements},
      {"resumed", resumed}};
}

Checkpoint checkpoint_of(const Json& json) {
  Checkpoint checkpoint;
  checkpoint.setting = json.at("setting");
  checkpoint.started = json.at("started");
  const Json& seconds = json.at("seconds");
  checkpoint.seconds = {seconds.at("prepare"), seconds.at("adapt"), seconds.at("segment"),
                        seconds.at("total")};
  const Json& intensity = json.at("intensity");
  checkpoint.intensity = {intensity.at("count"), intensity.at("mean"), intensity.at("squares")};
  checkpoint.intensity_slices = json.at("intensity_slices").get<std::vector<std::int64_t>>();
  checkpoint.probe_slices = json.at("probe_slices").get<std::vector<std::int64_t>>();
  checkpoint.adapted = estimator_state(json.at("adapted"));
  checkpoint.session = session_state(json.at("session"));
  checkpoint.outputs = {tiff_progress(json.at("outputs").at("mask")),
                        tiff_progress(json.at("outputs").at("probability"))};
  for (const Json& slice : json.at("slices")) checkpoint.slices.push_back(slice_record(slice));
  for (const Json& event : json.at("events"))
    checkpoint.events.push_back({event.at("z"), event.at("event"), event.at("text")});
  for (const Json& written : json.at("written_agreements"))
    checkpoint.written_agreements[written.at("z")] = written.at("agreement");
  for (const Json& part : json.at("resumed")) checkpoint.resumed.push_back({part.at("z"), part.at("at")});
  return checkpoint;
}

}  // namespace

void Checkpoint::write(const std::string& path, const io::DurableStep& step) const {
  std::string bytes;
  Json::to_cbor(json_of(*this), bytes);
  io::write_checked(path, kind, bytes, step);
}

std::optional<Checkpoint> Checkpoint::read(const std::string& path, std::string& refusal) {
  const auto found = io::read_checked(path, kind);
  if (!found) return std::nullopt;
  refusal = found->refusal;
  try {
    return checkpoint_of(Json::from_cbor(found->contents));
  } catch (const std::exception& error) {
    throw io::Error(io::ErrorKind::bad_data, path,
                    std::string("is no checkpoint of this version: ") + error.what());
  }
}

std::string checkpoint_path(const std::string& mask) {
  const std::filesystem::path whole(mask);
  const std::string name = "." + whole.filename().string() + ".checkpoint";
  return (whole.parent_path() / name).string();
}

bool has_checkpoint(const std::string& mask) {
  return io::has_checked(checkpoint_path(mask));
}

CheckpointKeeper::CheckpointKeeper(std::string path, double every, Checkpoint run, SliceWriter& writer,
                                   io::DurableStep step, std::function<void()> acknowledge)
    : path_(std::move(path)),
      every_(every),
      latest_(std::move(run)),
      writer_(writer),
      step_(std::move(step)),
      acknowledge_(std::move(acknowledge)),
      safe_(latest_.session.next) {
  latest_.outputs = writer_.progress();
  keep();
  writer_.keep();
}

void CheckpointKeeper::was_written(const SegmentSession::Done& done, const SliceRecord& record,
                                   const std::vector<RunEvent>& events,
                                   const std::map<std::int64_t, double>& written_agreements,
                                   const RunReport::Seconds& seconds) {
  latest_.session = SegmentSession::state_after(done);
  latest_.outputs = writer_.progress();
  latest_.slices.push_back(record);
  latest_.events = events;
  latest_.written_agreements = written_agreements;
  latest_.seconds = seconds;
  written_ = false;
  if (std::chrono::duration<double>(Clock::now() - last_).count() >= every_) keep();
}

void CheckpointKeeper::keep() {
  if (written_) return;
  // In this order: a checkpoint never speaks of slices that a power cut could still take.
  writer_.sync();
  if (step_) step_("outputs synced");
  latest_.write(path_, step_);
  written_ = true;
  for (; safe_ < latest_.session.next; ++safe_) acknowledge_();
  last_ = Clock::now();
}

}  // namespace fibflow::pipeline
