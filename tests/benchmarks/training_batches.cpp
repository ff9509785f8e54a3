// Writes what `fibflow train` would see, for others to train on: training_comparison.py does it with PyTorch.
//
//     training_batches IMAGES LABELS ITERATIONS [CHANNELS DEPTH BATCH PATCH SEED]
//
// To standard output, in this machine's byte order: one line of JSON with the sizes, the normalization and the
// tensors; the initial values of the tensors (float); then for each iteration the images (float) and their
// classes (one byte each), both [batch, patch, patch]. As with the defaults of `fibflow train`, the last 15 % of
// the slices are not used.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/formats/formats.h"
#include "model/training/unet_values.h"
#include "pipeline/train/labelled_slices.h"
#include "pipeline/train/patch_sampler.h"
#include "pipeline/train/train.h"

namespace {

using namespace fibflow;

template <typename T>
void write(std::span<const T> values) {
  if (std::fwrite(values.data(), sizeof(T), values.size(), stdout) != values.size())
    throw std::runtime_error("nobody reads on");
}

void run(const std::string& images_path, const std::string& labels_path, std::int64_t iterations,
         const pipeline::TrainingOptions& options) {
  const auto images = io::open_stack(images_path);
  const auto labels = io::open_stack(labels_path);
  const std::int64_t depth = images->info().depth;
  const auto kept = std::max<std::int64_t>(1, std::llround(options.validation * static_cast<double>(depth)));
  const pipeline::RunHooks hooks;
  pipeline::LabelledSlices slices(*images, *labels, {0, depth - kept}, options.classes,
                                  pipeline::Foreground::labels, hooks);
  const nodes::IntensityRange range = nodes::IntensityRange::of(images->info().type);
  const nodes::IntensityMoments intensities = slices.intensities().moments().in(range);
  const nodes::Normalization normalization = nodes::Normalization::parse(
      nodes::Normalization{nodes::Normalization::Kind::zscore, intensities.mean, intensities.deviation()}
          .text());
  const nodes::Affine affine = nodes::standardize(range, normalization.first, normalization.second);
  const pipeline::PatchOptions& patches = options.patches;
  pipeline::PatchSampler sampler(slices, affine, patches,
                                 [](int count, const std::function<void(int)>& body) {
                                   for (int i = 0; i < count; ++i) body(i);
                                 });

  model::UNet shape;
  shape.channels = options.channels;
  shape.depth = options.depth;
  const model::UNetValues values = model::UNetValues::initial(shape, patches.seed);
  nlohmann::ordered_json header{{"iterations", iterations},
                                {"channels", options.channels},
                                {"depth", options.depth},
                                {"batch", patches.batch},
                                {"patch", patches.patch},
                                {"learning_rate", options.learning_rate},
                                {"normalization", normalization.text()}};
  for (const model::UNetTensor& tensor : values.tensors())
    header["tensors"].push_back({tensor.name, tensor.dims});
  std::printf("%s\n", header.dump().c_str());
  write(values.all());

  const std::size_t voxels = static_cast<std::size_t>(patches.batch) *
                             static_cast<std::size_t>(patches.patch) *
                             static_cast<std::size_t>(patches.patch);
  std::vector<float> batch(voxels);
  std::vector<std::uint8_t> classes(voxels);
  for (std::int64_t i = 0; i < iterations; ++i) {
    sampler.draw(i, batch, classes);
    write(std::span<const float>(batch));
    write(std::span<const std::uint8_t>(classes));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "training_batches IMAGES LABELS ITERATIONS [CHANNELS DEPTH BATCH PATCH SEED]\n");
    return 64;
  }
  const auto argument = [&](int i, int otherwise) { return i < argc ? std::atoi(argv[i]) : otherwise; };
  pipeline::TrainingOptions options;
  options.channels = argument(4, options.channels);
  options.depth = argument(5, options.depth);
  options.patches.batch = argument(6, options.patches.batch);
  options.patches.patch = argument(7, options.patches.patch);
  options.patches.seed = static_cast<std::uint64_t>(argument(8, static_cast<int>(options.patches.seed)));
  try {
    run(argv[1], argv[2], std::atoll(argv[3]), options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "training_batches: %s\n", error.what());
    return 1;
  }
}
