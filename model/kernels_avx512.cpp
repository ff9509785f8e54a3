#define FIBFLOW_ISA isa_avx512
#include "model/kernels_body.h"
