#pragma once

#include <functional>

namespace fibflow::nodes {

/// Calls body(0), …, body(count - 1), in any order and at once if it likes, returns when all are done, and
/// rethrows the first exception. Nodes know no thread library; whoever runs them brings the loop.
using ParallelLoop = std::function<void(int count, const std::function<void(int)>& body)>;

/// One after another.
inline void serial_loop(int count, const std::function<void(int)>& body) {
  for (int i = 0; i < count; ++i) body(i);
}

}  // namespace fibflow::nodes
