#include "io/files/contents.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "io/error.h"

namespace fibflow::io {

std::optional<std::string> contents_if_there(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    if (errno == ENOENT) return std::nullopt;
    throw Error(ErrorKind::read_write, path, std::string("cannot be read: ") + std::strerror(errno), errno);
  }
  std::string bytes;
  try {
    // Failures to read are thrown through the buffer, or not told at all.
    file.exceptions(std::ios::badbit);
    bytes.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  } catch (const std::ios::failure&) {
    throw Error(ErrorKind::read_write, path, "cannot be read to its end");
  }
  return bytes;
}

std::string contents_of(const std::string& path) {
  auto bytes = contents_if_there(path);
  if (!bytes) throw Error(ErrorKind::missing, path, std::strerror(ENOENT));
  return *std::move(bytes);
}

std::string head_of(const std::string& path, std::size_t bytes) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return {};
  const auto size = std::filesystem::file_size(path, ignored);
  std::string head(ignored ? bytes : std::min<std::uintmax_t>(bytes, size), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return head;
}

}  // namespace fibflow::io
