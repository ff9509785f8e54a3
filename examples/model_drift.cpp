// How far apart the statistics of two models are, layer by layer: which parts of a network an adaptation moved.

#include <algorithm>
#include <cstdio>
#include <exception>

#include "model/statistics/drift.h"
#include "model/tile/network.h"

using namespace fibflow;

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s SOURCE.onnx ADAPTED.onnx\n", argv[0]);
    return 64;
  }
  const model::Network source = model::Network::load(argv[1]);
  const model::Network adapted = model::Network::load(argv[2]);
  const model::Drift drift = model::drift(source.source_statistics(), adapted.source_statistics());
  for (std::size_t i = 0; i < drift.layers.size(); ++i) {
    std::printf("%-12s %8.3f\n", source.batch_norms()[i].name.c_str(), drift.layers[i]);
  }
  const auto farthest = std::max_element(drift.layers.begin(), drift.layers.end()) - drift.layers.begin();
  std::printf("%.4f per channel; %s moved farthest\n", drift.per_channel,
              source.batch_norms()[static_cast<std::size_t>(farthest)].name.c_str());
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 65;
}
