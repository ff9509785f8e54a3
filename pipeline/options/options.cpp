#include "pipeline/options/options.h"

#include <stdexcept>

namespace fibflow::pipeline {

const char* name_of(Recipe recipe) {
  switch (recipe) {
    case Recipe::stream:
      return "stream";
    case Recipe::two_pass:
      return "two-pass";
    case Recipe::none:
      return "none";
  }
  throw std::logic_error("unknown recipe");
}

const char* name_of(NormalizeBy by) {
  return by == NormalizeBy::running ? "running" : "batch";
}

const char* name_of(nodes::Featureless featureless) {
  return featureless == nodes::Featureless::counts ? "count" : "leave-out";
}

const char* name_of(Freeze freeze) {
  switch (freeze) {
    case Freeze::never:
      return "never";
    case Freeze::probe:
      return "probe";
    case Freeze::settled:
      return "settled";
  }
  throw std::logic_error("unknown freeze");
}

const char* name_of(ProbeOrder order) {
  return order == ProbeOrder::spread ? "spread" : "first";
}

const char* name_of(OnDoubt on_doubt) {
  switch (on_doubt) {
    case OnDoubt::keep:
      return "keep";
    case OnDoubt::source:
      return "source";
    case OnDoubt::stop:
      return "stop";
  }
  throw std::logic_error("unknown reaction to doubt");
}

}  // namespace fibflow::pipeline
