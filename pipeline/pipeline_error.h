#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace fibflow::pipeline {

/// The first failure of a run: what() reads "slice 17, tile 3 (segmenter): cause". Thrown with the cause
/// nested, which decides the exit code.
class PipelineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The memory budget cannot work; what() names the smallest that can.
class BudgetTooSmall : public std::invalid_argument {
 public:
  BudgetTooSmall(const std::string& message, std::size_t smallest)
      : std::invalid_argument(message), smallest_(smallest) {}

  std::size_t smallest() const { return smallest_; }  ///< bytes

 private:
  std::size_t smallest_;
};

}  // namespace fibflow::pipeline
