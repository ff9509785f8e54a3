#define FIBFLOW_ISA isa_generic
#include "model/kernels_body.h"
