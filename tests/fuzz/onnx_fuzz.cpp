// Takes any bytes for a model, and what it takes it writes again and plans a tile of: ModelError is the only way to fail.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "model/tile/inference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fibflow::model;
  try {
    const Network network = Network::parse(std::as_bytes(std::span(data, size)), "model.onnx");
    const std::string again = network.with_statistics(network.source_statistics(), {});
    const Network written = Network::parse(std::as_bytes(std::span(again)), "again.onnx");
    if (written.batch_norms().size() != network.batch_norms().size()) std::abort();
    const Inference inference(network, 48, 40);
    inference.cost({{0, 48}, {0, 40}}, PlanKind::frozen);
    inference.cost({{0, 24}, {8, 24}}, PlanKind::measured);
  } catch (const ModelError&) {
    // The right answer to a broken model.
  }
  return 0;
}
