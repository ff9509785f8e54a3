#pragma once

#include <string>

namespace fibflow::model {

/// The vector instructions that kernels are chosen by; each has those before it.
enum class InstructionSet { generic, avx2, avx512 };

/// What the convolutions and our own kernels use on this machine: what the processor has, but no more than
/// ONEDNN_MAX_CPU_ISA (or DNNL_MAX_CPU_ISA) allows, read when first asked for: one setting governs oneDNN and us.
InstructionSet instruction_set();

/// What could be used: what the processor has and the environment allows.
InstructionSet largest_instruction_set();

/// Lets the convolutions and our own kernels use this set and no larger one: others round otherwise, and what was begun with one
/// is to be ended with it. Before anything asks for the set. Throws std::invalid_argument if it is larger than the largest,
/// std::logic_error if another one is in use already.
void use_instruction_set(InstructionSet set);

/// "generic", "avx2", "avx512".
std::string name_of(InstructionSet set);
/// Throws std::invalid_argument if none has this name.
InstructionSet instruction_set_named(const std::string& name);

/// Channels of one block: feature maps are [channels / block][height][width][block], the last block filled up with
/// zeros. 16 where AVX-512 is there, else 8: what oneDNN's convolutions want.
int channel_block();

/// channels rounded up to whole blocks.
inline int padded(int channels, int block) {
  return (channels + block - 1) / block * block;
}

}  // namespace fibflow::model
