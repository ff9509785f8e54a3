#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/stack.h"
#include "io/tiff/tiff_page.h"

namespace fibflow::io {

/// A stack of single-page TIFF files, one slice per file, in the order given. The first file is opened at
/// once, the others when they are read; each must be like the first, and hold one page.
class FolderStack : public Stack {
 public:
  /// `path`: what the user gave; `files`: with their folder, at least one. Remarks go to info().remarks. z_spacing_nm: counts
  /// if the files do not have it; 0: unknown.
  FolderStack(std::string path, std::vector<std::string> files, std::vector<std::string> remarks,
              FileOrder order = FileOrder::name, double z_spacing_nm = 0);

  const StackInfo& info() const override { return info_; }
  std::vector<std::string> files() const override { return files_; }
  Slice read(std::int64_t z) override;
  Slice read_region(std::int64_t z, const Region& region) override;

 private:
  StackInfo info_;
  std::vector<std::string> files_;
};

/// The TIFF files of a folder, and remarks on them. Hidden files, and files whose extension is not tif or tiff, are left out.
/// Throws Error if the folder cannot be read or holds no TIFF files; (bad_data) with the globs of its series if it holds more
/// than one, see read_names().
std::unique_ptr<Stack> open_folder(const std::string& path, FileOrder order = FileOrder::number);

/// The files a pattern matches. A pattern that matches one file opens that file. Throws Error (missing) if nothing matches,
/// and as open_folder().
std::unique_ptr<Stack> open_glob(const std::string& pattern, FileOrder order = FileOrder::number);

}  // namespace fibflow::io
