#include "model/training/training_kernels.h"

#include "model/engine/cpu.h"

namespace fibflow::model {

namespace isa_avx512 {
extern const TrainingKernels kTrainingTable;
}
namespace isa_avx2 {
extern const TrainingKernels kTrainingTable;
}
namespace isa_generic {
extern const TrainingKernels kTrainingTable;
}

const TrainingKernels& training_kernels() {
  static const TrainingKernels& chosen =
      instruction_set() == InstructionSet::avx512 ? isa_avx512::kTrainingTable
      : instruction_set() == InstructionSet::avx2 ? isa_avx2::kTrainingTable
                                                  : isa_generic::kTrainingTable;
  return chosen;
}

}  // namespace fibflow::model
