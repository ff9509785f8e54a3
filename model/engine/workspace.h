#pragma once

#include <cstddef>

namespace fibflow::model {

/// Memory that one worker computes in: activations, reused from layer to layer, and from tile to tile.
/// Not thread-safe: one worker, one workspace.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  /// Grows to at least this many bytes (64-byte aligned); what it held is lost when it grows.
  void reserve(std::size_t bytes);
  float* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  float* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace fibflow::model
