#include "model/engine/workspace.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <utility>

namespace fibflow::model {

Workspace::Workspace() = default;
Workspace::~Workspace() {
  std::free(data_);
}

Workspace::Workspace(Workspace&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Workspace& Workspace::operator=(Workspace&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void Workspace::reserve(std::size_t bytes) {
  if (bytes <= size_) return;
  // Huge pages spare the convolutions most of their TLB misses; asking is harmless where there are none.
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const std::size_t alignment = bytes >= huge_page ? huge_page : 64;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  std::free(data_);
  data_ = nullptr;
  size_ = 0;
  data_ = static_cast<float*>(std::aligned_alloc(alignment, rounded));
  if (data_ == nullptr) throw std::bad_alloc();
  if (alignment == huge_page) madvise(data_, rounded, MADV_HUGEPAGE);
  size_ = rounded;
}

}  // namespace fibflow::model
