#include "tests/acquisition/writer_style.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <ctime>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace fibflow::testing {
namespace {

const std::map<WriterStyle, std::string>& names() {
  static const std::map<WriterStyle, std::string> all{
      {WriterStyle::at_once, "at-once"},
      {WriterStyle::in_place, "in-place"},
      {WriterStyle::renamed, "renamed"},
      {WriterStyle::moved_in, "moved-in"},
      {WriterStyle::preallocated, "preallocated"},
      {WriterStyle::zero_tail, "zero-tail"},
      {WriterStyle::copied, "copied"},
      {WriterStyle::half_first, "half-first"},
      {WriterStyle::damaged_first, "damaged-first"},
      {WriterStyle::corrected_first, "corrected-first"},
      {WriterStyle::replaced_later, "replaced-later"},
  };
  return all;
}

[[noreturn]] void refuse(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), path);
}

/// Shared by the steps, which are copied.
using Bytes = std::shared_ptr<const std::string>;

/// A descriptor for one act.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : path_(path), number_(open(path.c_str(), flags, 0644)) {
    if (number_ < 0) refuse(path);
  }
  ~Descriptor() { close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void write(const std::string& bytes, std::size_t from, std::size_t to) const {
    while (from < to) {
      const ssize_t count = pwrite(number_, bytes.data() + from, to - from, static_cast<off_t>(from));
      if (count < 0) refuse(path_);
      from += static_cast<std::size_t>(count);
    }
  }
  void resize(std::size_t size) const {
    if (ftruncate(number_, static_cast<off_t>(size)) != 0) refuse(path_);
  }
  /// The time of change, as a copying program sets it from its source.
  void set_time(std::time_t seconds) const {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    if (futimens(number_, times) != 0) refuse(path_);
  }

 private:
  std::string path_;
  int number_;
};

/// The steps of one file, in the words of the styles.
class Writing {
 public:
  Writing(std::string path, Bytes bytes) : path_(std::move(path)), bytes_(std::move(bytes)) {}

  void whole(double rest, const Bytes& bytes, bool completes) {
    add(rest, "written", completes, [path = path_, bytes] {
      Descriptor(path, O_WRONLY | O_CREAT | O_TRUNC).write(*bytes, 0, bytes->size());
    });
  }
  /// Creates the file with its full size and no content.
  void preallocate() {
    add(0, "preallocated", false, [path = path_, size = bytes_->size()] {
      Descriptor(path, O_WRONLY | O_CREAT | O_TRUNC).resize(size);
    });
  }
  /// Writes what stands between two shares of the file into it.
  void part(double rest, double from, double to, bool completes) {
    add(rest, "written up to " + std::to_string(at(to)), completes,
        [path = path_, bytes = bytes_, from = at(from), to = at(to)] {
          Descriptor(path, O_WRONLY | O_CREAT).write(*bytes, from, to);
        });
  }
  /// The same, and sets the time of change an hour back.
  void part_of_copy(double rest, double from, double to, bool completes) {
    add(rest, "copied up to " + std::to_string(at(to)), completes,
        [path = path_, bytes = bytes_, from = at(from), to = at(to)] {
          const Descriptor file(path, O_WRONLY | O_CREAT);
          file.write(*bytes, from, to);
          file.set_time(std::time(nullptr) - 3600);
        });
  }
  void rename_to(double rest, const std::string& to, bool completes) {
    add(rest, "renamed", completes, [from = path_, to] { std::filesystem::rename(from, to); });
  }
  void make_folder() {
    add(0, "folder made", false, [folder = std::filesystem::path(path_).parent_path()] {
      std::filesystem::create_directories(folder);
    });
  }
  /// The next step waits for this.
  void await(std::function<bool()> ready) { ready_ = std::move(ready); }

  std::vector<Step> steps;

 private:
  std::size_t at(double share) const {
    return static_cast<std::size_t>(share * static_cast<double>(bytes_->size()));
  }
  void add(double rest, const std::string& what, bool completes, std::function<void()> act) {
    steps.push_back({rest, what, std::move(act), completes, std::exchange(ready_, nullptr)});
  }

  std::string path_;
  Bytes bytes_;
  std::function<bool()> ready_;
};

