#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/live/acquisition.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {

using std::chrono::milliseconds;
using testing::TemporaryFolder;
using Kind = AcquisitionNote::Kind;
namespace fs = std::filesystem;

inline constexpr milliseconds never{3'600'000};

/// A TIFF of one slice, 8 bit, 12 x 10 or as given; voxels from `value` on, `zeros` rows of zeros at its end.
inline std::string tiff(int value, int height = 12, int width = 10, int zeros = 0) {
  TemporaryFolder folder;
  std::vector<std::uint8_t> voxels;
  for (int i = 0; i < height * width; ++i) {
    voxels.push_back(i < (height - zeros) * width ? static_cast<std::uint8_t>(value + i % 100) : 0);
  }
  testing::MemoryStack<std::uint8_t> stack("memory", 1, height, width, voxels);
  testing::write_tiff(stack, folder / "slice.tif");
  return testing::bytes_of(folder / "slice.tif");
}

class AcquisitionTest : public ::testing::Test {
 protected:
  AcquisitionTest() {
    options.folder = folder / "run";
    fs::create_directory(options.folder);
    options.settle = milliseconds(0);
    options.poll = milliseconds(20);
    options.wait_missing = never;
    options.wait_black = never;
    options.first = 1;
  }

  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(options.folder + "/" + name, std::ios::binary) << bytes;
  }
  void slice(int number) const { write("slice_" + std::to_string(number) + ".tif", tiff(number)); }

  Acquisition& start() {
    return acquisition.emplace(options, [this](const AcquisitionNote& note) { notes.push_back(note); });
  }

  /// Waits for the next slice.
  AcquiredSlice next() {
    for (;;) {
      if (auto taken = acquisition->take()) return *std::move(taken);
      acquisition->wait(never);
    }
  }

  /// Numbers of all that can be had now.
  std::vector<std::int64_t> ready() {
    std::vector<std::int64_t> numbers;
    while (const auto taken = acquisition->take()) numbers.push_back(taken->number);
    return numbers;
  }

  /// Waits until such a note has come, taking what can be had.
  AcquisitionNote note(Kind kind) {
    for (;;) {
      for (const AcquisitionNote& found : notes) {
        if (found.kind == kind) return found;
      }
      if (!acquisition->take()) acquisition->wait(never);
    }
  }
  std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(notes.begin(), notes.end(), [&](const auto& found) { return found.kind == kind; }));
  }

  TemporaryFolder folder;
  AcquisitionOptions options;
  std::optional<Acquisition> acquisition;
  std::vector<AcquisitionNote> notes;
};

using Numbers = std::vector<std::int64_t>;

}  // namespace fibflow::pipeline
