#include "io/formats/formats.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "io/folder/folder_format.h"
#include "io/tiff/tiff_format.h"

namespace fibflow::io {
namespace {

/// The first bytes of a regular file: opening a pipe would wait for its writer.
std::string head_of(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return {};
  std::string head(recognizing_bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return head;
}

bool has_suffix(const Format& format, const std::string& path) {
  std::string name = path;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::any_of(format.suffixes.begin(), format.suffixes.end(),
                     [&](const std::string& suffix) { return name.ends_with(suffix); });
}

}  // namespace

std::span<const Format* const> formats() {
  static const std::array table{
      &tiff_format(),
      &folder_format(),
  };
  return table;
}

const Format& format_of_input(const std::string& path) {
  const std::string head = head_of(path);
  for (const Format* format : formats()) {
    if (format->recognizes(path, head)) return *format;
  }
  for (const Format* format : formats()) {
    if (has_suffix(*format, path)) return *format;
  }
  return tiff_format();
}

const Format& format_of_output(const std::string& path) {
  for (const Format* format : formats()) {
    if (format->create != nullptr && has_suffix(*format, path)) return *format;
  }
  return tiff_format();
}

std::unique_ptr<Stack> open_stack(const std::string& path, const OpenOptions& options) {
  return format_of_input(path).open(path, options);
}

std::unique_ptr<StackWriter> create_stack(const std::string& path, const WriterOptions& options) {
  return format_of_output(path).create(path, options);
}

std::unique_ptr<StackWriter> resume_stack(const std::string& path, const WriterOptions& options,
                                          const std::string& progress) {
  return format_of_output(path).resume(path, options, progress);
}

bool is_finished_stack(const std::string& path, std::int64_t depth, const std::string& progress) {
  return format_of_output(path).is_finished(path, depth, progress);
}

}  // namespace fibflow::io
