#include "model/engine/cpu.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
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

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet chosen = std::min(of_the_processor(), allowed());
  return chosen;
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

int channel_block() {
  return instruction_set() == InstructionSet::avx512 ? 16 : 8;
}

}  // namespace fibflow::model
