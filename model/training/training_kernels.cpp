#include "model/training/training_kernels.h"

#include "model/engine/cpu.h"

namespace fibflow::model {

namespace isa_avx512 {
extern const TrainingKernels training_table;
}
namespace isa_avx2 {
extern const TrainingKernels training_table;
}
namespace isa_generic {
extern const TrainingKernels training_table;
}

const TrainingKernels& training_kernels() {
  static const TrainingKernels& chosen =
      instruction_set() == InstructionSet::avx512 ? isa_avx512::training_table
      : instruction_set() == InstructionSet::avx2 ? isa_avx2::training_table
                                                  : isa_generic::training_table;
  return chosen;
}

}  // namespace fibflow::model
