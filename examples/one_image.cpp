// Runs a network over one image in memory, without files, graphs or adaptation: the engine alone.

#include <algorithm>
#include <cstdio>
#include <vector>

#include "model/tile/inference.h"
#include "model/training/unet.h"

using namespace fibflow;

int main() {
  // Network::load("model.onnx") reads a file; here an untrained U-Net is made on the spot.
  const std::string onnx = model::unet_onnx(
      {.channels = 8, .depth = 3}, [](const model::UNetTensor& t) { return model::initial_values(t, 1); });
  const model::Network network = model::Network::parse(std::as_bytes(std::span(onnx)), "untrained");

  const int height = 200;
  const int width = 300;
  const model::Inference inference(network, height, width);
  const auto plan = inference.plan({{0, height}, {0, width}}, model::PlanKind::frozen);
  const auto weights = inference.freeze(network.source_statistics());

  // The plan says which part of the image it wants. It sticks out where the network needs multiples of 8 pixels:
  // mirror the image there.
  model::Workspace workspace;
  const std::span<float> input = plan->input(workspace);
  const model::Region part = plan->input_region();
  const auto mirrored = [](int i, int size) { return i < 0 ? -i : i >= size ? 2 * size - 2 - i : i; };
  std::size_t at = 0;
  for (int y = part.y.begin; y < part.y.end; ++y) {
    for (int x = part.x.begin; x < part.x.end; ++x) {
      input[at++] = static_cast<float>((mirrored(y, height) * mirrored(x, width)) % 256) / 255;
    }
  }
  plan->run(workspace, *weights, nullptr, nullptr);

  std::vector<float> logits(static_cast<std::size_t>(height) * width);
  plan->read_output(workspace, logits);
  const auto [low, high] = std::minmax_element(logits.begin(), logits.end());
  std::printf("logits from %.3f to %.3f, computed with %.1f million multiply-adds\n", *low, *high,
              plan->multiply_adds() / 1e6);
}
