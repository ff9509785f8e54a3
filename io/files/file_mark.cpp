#include "io/files/file_mark.h"

#include <sys/types.h>
#include <sys/xattr.h>

#include <array>

#include "io/files/file_identity.h"

namespace fibflow::io {
namespace {

constexpr const char* attribute = "user.fibflow.run";

/// The word, and the state of the file that it holds for.
std::string text_of(const std::string& word, const FileIdentity& file) {
  return word + " " + std::to_string(file.size) + " " + std::to_string(file.modified_ns);
}

}  // namespace

bool mark_file(int descriptor, const std::string& word) {
  const auto file = identify(descriptor);
  if (!file) return false;
  const std::string text = text_of(word, *file);
  return ::fsetxattr(descriptor, attribute, text.data(), text.size(), 0) == 0;
}

std::optional<std::string> mark_of(const std::string& path) {
  std::array<char, 256> text{};
  const ssize_t size = ::getxattr(path.c_str(), attribute, text.data(), text.size());
  const auto file = identify(path);
  if (size <= 0 || !file) return std::nullopt;
  const std::string found(text.data(), static_cast<std::size_t>(size));
  const std::string word = found.substr(0, found.find(' '));
  if (found != text_of(word, *file)) return std::nullopt;
  return word;
}

}  // namespace fibflow::io
