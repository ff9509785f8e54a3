#pragma once

#include <string>

#include "io/files/file_lock.h"

namespace fibflow::pipeline {

/// Holds a folder for one process until it is destroyed.
class FolderLock {
 public:
  /// path: of a file in the folder, which is made if it is missing. Throws io::Error (cannot_create) if another process
  /// holds it.
  explicit FolderLock(const std::string& path);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
  io::FileLock lock_;
};

}  // namespace fibflow::pipeline
