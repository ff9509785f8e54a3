#include "pipeline/segment/checkpoint.h"

#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/sha256.h"
#include "pipeline/state/durable_state.h"
#include "pipeline/state/setting.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Checkpoint& checkpoint) {
  return {{"setting", checkpoint.setting},
          {"run", json_of(checkpoint.run)},
          {"outputs", checkpoint.outputs},
          {"journal_bytes", checkpoint.journal_bytes}};
}

Checkpoint checkpoint_of(const Json& json, const std::string& journal, const model::Network& network,
                         int lag) {
  Checkpoint checkpoint;
  checkpoint.run = run_state(json.at("run"), network, lag);
  checkpoint.outputs = json.at("outputs").get<SliceWriter::Progress>();
  checkpoint.journal_bytes = static_cast<std::uint64_t>(
      whole_number(json, "journal_bytes", 0, std::numeric_limits<std::int64_t>::max()));
  require_records(journal, checkpoint.journal_bytes, checkpoint.run.session.next);
  return checkpoint;
}

}  // namespace

void Checkpoint::write(const std::string& path, const io::DurableStep& step) const {
  DurableState(path, kind).write(json_of(*this), step);
}

std::optional<Checkpoint> Checkpoint::read(const std::string& path, const Json& wanted,
                                           const model::Network& network, int lag, std::string& refusal) {
  std::optional<Checkpoint> found;
  const auto take = [&](const Json& json) {
    found.emplace();
    // One of another run need not fit this network: what differs is told first.
    if (difference(json.at("setting"), wanted).empty())
      found = checkpoint_of(json, journal_path(path), network, lag);
    found->setting = json.at("setting");
  };
  if (DurableState(path, kind).read(take, refusal))
    require_same_setting(path, found->setting, wanted, "remove it and what is named like it to begin anew");
  return found;
}

std::string checkpoint_path(const std::string& mask) {
  const std::filesystem::path whole(mask);
  std::string name = ".";  // not "." + …: GCC 12 warns of that wrongly
  std::string stem = whole.filename().string();
  // A name may be 255 bytes long, and states have longer ones while they are written.
  constexpr std::size_t longest = 200;
  constexpr std::size_t telling = 16;
  if (stem.size() > longest) stem = stem.substr(0, longest - telling) + io::sha256(stem).substr(0, telling);
  name += stem + ".checkpoint";
  return (whole.parent_path() / name).string();
}

std::string journal_path(const std::string& checkpoint) {
  return std::filesystem::path(checkpoint).replace_extension(".journal").string();
}

void remove_checkpoint(const std::string& checkpoint, const io::DurableStep& step) {
  io::remove_checked(checkpoint, step);
  remove_records(checkpoint);
}

void remove_records(const std::string& checkpoint) {
  std::error_code ignored;
  std::filesystem::remove(journal_path(checkpoint), ignored);
}

bool has_checkpoint(const std::string& mask) {
  return io::has_checked(checkpoint_path(mask));
}

std::optional<std::string> begun_instruction_set(const std::string& mask) {
  std::optional<std::string> found;
  try {
    std::string ignored;
    DurableState(checkpoint_path(mask), Checkpoint::kind)
        .read([&](const Json& json) { found = instruction_set_of(json.at("setting")); }, ignored);
  } catch (const io::Error&) {
    // Whoever goes on with it says why that cannot be.
  }
  return found;
}

CheckpointKeeper::CheckpointKeeper(std::string path, double every, Checkpoint run, SliceWriter& writer,
                                   RunRecords& records, io::DurableStep step,
                                   std::function<void()> acknowledge)
    : path_(std::move(path)),
      every_(every),
      latest_(std::move(run)),
      writer_(writer),
      records_(records),
      step_(std::move(step)),
      acknowledge_(std::move(acknowledge)),
      safe_(latest_.run.session.next) {
  latest_.outputs = writer_.progress();
  latest_.journal_bytes = records_.bytes();
  keep();
  writer_.keep();
}

void CheckpointKeeper::was_written(const SegmentSession::Done& done, const RunReport::Seconds& seconds) {
  latest_.run.session = SegmentSession::state_after(done);
  latest_.outputs = writer_.progress();
  latest_.journal_bytes = records_.bytes();
  latest_.run.seconds = seconds;
  written_ = false;
  if (std::chrono::duration<double>(Clock::now() - last_).count() >= every_) keep();
}

void CheckpointKeeper::keep() {
  if (written_) return;
  // In this order: a checkpoint never speaks of slices that a power cut could still take.
  writer_.sync();
  records_.sync();
  if (step_) step_("outputs synced");
  latest_.write(path_, step_);
  written_ = true;
  for (; safe_ < latest_.run.session.next; ++safe_) acknowledge_();
  last_ = Clock::now();
}

}  // namespace fibflow::pipeline
