#include "pipeline/live/watch_state.h"

#include <array>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/folder.h"
#include "pipeline/live/watch_setting.h"
#include "pipeline/report/run_parts.h"
#include "pipeline/state/setting.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// The last number is the version of what is inside: raised when a reader of the one before would be misled.
constexpr const char* checkpoint_kind = "watch checkpoint 9";
constexpr const char* setting_kind = "watch setting 4";
constexpr const char* previews_kind = "watch previews 2";

const std::string& made(const std::string& folder) {
  io::make_folder(folder);
  return folder;
}

Json json_of(const WatchCheckpoint& checkpoint) {
  const auto& nm = checkpoint.voxel_nm;
  return {{"next_number", checkpoint.next_number},
          {"journal_bytes", checkpoint.journal_bytes},
          {"height", checkpoint.height},
          {"width", checkpoint.width},
          {"slices_before", checkpoint.slices_before},
          {"type", io::name_of(checkpoint.type)},
          {"voxel_nm", {nm.z, nm.y, nm.x}},
          {"cropped",
           {checkpoint.cropped.top, checkpoint.cropped.bottom, checkpoint.cropped.left,
            checkpoint.cropped.right}},
          {"run", json_of(checkpoint.run)}};
}

WatchCheckpoint checkpoint_of(const Json& json, const WatchIdentity& identity) {
  constexpr std::int64_t largest = std::numeric_limits<int>::max();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  WatchCheckpoint checkpoint;
  checkpoint.next_number = whole_number(json, "next_number", 0, most);
  checkpoint.journal_bytes = static_cast<std::uint64_t>(whole_number(json, "journal_bytes", 0, most));
  checkpoint.height = static_cast<int>(whole_number(json, "height", 1, largest));
  checkpoint.width = static_cast<int>(whole_number(json, "width", 1, largest));
  checkpoint.slices_before = static_cast<std::uint64_t>(whole_number(json, "slices_before", 0, most));
  checkpoint.type = io::pixel_type_named(json.at("type").get<std::string>());
  const Json& nm = json.at("voxel_nm");
  checkpoint.voxel_nm = {nm.at(0), nm.at(1), nm.at(2)};
  const Json& cropped = json.at("cropped");
  std::array<std::int64_t, 4> edges{};
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (!cropped.at(i).is_number_integer()) throw std::invalid_argument("an edge is no number of voxels");
    edges.at(i) = cropped.at(i).get<std::int64_t>();
    if (edges.at(i) < 0 || edges.at(i) > largest) throw std::invalid_argument("an edge is impossible");
  }
  const auto [top, bottom, left, right] = edges;
  if (top + bottom >= checkpoint.height || left + right >= checkpoint.width)
    throw std::invalid_argument("its edges leave nothing of a slice");
  checkpoint.cropped = {static_cast<int>(top), static_cast<int>(bottom), static_cast<int>(left),
                        static_cast<int>(right)};
  checkpoint.run = run_state(json.at("run"), identity.network, identity.lag);
  return checkpoint;
}

}  // namespace

std::optional<std::string> begun_live_instruction_set(const std::string& state_folder) {
  std::optional<std::string> found;
  try {
    std::string ignored;
    DurableState(state_folder + "/setting", setting_kind)
        .read([&](const Json& json) { found = instruction_set_of(json); }, ignored);
  } catch (const io::Error&) {
    // Whoever goes on with it says why that cannot be.
  }
  return found;
}

WatchState::WatchState(std::string folder, const WatchIdentity& identity, bool has_results)
    : folder_(std::move(folder)),
      lock_(made(folder_) + "/lock"),
      state_(folder_ + "/checkpoint", checkpoint_kind),
      previews_(folder_ + "/previews", previews_kind) {
  check_setting(identity, has_results || state_.exists());
  load_checkpoint(identity);
  journal_ =
      std::make_unique<WatchJournal>(folder_ + "/journal", checkpoint_ ? checkpoint_->journal_bytes : 0);
  has_kept_ = journal_->had_checkpoint();
  if (has_lost_checkpoint()) {
    remarks_.push_back(
        state_.path() +
        " is gone, and with it the statistics of the slices that are done: what follows is segmented with "
        "statistics that are measured anew; to begin anew altogether, remove " +
        identity.output_folder);
  }
}