/// Of the right size, with a hole of noise where the directory and the first strips stand.
Bytes damaged(std::string bytes) {
  const std::size_t end = std::min<std::size_t>(bytes.size(), 400);
  for (std::size_t i = 4; i < end; ++i) bytes[i] = static_cast<char>(17 * i + 0x80);
  return std::make_shared<const std::string>(std::move(bytes));
}

}  // namespace

const std::vector<WriterStyle>& writer_styles() {
  static const std::vector<WriterStyle> all = [] {
    std::vector<WriterStyle> styles;
    for (const auto& [style, name] : names()) styles.push_back(style);
    return styles;
  }();
  return all;
}

std::string name_of(WriterStyle style) {
  return names().at(style);
}

WriterStyle writer_style_of(const std::string& name) {
  std::string known;
  for (const auto& [style, its_name] : names()) {
    if (its_name == name) return style;
    known += (known.empty() ? "" : ", ") + its_name;
  }
  throw std::invalid_argument(name + ": no such style; there are " + known);
}

Rests rests_around(double settle) {
  return {0.1 * settle, 1.7 * settle};
}

std::vector<Step> steps_of(WriterStyle style, const SliceFile& file, Rests rests) {
  const std::filesystem::path path(file.path);
  const auto bytes = std::make_shared<const std::string>(file.bytes);
  const auto other_bytes = std::make_shared<const std::string>(file.other_bytes);
  Writing writing(file.path, bytes);
  switch (style) {
    case WriterStyle::at_once:
      writing.whole(0, bytes, true);
      break;
    case WriterStyle::in_place:
      writing.part(0, 0, 0.3, false);
      writing.part(rests.brief, 0.3, 0.55, false);
      writing.part(rests.lengthy, 0.55, 0.8, false);
      writing.part(rests.brief, 0.8, 1, true);
      break;
    case WriterStyle::renamed: {
      Writing hidden(file.path + ".part", bytes);
      hidden.part(0, 0, 0.6, false);
      hidden.part(rests.brief, 0.6, 1, false);
      hidden.rename_to(rests.brief, file.path, true);
      return hidden.steps;
    }
    case WriterStyle::moved_in: {
      Writing aside((path.parent_path() / "incoming" / path.filename()).string(), bytes);
      aside.make_folder();
      aside.part(0, 0, 0.6, false);
      aside.part(rests.brief, 0.6, 1, false);
      aside.rename_to(rests.brief, file.path, true);
      return aside.steps;
    }
    case WriterStyle::preallocated:
      writing.preallocate();
      writing.part(rests.lengthy, 0, 0.4, false);
      writing.part(rests.lengthy, 0.4, 0.75, false);
      writing.part(rests.brief, 0.75, 1, true);
      break;
    case WriterStyle::zero_tail:
      writing.preallocate();
      // Not at the end of a strip: whatever writes pages or packets does not know about strips.
      writing.part(0, 0, 0.83, false);
      writing.part(rests.lengthy, 0.83, 1, true);
      break;
    case WriterStyle::copied:
      writing.part_of_copy(0, 0, 0.25, false);
      writing.part_of_copy(rests.brief, 0.25, 0.5, false);
      writing.part_of_copy(rests.lengthy, 0.5, 0.75, false);
      writing.part_of_copy(rests.brief, 0.75, 1, true);
      break;
    case WriterStyle::half_first:
      writing.part(0, 0, 0.5, false);
      writing.whole(rests.lengthy, bytes, true);
      break;
    case WriterStyle::damaged_first:
      writing.whole(0, damaged(file.bytes), false);
      writing.whole(rests.lengthy, bytes, true);
      break;
    case WriterStyle::corrected_first:
      writing.whole(0, other_bytes, false);
      writing.whole(rests.brief, bytes, true);
      break;
    case WriterStyle::replaced_later: {
      writing.whole(0, bytes, true);
      Writing later(file.path + ".new", other_bytes);
      later.await(file.taken);
      later.whole(0, other_bytes, false);
      later.rename_to(0, file.path, false);
      writing.steps.insert(writing.steps.end(), later.steps.begin(), later.steps.end());
      break;
    }
  }
  return writing.steps;
}

}  // namespace fibflow::testing
