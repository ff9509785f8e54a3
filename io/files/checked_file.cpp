#include "io/files/checked_file.h"

#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <stdexcept>

#include "io/error.h"
#include "io/files/atomic_file.h"
#include "io/files/contents.h"
#include "io/files/sha256.h"

namespace fibflow::io {
namespace {

constexpr std::size_t digest_size = 64;
constexpr std::size_t number_size = 8;
constexpr int level = 3;
// More than this is nothing that was ever written: states are numbers, which hardly shrink.
constexpr std::uint64_t most_contents = std::uint64_t{64} << 20;
constexpr std::uint64_t most_times_smaller = 64;

std::string first_line(const std::string& kind) {
  return "fibflow " + kind + "\n";
}

std::string previous_of(const std::string& path) {
  return path + ".previous";
}

/// Little-endian, whatever the machine.
std::string bytes_of(std::uint64_t number) {
  std::string bytes;
  for (std::size_t i = 0; i < number_size; ++i) bytes += static_cast<char>(number >> 8 * i & 255U);
  return bytes;
}

std::uint64_t number_in(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < number_size; ++i)
    number |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << 8 * i;
  return number;
}

std::string packed(std::string_view contents) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  if (!context) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::string bytes(ZSTD_compressBound(contents.size()), '\0');
  const std::size_t size =
      ZSTD_compress2(context.get(), bytes.data(), bytes.size(), contents.data(), contents.size());
  if (ZSTD_isError(size)) throw std::runtime_error(std::string("zstd: ") + ZSTD_getErrorName(size));
  bytes.resize(size);
  return bytes;
}

/// Everything but the digest, which comes after the two sizes.
std::string digest(const std::string& kind, std::string_view sizes, std::string_view body) {
  return sha256(first_line(kind) + std::string(sizes) + std::string(body));
}

/// What was given to write_checked(). Throws Error (bad_data) unless it is the same to the byte.
std::string unpacked(const std::string& path, const std::string& kind, std::string_view bytes) {
  const auto refuse = [&](const std::string& reason) { throw Error(ErrorKind::bad_data, path, reason); };
  const std::string line = first_line(kind);
  if (!bytes.starts_with(line)) {
    const std::string_view other = bytes.substr(0, std::min<std::size_t>(bytes.find('\n'), bytes.size()));
    const bool ours = other.starts_with("fibflow ") && other.size() < std::min<std::size_t>(bytes.size(), 80);
    refuse(ours ? "is of another kind or version ('" + std::string(other) + "')"
                : "is damaged, or not a " + kind);
  }
  std::string_view rest = bytes.substr(line.size());
  if (rest.size() < 2 * number_size + digest_size) refuse("is damaged: it is cut short");
  const std::string_view sizes = rest.substr(0, 2 * number_size);
  const std::string_view stored = rest.substr(2 * number_size, digest_size);
  const std::string_view body = rest.substr(2 * number_size + digest_size);
  if (body.size() != number_in(sizes.substr(number_size))) refuse("is damaged: its length is wrong");
  // Checked before it is unpacked, so that nothing that is damaged is ever interpreted.
  if (stored != digest(kind, sizes, body)) refuse("is damaged: its checksum is wrong");
  const std::uint64_t claimed = number_in(sizes);
  if (claimed != ZSTD_getFrameContentSize(body.data(), body.size()) ||
      claimed > most_contents + most_times_smaller * body.size()) {
    refuse("is damaged: it claims to hold " + std::to_string(claimed) + " bytes");
  }
  std::string contents(claimed, '\0');
  const std::size_t size = ZSTD_decompress(contents.data(), contents.size(), body.data(), body.size());
  if (ZSTD_isError(size) || size != contents.size()) refuse("is damaged: it cannot be unpacked");
  return contents;
}

bool is_whole(const std::string& path, const std::string& kind) {
  const auto bytes = contents_if_there(path);
  try {
    return bytes && (unpacked(path, kind, *bytes), true);
  } catch (const Error&) {
    return false;
  }
}

void take_away(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    throw Error(ErrorKind::read_write, path, std::string("cannot be removed: ") + std::strerror(errno));
  }
}

}  // namespace

void write_checked(const std::string& path, const std::string& kind, std::string_view contents,
                   const DurableStep& step) {
  const auto done = [&](const char* name) {
    if (step) step(name);
  };
  if (kind.empty() || kind.find('\n') != std::string::npos)
    throw std::invalid_argument("the kind of a file is one line");
  const std::string body = packed(contents);
  const std::string sizes = bytes_of(contents.size()) + bytes_of(body.size());
  const std::string head = first_line(kind) + sizes + digest(kind, sizes, body);
  AtomicFile file(path, true, ResumeAt{});
  file.write(head.data(), head.size());
  file.write(body.data(), body.size());
  done("checkpoint written");
  file.sync();
  done("checkpoint synced");
  // One that is damaged must not take the place of the one before it, which may be the only one that is whole.
  if (is_whole(path, kind) && ::rename(path.c_str(), previous_of(path).c_str()) != 0) {
    throw Error(ErrorKind::read_write, path, std::string("cannot be renamed: ") + std::strerror(errno));
  }
  done("checkpoint before it renamed");
  file.commit();
  done("checkpoint named");
}

std::optional<CheckedContents> read_checked(const std::string& path, const std::string& kind,
                                            const TakeContents& take) {
  const auto accepted = [&](const std::string& generation, const std::string& bytes) {
    std::string contents = unpacked(generation, kind, bytes);
    try {
      if (take) take(contents);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      throw Error(ErrorKind::bad_data, generation, std::string("is damaged: ") + error.what());
    }
    return contents;
  };
  const auto newest = contents_if_there(path);
  std::string refusal = path + " is missing";
  if (newest) {
    try {
      return CheckedContents{accepted(path, *newest), false, {}};
    } catch (const Error& error) {
      refusal = error.what();
    }
  }
  const auto previous = contents_if_there(previous_of(path));
  if (!previous) {
    if (!newest) return std::nullopt;
    throw Error(ErrorKind::bad_data, path, refusal.substr(path.size() + 2) + ", and there is no older one");
  }
  try {
    return CheckedContents{accepted(previous_of(path), *previous), true, refusal};
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_data, path,
                newest ? refusal.substr(path.size() + 2) + "; the older one: " + error.what() : error.what());
  }
}

bool has_checked(const std::string& path) {
  return std::filesystem::exists(path) || std::filesystem::exists(previous_of(path));
}

void remove_checked(const std::string& path, const DurableStep& step) {
  take_away(previous_of(path));
  if (step) step("checkpoint before it removed");
  take_away(path);
  if (step) step("checkpoint removed");
}

}  // namespace fibflow::io
