#pragma once

#include <memory>
#include <string>

#include "io/tiff/tiff_stack.h"
#include "tests/fixtures/stack_failure.h"

namespace fibflow::io::testing {

inline std::unique_ptr<Stack> open_tiff(const std::string& path) {
  return std::make_unique<TiffStack>(path);
}
inline std::string failure(const std::string& path) {
  return failure(path, open_tiff);
}
inline ErrorKind failure_kind(const std::string& path) {
  return failure_kind(path, open_tiff);
}

}  // namespace fibflow::io::testing
