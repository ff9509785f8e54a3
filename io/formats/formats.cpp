#include "io/formats/formats.h"

#include <filesystem>
#include <system_error>

#include "io/folder/folder_stack.h"
#include "io/tiff/tiff_stack.h"

namespace fibflow::io {

std::unique_ptr<Stack> open_stack(const std::string& path) {
  std::error_code code;
  const std::filesystem::file_status status = std::filesystem::status(path, code);
  if (std::filesystem::is_directory(status)) return open_folder(path);
  // A file may well have brackets in its name; only what is not there can be a pattern.
  if (!std::filesystem::exists(status) && path.find_first_of("*?[") != std::string::npos)
    return open_glob(path);
  return std::make_unique<TiffStack>(path);
}

}  // namespace fibflow::io
