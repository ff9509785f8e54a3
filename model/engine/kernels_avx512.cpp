#define FIBFLOW_ISA isa_avx512
#include "model/engine/kernels_body.h"
