#include "tests/acquisition/perturbed_stack.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <random>
#include <stdexcept>
#include <utility>

#include "io/formats/formats.h"
#include "io/memory_stack.h"
#include "io/phantom/phantom.h"

namespace fibflow::testing {
namespace {

/// A wave over z, its phase drawn from the seed.
struct Wave {
  double period;
  double phase;
  double at(std::int64_t z) const {
    return std::sin(2 * std::numbers::pi * (static_cast<double>(z) / period + phase));
  }
};

std::array<Wave, 3> waves(unsigned seed) {
  std::mt19937 random(seed);
  const auto phase = [&] { return random() / 4294967296.0; };
  return {Wave{190, phase()}, Wave{310, phase()}, Wave{73, phase()}};
}

/// Where z lies when `depth` slices are played forth and back: 0 1 2 1 0 1 2 ...
std::int64_t bounced(std::int64_t z, std::int64_t depth) {
  if (depth == 1) return 0;
  const std::int64_t along = z % (2 * depth - 2);
  return along < depth ? along : 2 * depth - 2 - along;
}

}  // namespace

PerturbedStack::PerturbedStack(std::unique_ptr<io::Stack> source, Perturbation perturbation)
    : source_(std::move(source)), perturbation_(perturbation), info_(source_->info()) {
  if (info_.type != io::PixelType::u8) throw std::invalid_argument(info_.path + ": not of 8-bit slices");
  if (perturbation.slices < 1) throw std::invalid_argument("no slices");
  if (perturbation.height > info_.height || perturbation.width > info_.width || perturbation.height < 0 ||
      perturbation.width < 0) {
    throw std::invalid_argument(info_.path + ": its slices are smaller than the window");
  }
  info_.depth = perturbation.slices;
  if (perturbation.height > 0) info_.height = perturbation.height;
  if (perturbation.width > 0) info_.width = perturbation.width;
}

io::Slice PerturbedStack::read(std::int64_t z) {
  if (z < 0 || z >= info_.depth) throw std::out_of_range("slice " + std::to_string(z));
  const io::StackInfo& whole = source_->info();
  const io::Slice slice = source_->read(bounced(z, whole.depth));
  const auto voxels = slice.as<std::uint8_t>();
  const auto [brightness, contrast, focus] = waves(perturbation_.seed);
  const double gain = 1 + 0.15 * perturbation_.strength * contrast.at(z);
  const double offset = 12 * perturbation_.strength * brightness.at(z);
  const double blur = std::min(1.0, 0.4 * perturbation_.strength * (1 + focus.at(z)));
  // One more mirror image for each time that the source is played.
  const std::int64_t round = z / std::max<std::int64_t>(whole.depth - 1, 1);
  const bool mirror_y = round / 2 % 2 == 1;
  const bool mirror_x = round / 4 % 2 == 1;

  const int top = (whole.height - info_.height) / 2;
  const int left = (whole.width - info_.width) / 2;
  const auto voxel = [&](int y, int x) {
    y = std::clamp(mirror_y ? info_.height - 1 - y : y, 0, info_.height - 1) + top;
    x = std::clamp(mirror_x ? info_.width - 1 - x : x, 0, info_.width - 1) + left;
    return static_cast<int>(voxels[static_cast<std::size_t>(y) * static_cast<std::size_t>(whole.width) +
                                   static_cast<std::size_t>(x)]);
  };
  const auto pixels = static_cast<std::size_t>(info_.height) * static_cast<std::size_t>(info_.width);
  std::shared_ptr<std::byte[]> out(new std::byte[pixels]);
  std::size_t at = 0;
  for (int y = 0; y < info_.height; ++y) {
    for (int x = 0; x < info_.width; ++x) {
      const int cross = voxel(y - 1, x) + voxel(y + 1, x) + voxel(y, x - 1) + voxel(y, x + 1);
      const double sharp = voxel(y, x);
      const double seen = (1 - blur) * sharp + blur * (sharp + cross) / 5;
      const double value = std::clamp((seen - 128) * gain + 128 + offset, 0.0, 255.0);
      out[at++] = static_cast<std::byte>(std::lround(value));
    }
  }
  return io::Slice(z, info_.height, info_.width, io::PixelType::u8, std::move(out));
}

std::unique_ptr<io::Stack> open_source(const std::string& path, std::int64_t depth) {
  io::PhantomParameters parameters;
  parameters.depth = depth;
  parameters.height = 128;
  parameters.width = 128;
  for (const io::Fixation fixation : {io::Fixation::chemical, io::Fixation::cryo}) {
    if (path != std::string("phantom:") + io::name_of(fixation)) continue;
    parameters.fixation = fixation;
    io::StackInfo info;
    info.path = path;
    info.format = "phantom";
    info.depth = parameters.depth;
    info.height = parameters.height;
    info.width = parameters.width;
    return std::make_unique<io::MemoryStack>(
        std::move(info),
        [phantom = std::make_shared<io::Phantom>(parameters)](std::int64_t z) { return phantom->image(z); });
  }
  return io::open_stack(path);
}

std::string hash_of(const io::Slice& slice) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (std::size_t i = 0; i < slice.size_bytes(); ++i) {
    hash = (hash ^ static_cast<std::uint64_t>(slice.data()[i])) * 1099511628211ULL;
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace fibflow::testing
