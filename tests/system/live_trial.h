#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/acquisition/acquisition_script.h"
#include "tests/acquisition/perturbed_stack.h"

namespace fibflow::testing {

/// A whole acquisition that `fibflow watch` follows while it is killed again and again, and what is compared.
struct TrialOptions {
  std::string source;  ///< stack, or phantom:chemical
  std::string model;   ///< ONNX
  std::string folder;  ///< for everything that is made; there, and empty
  Perturbation perturbation;
  ScriptOptions script;      ///< without its folder
  double settle = 0.3;       ///< seconds
  double missing_wait = 10;  ///< seconds that a missing number is waited for
  int kills = 3;
  unsigned seed = 1;                 ///< of the kills
  std::vector<std::string> options;  ///< of both the live and the batch run
  double limit = 1500;               ///< seconds after which the trial is given up
};

/// Each of the first six must be 0.
struct TrialResult {
  std::int64_t lost = 0;       ///< slices that came and have no mask
  std::int64_t doubled = 0;    ///< slices that were segmented into the stack or the records more than once
  std::int64_t early = 0;      ///< masks that were there before their slices were complete
  std::int64_t different = 0;  ///< masks that are not the batch run's
  std::int64_t invented = 0;   ///< masks of no slice
  bool stack_differs = false;  ///< the stack at the end is not the batch run's, page by page
  std::int64_t slices = 0;     ///< that came
  std::int64_t missing = 0;    ///< numbers that never came
  int kills = 0;
  int starts = 0;             ///< of the program
  double seconds = 0;         ///< of the acquisition with its masks
  double median_latency = 0;  ///< seconds from a complete file to its mask on disk, as seen from outside
  double p99_latency = 0;
  double longest_latency = 0;
  std::size_t memory_at_10 = 0;      ///< resident bytes of the program at the tenth mask
  std::size_t memory_at_end = 0;     ///< the same at the last one
  std::vector<std::string> remarks;  ///< what was wrong, the first few of each

  bool is_clean() const {
    return lost == 0 && doubled == 0 && early == 0 && different == 0 && invented == 0 && !stack_differs;
  }
};

/// Throws std::runtime_error if a program cannot be run or does not end as it should, with what it said.
TrialResult run_trial(const TrialOptions& options, const std::function<void(const std::string&)>& tell);

/// The result as a table for people.
std::string table_of(const TrialResult& result);

}  // namespace fibflow::testing
