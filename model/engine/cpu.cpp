#include "model/engine/cpu.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <stdexcept>

namespace fibflow::model {
namespace {

InstructionSet of_the_processor() {
#if defined(__x86_64__) || defined(_M_X64)
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  const bool avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
  if (avx2 && avx512) return InstructionSet::avx512;
  if (avx2) return InstructionSet::avx2;
#endif
  return InstructionSet::generic;
}

/// The highest set that the environment allows; oneDNN takes no notice of names that it does not know, nor do we.
InstructionSet allowed() {
  const char* set = std::getenv("ONEDNN_MAX_CPU_ISA");
  if (set == nullptr) set = std::getenv("DNNL_MAX_CPU_ISA");
  std::string name = set == nullptr ? "" : set;
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  if (name == "SSE41" || name == "AVX") return InstructionSet::generic;
  if (name.starts_with("AVX2") || name.starts_with("AVX512_MIC")) return InstructionSet::avx2;
  return InstructionSet::avx512;
}

/// What is to be used, until it is.
struct Choice {
  std::mutex mutex;
  std::optional<InstructionSet> pinned;
  bool made = false;
};

Choice& choice() {
  static Choice it;
  return it;
}

constexpr InstructionSet all_sets[] = {InstructionSet::generic, InstructionSet::avx2, InstructionSet::avx512};

}  // namespace

InstructionSet largest_instruction_set() {
  static const InstructionSet largest = std::min(of_the_processor(), allowed());
  return largest;
}

InstructionSet instruction_set() {
  static const InstructionSet chosen = [] {
    const std::lock_guard lock(choice().mutex);
    choice().made = true;
    return choice().pinned.value_or(largest_instruction_set());
  }();
  return chosen;
}

void use_instruction_set(InstructionSet set) {
  if (set > largest_instruction_set()) {
    throw std::invalid_argument("this machine has no " + name_of(set) +
                                " instructions, or may not use them: " + name_of(largest_instruction_set()) +
                                " is the most");
  }
  bool made = false;
  {
    const std::lock_guard lock(choice().mutex);
    made = choice().made;
    if (!made) choice().pinned = set;
  }
  if (made && instruction_set() != set)
    throw std::logic_error("another instruction set is in use already: " + name_of(instruction_set()));
  if (made || set == largest_instruction_set()) return;
  const auto most = set == InstructionSet::avx2 ? dnnl::cpu_isa::avx2 : dnnl::cpu_isa::sse41;
  if (dnnl::set_max_cpu_isa(most) != dnnl::status::success)
    throw std::logic_error("oneDNN has chosen its instruction set already");
}

std::string name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::generic:
      return "generic";
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::avx512:
      return "avx512";
  }
  throw std::logic_error("unknown instruction set");
}

InstructionSet instruction_set_named(const std::string& name) {
  for (const InstructionSet set : all_sets) {
    if (name == name_of(set)) return set;
  }
  throw std::invalid_argument("no instruction set is called '" + name + "'");
}

int channel_block() {
  return instruction_set() == InstructionSet::avx512 ? 16 : 8;
}

}  // namespace fibflow::model
