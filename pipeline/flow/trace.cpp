#include "pipeline/flow/trace.h"

#include <cstddef>

namespace fibflow::pipeline {
namespace {

constexpr std::size_t write_at = 64 << 10;

std::string microseconds(std::chrono::steady_clock::duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

}  // namespace

Trace::Trace(const std::string& path, bool overwrite) : file_(path, overwrite), pending_("[") {}

void Trace::span(const char* node, Place place, Time begin, Time end) {
  const std::lock_guard lock(mutex_);
  const int thread =
      threads_.try_emplace(std::this_thread::get_id(), static_cast<int>(threads_.size())).first->second;
  if (pending_.size() > 1 || pending_.empty()) pending_ += ",";
  pending_ +=
      "\n{\"name\":\"" + std::string(node) + "\",\"ph\":\"X\",\"pid\":1,\"tid\":" + std::to_string(thread) +
      ",\"ts\":" + microseconds(begin - start_) + ",\"dur\":" + microseconds(end - begin) + ",\"args\":{";
  if (place.z >= 0) pending_ += "\"slice\":" + std::to_string(place.z);
  if (place.z >= 0 && place.tile >= 0) pending_ += ",";
  if (place.tile >= 0) pending_ += "\"tile\":" + std::to_string(place.tile);
  pending_ += "}}";
  if (pending_.size() < write_at) return;
  file_.write(pending_.data(), pending_.size());
  pending_.clear();
}

void Trace::finish() {
  const std::lock_guard lock(mutex_);
  pending_ += "\n]\n";
  file_.write(pending_.data(), pending_.size());
  file_.commit();
}

}  // namespace fibflow::pipeline
