#include "io/folder/folder_format.h"

#include <filesystem>
#include <system_error>

#include "io/folder/folder_stack.h"

namespace fibflow::io {
namespace {

namespace fs = std::filesystem;

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool recognizes(const std::string& path, std::string_view) {
  if (is_folder(path)) return true;
  // A file may well have brackets in its name; only what is not there can be a pattern.
  std::error_code ignored;
  return !fs::exists(fs::status(path, ignored)) && path.find_first_of("*?[") != std::string::npos;
}

std::unique_ptr<Stack> open(const std::string& path, const OpenOptions& options) {
  return is_folder(path) ? open_folder(path, options) : open_glob(path, options);
}

}  // namespace

const Format& folder_format() {
  static const Format format{"folder of slices", {}, recognizes, open, nullptr, nullptr, nullptr};
  return format;
}

}  // namespace fibflow::io
