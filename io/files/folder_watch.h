#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "io/files/file_identity.h"

namespace fibflow::io {

/// Follows the files of a folder while others write into it.
///
/// inotify tells at once what happens where the system sees it; every `poll` the whole folder is looked at
/// besides, because writers on other machines (SMB, NFS) are not seen, and after an overflow of inotify's queue.
/// A file is examined when an event names it, or with the whole folder: the work is linear in files and events.
/// A folder that vanishes is no error: nothing is told while it is away, and what differs once it is back.
/// Time is only ever the steady clock's. One thread at a time.
class FolderWatch {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    bool recursive = false;  ///< subfolders too, but for hidden ones and links
    std::chrono::milliseconds poll{5000};
    bool notify = true;  ///< use inotify; without it there is polling only
  };

  struct File {
    std::string path;  ///< relative to the folder
    FileIdentity identity;
  };
  struct Changes {
    std::vector<File> files;        ///< new, or with another identity than told before; each once
    std::vector<std::string> gone;  ///< told before, and not there any more
  };

  /// The folder need not exist yet.
  FolderWatch(std::string folder, Options options);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// What changed since the last call. Regular files only; hidden ones (".x.tif") are left out: they are not
  /// finished, or not for us. Does not wait for anything.
  Changes look();

  /// Waits until look() may find something, until `wake` (a file descriptor) can be read, or for `timeout`.
  void wait(std::chrono::milliseconds timeout, int wake = -1);

  /// Lets the next look() examine the whole folder.
  void rescan() { next_scan_ = {}; }

  /// Whoever asked is done with a file: from now on its name is not held, it is told of only if it changes, and not when it goes.
  void settle(const std::string& path);

  /// A file that could not be used though it was told of: it is told again if it is there when the whole folder is
  /// looked at.
  void forget(const std::string& path);

  bool is_there() const { return there_; }  ///< the folder could be read when it was last looked at
  const std::string& reason() const { return reason_; }   ///< why not
  bool is_notified() const { return !watches_.empty(); }  ///< inotify works on it
  std::uint64_t overflows() const { return overflows_; }  ///< of inotify's queue
  std::uint64_t scans() const { return scans_; }          ///< looks at the whole folder

 private:
  struct Known {
    FileIdentity identity;
    std::uint64_t scan = 0;  // the last one that saw it
  };
  struct Settled {
    std::uint64_t identity = 0;  // hash
    std::uint64_t scan = 0;
  };
  struct Watched {
    std::string folder;  // relative; empty for the folder itself
    std::uint64_t inode = 0;
  };

  void read_events();
  void examine(const std::string& path, Changes& changes);
  bool examine_settled(const std::string& path, const std::optional<FileIdentity>& identity,
                       Changes& changes);
  void scan(Changes& changes);
  bool scan_folder(const std::string& relative, Changes& changes);
  void watch_folder(const std::string& relative, int descriptor);
  void forget_watch(int watch);
  std::string full(const std::string& relative) const;

  const std::string folder_;
  const Options options_;
  int notify_ = -1;
  std::map<int, Watched> watches_;                      // by inotify's number
  std::unordered_map<std::string, int> watch_of_;       // by relative folder
  std::unordered_map<std::string, Known> known_;        // by relative path
  std::unordered_map<std::uint64_t, Settled> settled_;  // by the hash of the relative path
  std::unordered_set<std::string> touched_;             // named by events, not examined yet
  std::unordered_set<std::string> new_folders_;         // the same for folders
  Clock::time_point next_scan_;
  bool there_ = false;
  std::string reason_;
  std::uint64_t overflows_ = 0;
  std::uint64_t scans_ = 0;
};

}  // namespace fibflow::io
