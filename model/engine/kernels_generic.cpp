#define FIBFLOW_ISA isa_generic
#include "model/engine/kernels_body.h"
