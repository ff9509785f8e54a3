#include "model/engine/convolution.h"

#include <stdexcept>

#include "model/engine/onednn_convolution.h"
#include "model/engine/reference_convolution.h"

namespace fibflow::model {

bool fuses(Activation::Kind kind) {
  using Kind = Activation::Kind;
  return kind == Kind::none || kind == Kind::relu || kind == Kind::leaky_relu || kind == Kind::elu ||
         kind == Kind::sigmoid || kind == Kind::tanh;
}

std::span<const ConvolutionEngine> convolution_engines() {
  static const ConvolutionEngine engines[] = {onednn_convolutions, reference_convolutions};
  return engines;
}

std::unique_ptr<Convolution> make_convolution(const ConvolutionShape& shape) {
  for (const ConvolutionEngine& engine : convolution_engines()) {
    if (engine.accepts(shape)) return engine.make(shape);
  }
  throw std::logic_error("no implementation takes a convolution");
}

std::size_t convolution_scratch_bytes(const ConvolutionShape& shape) {
  for (const ConvolutionEngine& engine : convolution_engines()) {
    if (const auto scratch = engine.accepts(shape)) return *scratch;
  }
  throw std::logic_error("no implementation takes a convolution");
}

}  // namespace fibflow::model
