#define FIBFLOW_ISA isa_avx512
#define FIBFLOW_BLOCK 16
#include "model/training/training_kernels_body.h"
