#include "nodes/tiles/snapshot.h"

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

SliceState slice_state_named(const std::string& name) {
  for (const SliceState state : {SliceState::adapting, SliceState::monitored, SliceState::frozen}) {
    if (name == name_of(state)) return state;
  }
  throw std::invalid_argument("no state of a slice is called '" + name + "'");
}

}  // namespace fibflow::nodes
