#include "io/files/folder_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "io/files/running_hash.h"

namespace fibflow::io {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t watched_events = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE |
                                         IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

// A look at the whole folder may take this share of the time, on a slow network too.
constexpr int scan_share = 10;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::uint64_t path_hash(const std::string& path) {
  return hash_of(path.data(), path.size());
}

bool is_hidden(std::string_view name) {
  return name.empty() || name.front() == '.';
}

}  // namespace

FolderWatch::FolderWatch(std::string folder, Options options)
    : folder_(std::move(folder)), options_(options), reason_("was not looked at yet") {
  // Without inotify (no instance left, say) polling has to do.
  if (options_.notify) notify_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

FolderWatch::~FolderWatch() {
  if (notify_ >= 0) ::close(notify_);
}

std::string FolderWatch::full(const std::string& relative) const {
  return relative.empty() ? folder_ : folder_ + "/" + relative;
}

FolderWatch::Changes FolderWatch::look() {
  Changes changes;
  read_events();
  if (Clock::now() >= next_scan_) {
    scan(changes);
    return changes;
  }
  for (const std::string& folder : std::exchange(new_folders_, {})) scan_folder(folder, changes);
  for (const std::string& path : std::exchange(touched_, {})) examine(path, changes);
  return changes;
}

void FolderWatch::wait(milliseconds timeout, int wake) {
  const auto until_scan = std::chrono::ceil<milliseconds>(next_scan_ - Clock::now());
  timeout = std::clamp(timeout, milliseconds(0), std::max(until_scan, milliseconds(0)));
  std::array<pollfd, 2> descriptors{{{notify_, POLLIN, 0}, {wake, POLLIN, 0}}};
  ::poll(descriptors.data(), descriptors.size(),
         static_cast<int>(std::min<std::int64_t>(timeout.count(), 1 << 30)));
}

void FolderWatch::read_events() {
  if (notify_ < 0) return;
  alignas(inotify_event) std::array<char, 64 << 10> buffer;
  for (;;) {
    const ssize_t got = ::read(notify_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    for (const char* at = buffer.data(); at < buffer.data() + got;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(at);
      at += sizeof(inotify_event) + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        ++overflows_;
        rescan();
        continue;
      }
      const auto watched = watches_.find(event.wd);
      if (watched == watches_.end()) continue;
      if ((event.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0) {
        forget_watch(event.wd);
        rescan();
        continue;
      }
      const std::string_view name = event.len > 0 ? event.name : "";
      if (is_hidden(name)) continue;
      const std::string& folder = watched->second.folder;
      const std::string path = folder.empty() ? std::string(name) : folder + "/" + std::string(name);
      if ((event.mask & IN_ISDIR) == 0) {
        touched_.insert(path);
      } else if (options_.recursive) {
        // What a folder that went away held is found out by looking at all.
        if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
          new_folders_.insert(path);
        } else if ((event.mask & IN_MOVED_FROM) != 0) {
          rescan();
        }
      }
    }
  }
}

void FolderWatch::settle(const std::string& path) {
  const auto known = known_.find(path);
  if (known == known_.end()) return;
  settled_[path_hash(path)] = {hash_of(known->second.identity), known->second.scan};
  known_.erase(known);
}

void FolderWatch::forget(const std::string& path) {
  known_.erase(path);
  if (!settled_.empty()) settled_.erase(path_hash(path));
}

/// Whether it is settled.
bool FolderWatch::examine_settled(const std::string& path, const std::optional<FileIdentity>& identity,
                                  Changes& changes) {
  if (settled_.empty()) return false;
  const auto settled = settled_.find(path_hash(path));
  if (settled == settled_.end()) return false;
  if (!identity) {
    settled_.erase(settled);
    return true;
  }
  settled->second.scan = scans_;
  const std::uint64_t now = hash_of(*identity);
  if (settled->second.identity == now) return true;
  settled->second.identity = now;
  changes.files.push_back({path, *identity});
  return true;
}

void FolderWatch::examine(const std::string& path, Changes& changes) {
  const auto identity = identify(full(path));
  if (examine_settled(path, identity, changes)) return;
  const auto known = known_.find(path);
  if (!identity) {
    if (known == known_.end()) return;
    known_.erase(known);
    changes.gone.push_back(path);
    return;
  }
  if (known == known_.end()) {
    known_.emplace(path, Known{*identity, scans_});
  } else {
    known->second.scan = scans_;
    if (known->second.identity == *identity) return;
    known->second.identity = *identity;
  }
  changes.files.push_back({path, *identity});
}

void FolderWatch::scan(Changes& changes) {
  const auto begin = Clock::now();
  touched_.clear();
  new_folders_.clear();
  ++scans_;
  const bool whole = scan_folder("", changes);
  if (whole) {
    for (auto file = known_.begin(); file != known_.end();) {
      if (file->second.scan == scans_) {
        ++file;
        continue;
      }
      changes.gone.push_back(file->first);
      file = known_.erase(file);
    }
    std::erase_if(settled_, [&](const auto& file) { return file.second.scan != scans_; });
  }
  const auto end = Clock::now();
  next_scan_ = end + std::max<Clock::duration>(options_.poll, scan_share * (end - begin));
}

bool FolderWatch::scan_folder(const std::string& relative, Changes& changes) {
  const int descriptor = ::open(full(relative).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseFolder> folder(descriptor < 0 ? nullptr : ::fdopendir(descriptor));
  int failure = folder ? 0 : errno;
  if (!folder && descriptor >= 0) ::close(descriptor);
  std::vector<std::string> subfolders;
  if (folder) {
    // First the watch, then the look: what comes in between is told by both.
    watch_folder(relative, descriptor);
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
      const std::string_view name = entry->d_name;
      if (!is_hidden(name)) {
        const std::string path = relative.empty() ? std::string(name) : relative + "/" + std::string(name);
        bool is_folder = entry->d_type == DT_DIR;
        if (entry->d_type == DT_UNKNOWN) {
          struct stat status {};
          is_folder = ::lstat(full(path).c_str(), &status) == 0 && S_ISDIR(status.st_mode);
        }
        if (!is_folder) {
          examine(path, changes);
        } else if (options_.recursive) {
          subfolders.push_back(path);
        }
      }
      errno = 0;
    }
    failure = errno;
  }
  if (relative.empty()) {
    there_ = failure == 0;
    reason_ = failure == 0 ? "" : std::strerror(failure);
  }
  bool whole = failure == 0;
  for (const std::string& subfolder : subfolders) whole &= scan_folder(subfolder, changes);
  // A subfolder that has just gone is no failure to read one: its files are gone.
  return whole || (!relative.empty() && (failure == ENOENT || failure == ENOTDIR));
}

void FolderWatch::watch_folder(const std::string& relative, int descriptor) {
  if (notify_ < 0) return;
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return;
  const auto old = watch_of_.find(relative);
  if (old != watch_of_.end()) {
    if (watches_.at(old->second).inode == status.st_ino) return;
    const int stale = old->second;
    ::inotify_rm_watch(notify_, stale);
    forget_watch(stale);
  }
  // Through the descriptor, so that what is watched is what is looked at.
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  const int watch = ::inotify_add_watch(notify_, path.c_str(), watched_events);
  if (watch < 0) return;  // out of watches, say: polling has to do
  forget_watch(watch);    // the same folder under another name: it was moved
  watches_[watch] = {relative, status.st_ino};
  watch_of_[relative] = watch;
}

void FolderWatch::forget_watch(int watch) {
  const auto found = watches_.find(watch);
  if (found == watches_.end()) return;
  watch_of_.erase(found->second.folder);
  watches_.erase(found);
}

}  // namespace fibflow::io
