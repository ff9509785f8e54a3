// One slice of several stacks next to each other as a picture: an image, the truth, masks before and after.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <vector>

#include "io/formats/formats.h"
#include "io/png/png.h"

using namespace fibflow;

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s PICTURE.png SLICE STACK.tif...   (8-bit stacks of one shape)\n", argv[0]);
    return 64;
  }
  const long z = std::strtol(argv[2], nullptr, 10);
  std::vector<io::Slice> slices;
  for (int i = 3; i < argc; ++i) {
    const auto stack = io::open_stack(argv[i]);
    slices.push_back(stack->read(z));
    if (slices.back().height() != slices.front().height())
      throw std::runtime_error(std::string(argv[i]) + ": differs in height");
  }
  const int gap = 8;
  const int height = slices.front().height();
  int width = -gap;
  for (const io::Slice& s : slices) width += s.width() + gap;
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(height) * static_cast<std::size_t>(width), 128);
  std::size_t left = 0;
  for (const io::Slice& s : slices) {
    const auto voxels = s.as<std::uint8_t>();
    for (std::size_t i = 0; i < voxels.size(); ++i) {
      const auto w = static_cast<std::size_t>(s.width());
      picture[i / w * static_cast<std::size_t>(width) + left + i % w] = voxels[i];
    }
    left += static_cast<std::size_t>(s.width() + gap);
  }
  io::write_png(argv[1], width, height, 1, picture, true);
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 65;
}
