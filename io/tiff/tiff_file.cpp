#include "io/tiff/tiff_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/error.h"

namespace fibflow::io {
namespace {

// libtiff's own limit; a directory with more fields is a stray offset into something else.
constexpr std::uint64_t max_entries = 4096;

std::size_t bytes_of_type(std::uint16_t type) {
  static constexpr std::array<std::size_t, 19> sizes = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4,
                                                        8, 4, 8, 4, 0, 0, 8, 8, 8};
  return type < sizes.size() ? sizes[type] : 0;
}

}  // namespace

const TiffEntry* TiffDirectory::find(std::uint16_t tag) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const TiffEntry& e) { return e.tag == tag; });
  return found == entries.end() ? nullptr : &*found;
}

TiffFile::TiffFile(std::string path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) {
    const int code = errno;
    // sysexits' "no input" is both: it does not exist, or may not be read.
    const bool missing = code == ENOENT || code == ENOTDIR || code == EACCES || code == EPERM ||
                         code == ELOOP || code == ENAMETOOLONG;
    throw Error(
        missing ? ErrorKind::missing : ErrorKind::read_write, path_,
        code == ENOENT ? "there is no such file" : std::string("cannot be opened: ") + std::strerror(code));
  }
  try {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) {
      throw Error(ErrorKind::read_write, path_, std::string("cannot be examined: ") + std::strerror(errno));
    }
    if (S_ISDIR(status.st_mode)) bad("is a folder, not a TIFF file");
    if (!S_ISREG(status.st_mode)) bad("is not a regular file");
    size_ = static_cast<std::uint64_t>(status.st_size);

    std::array<unsigned char, 16> header{};
    const std::size_t got = read_at(0, header.data(), header.size());
    if (got == 0) bad("the file is empty");
    if (got < 8) bad("not a TIFF file: only " + std::to_string(got) + " bytes");
    const bool little = header[0] == 'I' && header[1] == 'I';
    big_endian_ = header[0] == 'M' && header[1] == 'M';
    if (!little && !big_endian_)
      bad("not a TIFF file; stacks are read from TIFF files, and from folders or globs of them");
    foreign_order_ = big_endian_ != (std::endian::native == std::endian::big);
    const std::uint64_t version = number(&header[2], 2);
    if (version == 43) {
      big_ = true;
      if (got < 16 || number(&header[4], 2) != 8 || number(&header[6], 2) != 0) bad("damaged BigTIFF header");
      first_directory_ = number(&header[8], 8);
    } else if (version == 42) {
      first_directory_ = number(&header[4], 4);
    } else {
      bad("not a TIFF file: version " + std::to_string(version));
    }
    if (first_directory_ == 0) bad("holds no image");
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

TiffFile::~TiffFile() {
  ::close(descriptor_);
}

void TiffFile::bad(const std::string& reason) const {
  throw Error(ErrorKind::bad_data, path_, reason);
}

std::uint64_t TiffFile::number(const unsigned char* bytes, int width) const {
  std::uint64_t value = 0;
  for (int i = 0; i < width; ++i) value = value << 8 | bytes[big_endian_ ? i : width - 1 - i];
  return value;
}

