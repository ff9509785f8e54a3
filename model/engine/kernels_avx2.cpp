#define FIBFLOW_ISA isa_avx2
#include "model/engine/kernels_body.h"
