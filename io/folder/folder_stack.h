#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/stack.h"

namespace fibflow::io {

/// A stack of files with one slice each, in the order given. The first file is opened at
/// once, the others when they are read; each must be like the first, and hold one slice.
class FolderStack : public Stack {
 public:
  /// `path`: what the user gave; `files`: with their folder, at least one. Remarks go to info().remarks. z_spacing_nm: counts
  /// if the files do not have it; 0: unknown.
  FolderStack(std::string path, std::vector<std::string> files, std::vector<std::string> remarks,
              const OpenOptions& options = {}, double z_spacing_nm = 0);

  const StackInfo& info() const override { return info_; }
  std::vector<std::string> files() const override { return files_; }
  Slice read(std::int64_t z) override;
  Slice read_region(std::int64_t z, const Region& region) override;
  void require_readable(const Interval& slices) const override;

 private:
  void require_like_first(const StackInfo& info) const;

  StackInfo info_;
  std::vector<std::string> files_;
  const OpenOptions options_;
};

/// The slices of a folder, and remarks on them: its TIFF files, else its PNG files, else its JPEG files. Hidden files, and
/// whatever else is there, are left out. Throws Error if the folder cannot be read or holds none; (bad_data) with the globs of its series if it holds more
/// than one, see read_names().
std::unique_ptr<Stack> open_folder(const std::string& path, const OpenOptions& options = {});

/// The files a pattern matches. A pattern that matches one file opens that file. Throws Error (missing) if nothing matches,
/// and as open_folder().
std::unique_ptr<Stack> open_glob(const std::string& pattern, const OpenOptions& options = {});

}  // namespace fibflow::io
