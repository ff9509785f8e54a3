#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/slice.h"
#include "nodes/intensity/intensity.h"
#include "pipeline/adapt/segment_session.h"
#include "pipeline/live/acquisition.h"
#include "pipeline/live/watch_journal.h"

namespace fibflow::pipeline {

/// Where a live run stands after a slice.
struct WatchCheckpoint {
  std::int64_t next_number = 0;     ///< of the slice file that comes next
  std::uint64_t journal_bytes = 0;  ///< of the journal that belong to it
  int height = 0;                   ///< of the slices
  int width = 0;
  io::PixelType type = io::PixelType::u8;
  io::VoxelSize voxel_nm;
  nodes::IntensityMoments intensity;  ///< of the first slices
  bool uses_source = false;           ///< adaptation was in doubt
  nlohmann::ordered_json doubt;       ///< {"comparison", "doubt"} of the first slices, as in a RunReport
  SegmentSession::State session;
};

/// Holds a folder for one process until it is destroyed.
class FolderLock {
 public:
  /// Throws io::Error (cannot_create) if another process holds it.
  explicit FolderLock(const std::string& path);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

/// The durable state of a live run: a checkpoint in two generations, and the journal of its slices. Not thread-safe.
class WatchState {
 public:
  /// Opens or makes the folder. `setting`: all that the result depends on besides the slices. has_results: the output
  /// holds masks already. Throws io::Error: bad_data that names what differs if masks or a checkpoint are those of another
  /// setting, cannot_create if there are masks of which the state knows nothing.
  WatchState(std::string folder, const nlohmann::ordered_json& setting, bool has_results);

  /// Nothing if no slice was acknowledged yet.
  const std::optional<WatchCheckpoint>& checkpoint() const { return checkpoint_; }
  AcquisitionPast past(std::int64_t step) const;
  WatchJournal& journal() { return *journal_; }
  /// What the user should know: that the older generation had to be used, say.
  const std::vector<std::string>& remarks() const { return remarks_; }

  /// Makes the journal, as far as it is written, and the checkpoint durable. Throws io::Error.
  void save(WatchCheckpoint checkpoint);

  /// Keeps the pictures of the first slices, as a RunReport's JSON has them; durable when it returns. Throws io::Error.
  void save_previews(const nlohmann::ordered_json& previews);
  /// An empty array if there are none. Throws io::Error.
  nlohmann::ordered_json previews() const;

 private:
  std::string checkpoint_path() const { return folder_ + "/checkpoint"; }
  std::string previews_path() const { return folder_ + "/previews"; }
  void load_checkpoint();
  void check_setting(const nlohmann::ordered_json& setting, bool has_results) const;

  const std::string folder_;
  FolderLock lock_;
  std::optional<WatchCheckpoint> checkpoint_;
  std::unique_ptr<WatchJournal> journal_;
  std::vector<std::string> remarks_;
};

}  // namespace fibflow::pipeline
