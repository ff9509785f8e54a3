#include "io/memory_stack.h"

#include <memory>
#include <stdexcept>
#include <utility>

namespace fibflow::io {
namespace {

StackInfo info_of(std::string path, const std::vector<Slice>& slices) {
  if (slices.empty()) throw std::invalid_argument("a stack has at least one slice");
  StackInfo info;
  info.path = std::move(path);
  info.format = "memory";
  info.compression = "none";
  info.depth = static_cast<std::int64_t>(slices.size());
  info.height = slices.front().height();
  info.width = slices.front().width();
  info.type = slices.front().type();
  for (const Slice& slice : slices) {
    if (slice.height() != info.height || slice.width() != info.width || slice.type() != info.type)
      throw std::invalid_argument("the slices of a stack have one size and one type");
  }
  return info;
}

}  // namespace

MemoryStack::MemoryStack(std::string path, std::vector<Slice> slices)
    : info_(info_of(std::move(path), slices)),
      make_([kept = std::make_shared<const std::vector<Slice>>(std::move(slices))](std::int64_t z) {
        return (*kept)[static_cast<std::size_t>(z)].at(z);
      }) {}

MemoryStack::MemoryStack(StackInfo info, MakeSlice make) : info_(std::move(info)), make_(std::move(make)) {}

Slice MemoryStack::read(std::int64_t z) {
  if (z < 0 || z >= info_.depth) {
    throw std::out_of_range("slice " + std::to_string(z) + " of a stack of " + std::to_string(info_.depth));
  }
  return make_(z);
}

}  // namespace fibflow::io
