#include "nodes/tiles/entropy.h"

#include <cmath>
#include <numbers>

namespace fibflow::nodes {

void EntropySum::add_class(float probability) {
  if (probability > 0) nats_ -= static_cast<double>(probability) * std::log(probability);
}

double EntropySum::bits() const {
  return (nats_ - std::log(product_)) / std::numbers::ln2;
}

void EntropySum::take_logarithm() {
  nats_ -= std::log(product_);
  product_ = 1;
  factors_ = 0;
}

}  // namespace fibflow::nodes