void WatchState::load_checkpoint(const WatchIdentity& identity) {
  std::string refusal;
  try {
    state_.read([&](const Json& json) { checkpoint_ = checkpoint_of(json, identity); }, refusal);
  } catch (const io::Error& error) {
    if (error.kind() != io::ErrorKind::bad_data) throw;
    throw io::Error(io::ErrorKind::bad_data, error.path(),
                    std::string(error.what()).substr(error.path().size() + 2) + "; without " + state_.path() +
                        " and " + state_.path() + ".previous, this goes on after the masks that are there");
  }
  if (!refusal.empty()) remarks_.push_back(refusal + "; the checkpoint before it is used");
}

/// The setting is kept on its own: masks come before the first checkpoint.
void WatchState::check_setting(const WatchIdentity& identity, bool has_results) const {
  const DurableState state(folder_ + "/setting", setting_kind);
  Json found;
  std::string refusal;
  const bool known = state.read([&](const Json& json) { found = json; }, refusal);
  if (has_results) {
    if (!known) {
      throw io::Error(io::ErrorKind::cannot_create, folder_,
                      "the output holds masks already, of which nothing is known here: choose another one");
    }
    const std::string& output = identity.output_folder;
    const std::string folder = followed_path(folder_);
    const bool inside = (folder + "/").starts_with(output + "/");
    require_same_setting(
        output, found, identity.setting,
        "choose another --output; or, to begin anew, remove " + output + (inside ? "" : " and " + folder));
    return;
  }
  if (known && found == identity.setting) return;
  // Nothing came of what was tried before; what it left out is to be decided again.
  std::filesystem::remove(folder_ + "/journal");
  state.write(identity.setting);
}

AcquisitionPast WatchState::past() const {
  AcquisitionPast past;
  for (const JournalEntry& entry : journal_->entries()) {
    switch (entry.kind) {
      case JournalEntry::Kind::numbered:
        past.numbering = entry.file.name;
        past.step = entry.last;
        break;
      case JournalEntry::Kind::first:
        past.first = entry.first;
        break;
      case JournalEntry::Kind::skipped:
        past.skipped.emplace_back(entry.first, entry.last);
        break;
      case JournalEntry::Kind::failed:
        past.failed[entry.first] = entry.file;
        break;
      case JournalEntry::Kind::taken:
      case JournalEntry::Kind::event:
      case JournalEntry::Kind::kept:
      case JournalEntry::Kind::retried:
        break;
    }
  }
  past.each_taken = [this](const AcquisitionPast::TakeFile& take) {
    journal_->visit_taken([&](const JournalEntry& entry) { take(entry.first, entry.file); });
  };
  if (past.first) past.next = *past.first;
  // Without a checkpoint, after the last one that was taken: Acquisition::resume().
  if (checkpoint_) {
    past.next = checkpoint_->next_number;
    past.height = checkpoint_->height;
    past.width = checkpoint_->width;
    past.type = checkpoint_->type;
  }
  return past;
}

void WatchState::save(WatchCheckpoint checkpoint) {
  journal_->sync();
  checkpoint.journal_bytes = journal_->bytes();
  state_.write(json_of(checkpoint));
  if (has_kept_) return;
  // Not before it is there: who is killed in between has it, and says so after the next one.
  JournalEntry kept;
  kept.kind = JournalEntry::Kind::kept;
  journal_->append(kept);
  has_kept_ = true;
}

void WatchState::save_previews(const std::vector<EncodedPreview>& previews) const {
  previews_.write(json_of_all(previews));
}

std::vector<EncodedPreview> WatchState::previews() const {
  std::vector<EncodedPreview> previews;
  std::string refusal;
  previews_.read([&](const Json& json) { previews = all_of(json, encoded_preview); }, refusal);
  return previews;
}

}  // namespace fibflow::pipeline
