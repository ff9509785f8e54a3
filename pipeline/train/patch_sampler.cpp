#include "pipeline/train/patch_sampler.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace fibflow::pipeline {

PatchSampler::PatchSampler(LabelledSlices& slices, const nodes::Affine& affine, const PatchOptions& options,
                           nodes::ParallelLoop loop)
    : slices_(slices),
      affine_(affine),
      options_(options),
      loop_(std::move(loop)),
      augmenter_(options.augmentation, options.patch, options.patch) {
  const io::StackInfo& info = slices.info();
  if (options.patch > info.height || options.patch > info.width) {
    throw std::invalid_argument("patches of " + std::to_string(options.patch) + " pixels are larger than " +
                                info.path + "'s slices of " + std::to_string(info.height) + " x " +
                                std::to_string(info.width));
  }
  if (!(options.foreground_share >= 0 && options.foreground_share <= 1))
    throw std::invalid_argument("the share of foreground patches must be between 0 and 1");
  for (int c = 1; c < slices.classes(); ++c) {
    if (slices.voxels(c) > 0) foreground_.push_back(c);
  }
  if (foreground_.empty()) throw std::invalid_argument("there is no foreground to train on");
}

PatchSampler::Drawn PatchSampler::draw_slice(nodes::Random& random) const {
  const std::int64_t depth = slices_.range().size();
  if (!random.chance(options_.foreground_share)) return {random.below(depth), 0, 0};
  const auto choice = random.below(static_cast<std::int64_t>(foreground_.size()));
  const int of_class = foreground_[static_cast<std::size_t>(choice)];
  std::int64_t rank = random.below(slices_.voxels(of_class));
  std::int64_t n = 0;
  while (rank >= slices_.voxels(of_class, n)) rank -= slices_.voxels(of_class, n++);
  return {n, of_class, rank};
}

nodes::PatchPlace PatchSampler::place(const Drawn& drawn, const io::Slice& classes,
                                      nodes::Random& random) const {
  const int rows = classes.height() - options_.patch;
  const int columns = classes.width() - options_.patch;
  nodes::PatchPlace place;
  if (drawn.of_class == 0) {
    place.y = static_cast<int>(random.below(rows + 1));
    place.x = static_cast<int>(random.below(columns + 1));
    return place;
  }
  std::int64_t rank = drawn.rank;
  const auto voxels = classes.as<std::uint8_t>();
  const auto voxel = std::find_if(voxels.begin(), voxels.end(),
                                  [&](std::uint8_t c) { return c == drawn.of_class && rank-- == 0; }) -
                     voxels.begin();
  // Near the centre, as far as the slice allows: patches lie inside.
  const auto first = [&](std::int64_t centre, int last) {
    const std::int64_t shift = random.below(options_.patch / 2 + 1) - options_.patch / 4;
    return static_cast<int>(std::clamp<std::int64_t>(centre - options_.patch / 2 + shift, 0, last));
  };
  place.y = first(voxel / classes.width(), rows);
  place.x = first(voxel % classes.width(), columns);
  return place;
}

void PatchSampler::draw(std::int64_t iteration, std::span<float> images, std::span<std::uint8_t> classes) {
  const std::size_t pixels =
      static_cast<std::size_t>(options_.patch) * static_cast<std::size_t>(options_.patch);
  struct Sample {
    nodes::Random random;
    Drawn drawn;
    LabelledSlice slice;
  };
  std::vector<Sample> samples;
  for (int s = 0; s < options_.batch; ++s) {
    nodes::Random random{options_.seed, static_cast<std::uint64_t>(iteration), static_cast<std::uint64_t>(s),
                         0};
    const Drawn drawn = draw_slice(random);
    samples.push_back({random, drawn, slices_.read(drawn.slice)});
  }
  loop_(options_.batch, [&](int s) {
    const auto n = static_cast<std::size_t>(s);
    Sample& sample = samples[n];
    nodes::PatchPlace at = place(sample.drawn, sample.slice.classes, sample.random);
    at.seed = options_.seed;
    at.iteration = static_cast<std::uint64_t>(iteration);
    at.sample = n;
    augmenter_(sample.slice.image, affine_, sample.slice.classes, at, images.subspan(n * pixels, pixels),
               classes.subspan(n * pixels, pixels));
  });
}

}  // namespace fibflow::pipeline