std::size_t TiffFile::read_at(std::uint64_t offset, void* buffer, std::size_t bytes) const {
  if (offset >= size_) return 0;
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, size_ - offset));
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got = ::pread(descriptor_, static_cast<char*>(buffer) + done, bytes - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw Error(ErrorKind::read_write, path_, std::string("cannot be read: ") + std::strerror(errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

TiffDirectory TiffFile::directory(std::uint64_t offset) const {
  const auto outside = [&] {
    bad("a directory at byte " + std::to_string(offset) + " lies outside the file's " +
        std::to_string(size_) + " bytes: the file is truncated or damaged");
  };
  const std::size_t count_bytes = big_ ? 8 : 2;
  const std::size_t entry_bytes = big_ ? 20 : 12;
  const std::size_t offset_bytes = big_ ? 8 : 4;

  // One read fetches nearly every directory whole.
  std::vector<unsigned char> bytes(512);
  std::size_t got = read_at(offset, bytes.data(), bytes.size());
  if (got < count_bytes) outside();
  const std::uint64_t entries = number(bytes.data(), static_cast<int>(count_bytes));
  if (entries == 0 || entries > max_entries) {
    bad("the directory at byte " + std::to_string(offset) + " claims " + std::to_string(entries) +
        " fields: the file is damaged");
  }
  const std::size_t needed = count_bytes + static_cast<std::size_t>(entries) * entry_bytes + offset_bytes;
  if (needed > bytes.size()) {
    bytes.resize(needed);
    got = read_at(offset, bytes.data(), bytes.size());
  }
  if (got < needed) outside();

  TiffDirectory directory;
  directory.offset = offset;
  directory.entries.reserve(static_cast<std::size_t>(entries));
  std::size_t at = count_bytes;
  for (std::uint64_t i = 0; i < entries; ++i, at += entry_bytes) {
    TiffEntry entry;
    entry.tag = static_cast<std::uint16_t>(number(&bytes[at], 2));
    entry.type = static_cast<std::uint16_t>(number(&bytes[at + 2], 2));
    entry.count = number(&bytes[at + 4], static_cast<int>(offset_bytes));
    const std::size_t value_at = at + 4 + offset_bytes;
    const std::size_t width = bytes_of_type(entry.type);
    // A value that fits stands in the entry itself.
    const bool here = width == 0 || entry.count <= offset_bytes / width;
    entry.value = here ? offset + value_at : number(&bytes[value_at], static_cast<int>(offset_bytes));
    directory.entries.push_back(entry);
  }
  directory.next = number(&bytes[at], static_cast<int>(offset_bytes));
  directory.next_position = offset + at;
  return directory;
}

std::vector<std::uint64_t> TiffFile::integers(const TiffEntry& entry, std::size_t limit) const {
  if (entry.type != 1 && entry.type != 3 && entry.type != 4 && entry.type != 13 && entry.type != 16 &&
      entry.type != 18) {
    return {};
  }
  const std::size_t width = bytes_of_type(entry.type);
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(entry.count, limit));
  std::vector<unsigned char> bytes(wanted * width);
  const std::size_t got = read_at(entry.value, bytes.data(), bytes.size()) / width;
  std::vector<std::uint64_t> values(got);
  for (std::size_t i = 0; i < got; ++i) values[i] = number(&bytes[i * width], static_cast<int>(width));
  return values;
}

std::optional<std::uint64_t> TiffFile::last_integer(const TiffEntry& entry) const {
  // A count that overflows here points outside the file, and is nothing then.
  TiffEntry last = entry;
  last.count = entry.count == 0 ? 0 : 1;
  last.value += (entry.count - last.count) * bytes_of_type(entry.type);
  const auto values = integers(last, 1);
  return values.empty() ? std::nullopt : std::optional(values[0]);
}

double TiffFile::rational(const TiffEntry& entry) const {
  std::array<unsigned char, 8> bytes{};
  if (entry.type != 5 || entry.count == 0 || read_at(entry.value, bytes.data(), 8) != 8) return 0;
  const auto denominator = static_cast<double>(number(&bytes[4], 4));
  return denominator == 0 ? 0 : static_cast<double>(number(bytes.data(), 4)) / denominator;
}

std::string TiffFile::bytes(const TiffEntry& entry, std::size_t limit) const {
  if (entry.type != 1 && entry.type != 2 && entry.type != 7) return {};
  if (entry.value >= size_) return {};
  const std::uint64_t available = std::min<std::uint64_t>(entry.count, size_ - entry.value);
  std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(available, limit)), '\0');
  bytes.resize(read_at(entry.value, bytes.data(), bytes.size()));
  return bytes;
}

std::string TiffFile::text(const TiffEntry& entry, std::size_t limit) const {
  std::string text = bytes(entry, limit);
  const auto end = text.find('\0');
  if (end != std::string::npos) text.resize(end);
  return text;
}

}  // namespace fibflow::io
