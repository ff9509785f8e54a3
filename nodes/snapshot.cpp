#include "nodes/snapshot.h"

#include <stdexcept>

namespace fibflow::nodes {

const char* name_of(SliceState state) {
  switch (state) {
    case SliceState::adapting:
      return "adapting";
    case SliceState::monitored:
      return "monitored";
    case SliceState::frozen:
      return "frozen";
  }
  throw std::logic_error("unknown state of a slice");
}

}  // namespace fibflow::nodes
