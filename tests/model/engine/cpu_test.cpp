#include "model/engine/cpu.h"

#include <gtest/gtest.h>

#include <dnnl.hpp>

namespace fibflow::model {
namespace {

// Run once as it is and once for each name that the environment can give (tests/model/CMakeLists.txt).
TEST(CpuTest, OurKernelsAndOneDnnUseTheSameInstructions) {
  const dnnl::cpu_isa theirs = dnnl::get_effective_cpu_isa();
  const InstructionSet ours = theirs >= dnnl::cpu_isa::avx512_core ? InstructionSet::avx512
                              : theirs >= dnnl::cpu_isa::avx2      ? InstructionSet::avx2
                                                                   : InstructionSet::generic;
  EXPECT_EQ(name_of(instruction_set()), name_of(ours));
  EXPECT_EQ(channel_block(), ours == InstructionSet::avx512 ? 16 : 8);
}

TEST(CpuTest, ChannelsAreFilledUpToWholeBlocks) {
  EXPECT_EQ(padded(1, 16), 16);
  EXPECT_EQ(padded(16, 16), 16);
  EXPECT_EQ(padded(17, 8), 24);
}

}  // namespace
}  // namespace fibflow::model
