#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/slice.h"
#include "model/tile/network.h"
#include "pipeline/live/acquisition.h"
#include "pipeline/live/watch_journal.h"
#include "pipeline/pictures/preview.h"
#include "pipeline/report/run_state.h"
#include "pipeline/state/durable_state.h"
#include "pipeline/state/folder_lock.h"

namespace fibflow::pipeline {

/// Where a live run stands after a slice.
struct WatchCheckpoint {
  std::int64_t next_number = 0;     ///< of the slice file that comes next
  std::uint64_t journal_bytes = 0;  ///< of the journal that belong to it
  int height = 0;                   ///< of the slices
  int width = 0;
  std::uint64_t slices_before = 0;  ///< of the journal that are not of this run of the statistics
  io::PixelType type = io::PixelType::u8;
  io::VoxelSize voxel_nm;
  io::Margins cropped;  ///< of the slices: edges that are no image
  RunState run;
};

/// The instruction set that the live run with this state was begun with; nothing if there is none, or it cannot be read.
std::optional<std::string> begun_live_instruction_set(const std::string& state_folder);

/// What a state has to be of.
struct WatchIdentity {
  std::string output_folder;       ///< whose masks it is about
  nlohmann::ordered_json setting;  ///< see watch_setting()
  const model::Network& network;
  int lag = 1;
};

/// The durable state of a live run: a checkpoint in two generations, and the journal of its slices. Not thread-safe.
class WatchState {
 public:
  /// Opens or makes the folder. has_results: the output holds masks already. Throws io::Error: bad_data that names what
  /// differs if masks or a checkpoint are those of another setting, or if no generation of the checkpoint is sound;
  /// cannot_create if there are masks of which the state knows nothing.
  WatchState(std::string folder, const WatchIdentity& identity, bool has_results);

  /// Nothing if no slice was acknowledged yet.
  const std::optional<WatchCheckpoint>& checkpoint() const { return checkpoint_; }
  /// Reads the journal when its slices are gone through: not after this object's end.
  AcquisitionPast past() const;
  WatchJournal& journal() { return *journal_; }
  /// What the user should know: that the older generation had to be used, say.
  const std::vector<std::string>& remarks() const { return remarks_; }

  /// Whether there are slices that are done, but not the statistics that they were done with.
  bool has_lost_checkpoint() const { return !checkpoint_ && journal_->had_checkpoint(); }

  /// Makes the journal, as far as it is written, and the checkpoint durable. Throws io::Error.
  void save(WatchCheckpoint checkpoint);

  /// Keeps the pictures of the first slices; durable when it returns. Throws io::Error.
  void save_previews(const std::vector<EncodedPreview>& previews) const;
  /// Nothing if there are none. Throws io::Error.
  std::vector<EncodedPreview> previews() const;

 private:
  void load_checkpoint(const WatchIdentity& identity);
  void check_setting(const WatchIdentity& identity, bool has_results) const;

  const std::string folder_;
  FolderLock lock_;
  const DurableState state_;
  const DurableState previews_;
  std::optional<WatchCheckpoint> checkpoint_;
  std::unique_ptr<WatchJournal> journal_;
  std::vector<std::string> remarks_;
  bool has_kept_ = false;  // the journal says that there is a checkpoint
};

}  // namespace fibflow::pipeline
