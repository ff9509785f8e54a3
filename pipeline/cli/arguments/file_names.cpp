#include "pipeline/cli/arguments/file_names.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "io/error.h"
#include "io/files/atomic_file.h"
#include "io/format.h"
#include "io/formats/formats.h"

namespace fibflow::cli {
namespace {

/// The same for all ways to write a name, whether or not there is such a file.
std::filesystem::path place_of(const std::string& name) {
  std::error_code error;
  const auto place = std::filesystem::weakly_canonical(std::filesystem::absolute(name, error), error);
  return error ? std::filesystem::path(name) : place;
}

/// What cannot be looked at is not there; making it then says why.
bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

bool is_special(const std::string& path) {
  std::error_code error;
  return path.empty() || (exists(path) && !std::filesystem::is_regular_file(path, error));
}

}  // namespace

void require_free(const std::string& path, bool overwrite) {
  if (path.empty() || overwrite || !exists(path)) return;
  throw io::Error(io::ErrorKind::cannot_create, path, "exists already (--overwrite replaces it)");
}

void require_apart(const std::vector<std::string>& written, const std::vector<std::string>& read) {
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i].empty()) continue;
    for (std::size_t j = 0; j < i; ++j) {
      if (!written[j].empty() && place_of(written[i]) == place_of(written[j]))
        throw std::invalid_argument("two outputs would have the name " + written[i]);
    }
    if (!exists(written[i])) continue;
    for (const std::string& input : read) {
      std::error_code error;
      if (std::filesystem::equivalent(written[i], input, error))
        throw std::invalid_argument(written[i] + " is read: it cannot be replaced by an output");
    }
  }
}

void require_not_among_slices(const std::string& path, const std::string& folder) {
  const bool inside = place_of(path).parent_path() == place_of(folder);
  const auto formats = io::formats();
  const bool is_slice =
      std::ranges::any_of(formats, [&](const io::Format* format) { return io::has_suffix(*format, path); });
  if (inside && is_slice) {
    throw std::invalid_argument(path + ": lies in " + folder +
                                ", where it would be one of the slices the next time: write it elsewhere");
  }
}

void require_stack_ending(const std::string& path) {
  if (!is_special(path)) io::format_of_output(path);
}

void require_ending(const std::string& path, const std::string& ending) {
  if (is_special(path) || std::filesystem::path(path).extension() == ending) return;
  throw std::invalid_argument(path + ": what is written is a " + ending +
                              " file: give it a name that ends so");
}

void require_makeable(const std::string& path) {
  if (!path.empty())
    const io::AtomicFile probe(path, true, io::ResumeAt());  // a kill leaves what the next one takes over
}

}  // namespace fibflow::cli
