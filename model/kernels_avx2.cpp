#define FIBFLOW_ISA isa_avx2
#include "model/kernels_body.h"
