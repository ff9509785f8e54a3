#define FIBFLOW_ISA isa_avx2
#define FIBFLOW_BLOCK 8
#include "model/training/training_kernels_body.h"
