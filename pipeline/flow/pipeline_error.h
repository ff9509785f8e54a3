#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace fibflow::pipeline {

/// The first failure of a run: what() reads "slice 17, tile 3 (segmenter): cause". Thrown with the cause
/// nested, which decides the exit code.
class PipelineError : public std::runtime_error {
 public:
  /// z: of the slice that it is about; negative if it is about none.
  explicit PipelineError(const std::string& message, std::int64_t z = -1)
      : std::runtime_error(message), z_(z) {}

  std::int64_t z() const { return z_; }

 private:
  std::int64_t z_;
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

struct RunReport;

/// A run was to stop if adaptation does not seem to help, and it does not. what() says why.
class Doubtful : public std::runtime_error {
 public:
  Doubtful(const std::string& message, std::shared_ptr<const RunReport> report)
      : std::runtime_error(message), report_(std::move(report)) {}

  const RunReport& report() const { return *report_; }  ///< up to there

 private:
  std::shared_ptr<const RunReport> report_;
};

}  // namespace fibflow::pipeline
