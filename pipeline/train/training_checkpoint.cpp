#include "pipeline/train/training_checkpoint.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string_view>

#include "io/error.h"
#include "io/files/atomic_file.h"
#include "pipeline/options/version.h"

namespace fibflow::pipeline {
namespace {

/// The first line of a file; then the sizes and bytes of its parts, then a checksum of all before it.
std::string magic() {
  return std::string("fibflow training checkpoint, version ") + version() + "\n";
}

/// FNV-1a of 64-bit words (the last one filled up with zeros): it finds damage, not malice.
std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
    hash = (hash ^ word) * 0x100000001b3U;
    hash ^= hash >> 29U;
  }
  return hash;
}

class Writer {
 public:
  explicit Writer(std::string& bytes) : bytes_(bytes) {}

  template <typename T>
  void number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void part(std::string_view part) {
    number<std::uint64_t>(part.size());
    bytes_.append(part);
  }
  template <typename T>
  void part(const std::vector<T>& values) {
    part(std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
  }

 private:
  std::string& bytes_;
};

class Reader {
 public:
  Reader(const std::string& path, std::string_view bytes) : path_(path), rest_(bytes) {}

  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string part() { return std::string(take(number<std::uint64_t>())); }
  template <typename T>
  std::vector<T> values() {
    const std::string bytes = part();
    if (bytes.size() % sizeof(T) != 0) refuse();
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  void require_end() const {
    if (!rest_.empty()) refuse();
  }

 private:
  [[noreturn]] void refuse() const {
    throw io::Error(io::ErrorKind::bad_data, path_, "the checkpoint is damaged");
  }
  std::string_view take(std::uint64_t bytes) {
    if (bytes > rest_.size()) refuse();
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::string path_;
  std::string_view rest_;
};

std::string contents_of(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int error = errno;
    throw io::Error(error == ENOENT ? io::ErrorKind::missing : io::ErrorKind::read_write, path,
                    error == ENOENT ? "there is no such checkpoint" : std::strerror(error));
  }
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) throw io::Error(io::ErrorKind::read_write, path, "cannot be read");
  return bytes;
}

}  // namespace

void TrainingCheckpoint::write(const std::string& path) const {
  std::string bytes = magic();
  Writer out(bytes);
  out.part(setting);
  out.number(seconds);
  out.part(history.losses);
  out.part(history.validations);
  out.part(trainer);
  out.part(best);
  out.number(best_iou);
  out.number(best_threshold);
  out.number(best_iou_at_threshold);
  out.number(best_iteration);
  out.number(checksum(bytes));
  io::AtomicFile file(path, true);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

TrainingCheckpoint TrainingCheckpoint::read(const std::string& path) {
  const std::string bytes = contents_of(path);
  if (!bytes.starts_with(magic())) {
    const bool other_version = bytes.starts_with("fibflow training checkpoint");
    throw io::Error(
        io::ErrorKind::bad_data, path,
        other_version ? "is a checkpoint of another version of fibflow" : "is no checkpoint of a training");
  }
  std::uint64_t stored = 0;
  if (bytes.size() < magic().size() + sizeof stored)
    throw io::Error(io::ErrorKind::bad_data, path, "the checkpoint is damaged");
  const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - sizeof stored);
  std::memcpy(&stored, bytes.data() + body.size(), sizeof stored);
  if (stored != checksum(body)) throw io::Error(io::ErrorKind::bad_data, path, "the checkpoint is damaged");

  Reader in(path, body.substr(magic().size()));
  TrainingCheckpoint checkpoint;
  checkpoint.setting = in.part();
  checkpoint.seconds = in.number<double>();
  checkpoint.history.losses = in.values<float>();
  checkpoint.history.validations = in.values<TrainingHistory::Validated>();
  checkpoint.trainer = in.part();
  checkpoint.best = in.part();
  checkpoint.best_iou = in.number<double>();
  checkpoint.best_threshold = in.number<double>();
  checkpoint.best_iou_at_threshold = in.number<double>();
  checkpoint.best_iteration = in.number<std::int64_t>();
  in.require_end();
  return checkpoint;
}

void require_same_setting(const std::string& path, const std::string& in_checkpoint,
                          const std::string& wanted) {
  const auto theirs = nlohmann::ordered_json::parse(in_checkpoint);
  const auto ours = nlohmann::ordered_json::parse(wanted);
  for (const auto& [key, value] : ours.items()) {
    const auto found = theirs.find(key);
    if (found != theirs.end() && *found == value) continue;
    throw std::invalid_argument(path + " is of a training with another " + key + ": " +
                                (found == theirs.end() ? "none" : found->dump()) + ", not " + value.dump());
  }
}

}  // namespace fibflow::pipeline
