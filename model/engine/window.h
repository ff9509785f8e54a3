#pragma once

// Internal to model/.

#include <compare>

namespace fibflow::model {

/// A window that slides along one axis.
struct Window {
  int kernel = 1;
  int stride = 1;
  int dilation = 1;
  int pad_begin = 0;
  int pad_end = 0;

  int span() const { return (kernel - 1) * dilation + 1; }
  friend auto operator<=>(const Window&, const Window&) = default;
};

}  // namespace fibflow::model
