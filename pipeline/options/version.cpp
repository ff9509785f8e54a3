#include "pipeline/options/version.h"

namespace fibflow::pipeline {

const char* version() {
  return FIBFLOW_VERSION;
}

}  // namespace fibflow::pipeline
