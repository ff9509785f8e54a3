#include "pipeline/live/watch_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/checked_file.h"
#include "io/files/folder.h"
#include "pipeline/adapt/session_state.h"
#include "pipeline/report/run_setting.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* checkpoint_kind = "watch checkpoint 1";
constexpr const char* setting_kind = "watch setting 1";
constexpr const char* previews_kind = "watch previews 1";

const std::string& made(const std::string& folder) {
  io::make_folder(folder);
  return folder;
}

io::PixelType type_named(const std::string& name) {
  for (const io::PixelType type : {io::PixelType::u8, io::PixelType::u16, io::PixelType::f32}) {
    if (name == io::name_of(type)) return type;
  }
  throw std::invalid_argument("no voxels are called '" + name + "'");
}

Json json_of(const WatchCheckpoint& checkpoint) {
  const auto& nm = checkpoint.voxel_nm;
  const auto& intensity = checkpoint.intensity;
  return {{"next_number", checkpoint.next_number},
          {"journal_bytes", checkpoint.journal_bytes},
          {"height", checkpoint.height},
          {"width", checkpoint.width},
          {"type", io::name_of(checkpoint.type)},
          {"voxel_nm", {nm.z, nm.y, nm.x}},
          {"intensity", {intensity.count, intensity.mean, intensity.squares}},
          {"uses_source", checkpoint.uses_source},
          {"doubt", checkpoint.doubt},
          {"session", pipeline::json_of(checkpoint.session)}};
}

WatchCheckpoint checkpoint_of(const Json& json) {
  WatchCheckpoint checkpoint;
  checkpoint.next_number = json.at("next_number");
  checkpoint.journal_bytes = json.at("journal_bytes");
  checkpoint.height = json.at("height");
  checkpoint.width = json.at("width");
  checkpoint.type = type_named(json.at("type"));
  const Json& nm = json.at("voxel_nm");
  checkpoint.voxel_nm = {nm.at(0), nm.at(1), nm.at(2)};
  const Json& intensity = json.at("intensity");
  checkpoint.intensity = {intensity.at(0), intensity.at(1), intensity.at(2)};
  checkpoint.uses_source = json.at("uses_source");
  checkpoint.doubt = json.at("doubt");
  checkpoint.session = session_state(json.at("session"));
  return checkpoint;
}

}  // namespace

FolderLock::FolderLock(const std::string& path) {
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const int code = errno;
    throw io::Error(io::ErrorKind::cannot_create, path,
                    std::string("cannot be opened: ") + std::strerror(code), code);
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int code = errno;
  ::close(descriptor_);
  throw io::Error(io::ErrorKind::cannot_create, path,
                  code == EWOULDBLOCK ? "another process is at work here"
                                      : std::string("cannot be locked: ") + std::strerror(code));
}

FolderLock::~FolderLock() {
  ::close(descriptor_);
}

WatchState::WatchState(std::string folder, const Json& setting, bool has_results)
    : folder_(std::move(folder)), lock_(made(folder_) + "/lock") {
  // Of a process that was killed.
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') && name.ends_with(".partial")) std::filesystem::remove(entry.path(), ignored);
  }
  load_checkpoint();
  check_setting(setting, has_results);
  journal_ =
      std::make_unique<WatchJournal>(folder_ + "/journal", checkpoint_ ? checkpoint_->journal_bytes : 0);
}

void WatchState::load_checkpoint() {
  const auto found = io::read_checked(checkpoint_path(), checkpoint_kind);
  if (!found) return;
  if (!found->refusal.empty()) remarks_.push_back(found->refusal + "; the checkpoint before it is used");
  try {
    checkpoint_ = checkpoint_of(Json::from_cbor(found->contents));
  } catch (const Json::exception& error) {
    throw io::Error(io::ErrorKind::bad_data, checkpoint_path(), error.what());
  }
}

/// The setting is kept on its own: masks come before the first checkpoint.
void WatchState::check_setting(const Json& setting, bool has_results) const {
  const std::string path = folder_ + "/setting";
  const auto found = io::read_checked(path, setting_kind);
  if (checkpoint_ || has_results) {
    if (!found) {
      throw io::Error(io::ErrorKind::cannot_create, folder_,
                      "the output holds masks already, of which nothing is known here: choose another one");
    }
    return require_same_run(folder_, Json::parse(found->contents), setting);
  }
  const std::string text = setting.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (found && found->contents == text) return;
  // Nothing came of what was tried before; what it left out is to be decided again.
  std::filesystem::remove(folder_ + "/journal");
  io::write_checked(path, setting_kind, text);
}

AcquisitionPast WatchState::past(std::int64_t step) const {
  AcquisitionPast past;
  for (const JournalEntry& entry : journal_->entries()) {
    switch (entry.kind) {
      case JournalEntry::Kind::first:
        past.first = entry.first;
        break;
      case JournalEntry::Kind::taken:
        past.taken[entry.first] = entry.file;
        break;
      case JournalEntry::Kind::skipped:
        past.skipped.emplace_back(entry.first, entry.last);
        break;
      case JournalEntry::Kind::failed:
        past.failed[entry.first] = entry.file;
        break;
      case JournalEntry::Kind::event:
        break;
    }
  }
  if (past.first) past.next = *past.first;
  if (!past.taken.empty()) past.next = past.taken.rbegin()->first + step;
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
  const std::vector<std::uint8_t> bytes = Json::to_cbor(json_of(checkpoint));
  io::write_checked(checkpoint_path(), checkpoint_kind,
                    {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void WatchState::save_previews(const Json& previews) {
  io::write_checked(previews_path(), previews_kind, previews.dump());
}

Json WatchState::previews() const {
  const auto found = io::read_checked(previews_path(), previews_kind);
  if (!found) return Json::array();
  try {
    return Json::parse(found->contents);
  } catch (const Json::exception& error) {
    throw io::Error(io::ErrorKind::bad_data, previews_path(), error.what());
  }
}

}  // namespace fibflow::pipeline
