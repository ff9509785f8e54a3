#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/formats/formats.h"
#include "tests/acquisition/perturbed_stack.h"
#include "tests/acquisition/tiff_bytes.h"
#include "tests/acquisition/writer_style.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"
#include "tests/system/live_output.h"
#include "tests/system/running_program.h"

namespace fibflow::testing {

inline int number_from(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoi(text);
}

/// Whether a program that had `before` bytes may have `after` of them now: a few buffers more, nothing that grows.
inline bool is_bounded(std::size_t before, std::size_t after) {
#ifdef FIBFLOW_SANITIZED
  return before > 0 && after > 0;  // a sanitizer keeps what is freed
#else
  return after < before + (std::size_t{24} << 20);
#endif
}

/// A folder of slices, and a daemon that follows it.
class LiveTest : public ::testing::Test {
 protected:
  LiveTest() { std::filesystem::create_directory(in("")); }

  std::string in(const std::string& name) const { return folder / ("in/" + name); }
  static std::string name_of_slice(std::int64_t z) { return "slice_" + std::to_string(1000 + z) + ".tif"; }
  static std::string model() { return std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx"; }
  /// The true slice. Heights and widths are small: it is not the network that is tested.
  io::Slice slice(std::int64_t z) const { return textured_slice(z, 48, 64); }
  std::string slice_bytes(std::int64_t z) const { return tiff_bytes(slice(z), TiffLayout::directory_first); }

  /// Lets slice z appear at once, as a whole.
  void put(std::int64_t z) const { put(z, slice_bytes(z)); }
  void put(std::int64_t z, const std::string& bytes) const {
    std::ofstream(in("hidden.part"), std::ios::binary) << bytes;
    std::filesystem::rename(in("hidden.part"), in(name_of_slice(z)));
  }
  void put(std::int64_t first, std::int64_t end) const {
    for (std::int64_t z = first; z < end; ++z) put(z);
  }

  /// `more`: options with their values, in pairs; they replace the usual ones.
  std::vector<std::string> arguments(const std::vector<std::string>& more = {}) const {
    std::map<std::string, std::string> options{{"--model", model()},      {"--output", output.folder()},
                                               {"--settle", "100ms"},     {"--poll", "200ms"},
                                               {"--threads", "2"},        {"--first", "1000"},
                                               {"--wait-missing", "60s"}, {"--pattern", "slice_#.tif"},
                                               {"--smooth-z", "0"}};  // each mask comes at once
    for (std::size_t i = 0; i + 1 < more.size(); i += 2) options[more[i]] = more[i + 1];
    std::vector<std::string> all{"watch", in("")};
    for (const auto& [option, value] : options) all.insert(all.end(), {option, value});
    return all;
  }
  void start(const std::vector<std::string>& more = {}, const StartOptions& options = {}) {
    daemon.reset();
    daemon = std::make_unique<RunningProgram>(arguments(more), folder / "log", options);
  }

  bool has_mask(std::int64_t z) const { return std::filesystem::exists(output.mask(name_of_slice(z))); }
  /// Waits for the masks of these slices; the daemon has to live.
  ::testing::AssertionResult masks_come(std::int64_t first, std::int64_t end, double seconds = 60) {
    std::int64_t z = first;
    await(
        [&] {
          while (z < end && has_mask(z)) ++z;
          return z == end || !daemon->is_running();
        },
        seconds);
    if (z == end) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "no mask of slice " << z << (daemon->is_running() ? "" : ", and it has ended") << "\n"
           << daemon->said();
  }
  /// The status file; an empty object before there is one.
  nlohmann::json status() const {
    std::ifstream file(output.status());
    if (!file) return nlohmann::json::object();
    return nlohmann::json::parse(file);
  }
  /// Waits until the daemon is in this state.
  ::testing::AssertionResult state_comes(const std::string& state, double seconds = 60) {
    if (await([&] { return status().value("state", "") == state || !daemon->is_running(); }, seconds) &&
        daemon->is_running()) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << "the state is " << status().value("state", "") << "\n"
                                         << daemon->said();
  }
  ::testing::AssertionResult says(const std::string& text, double seconds = 60) {
    if (await([&] { return daemon->said().find(text) != std::string::npos; }, seconds))
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "never said '" << text << "'\n" << daemon->said();
  }
  /// Lets the daemon end, and returns its exit code.
  int stop() {
    std::ofstream(output.stop_file()) << "";
    const auto end = daemon->wait();
    return end ? end->code : -1;
  }
  /// Compares the masks of slices [first, end) but those left out with a batch run's over the same slices.
  void expect_masks_of_batch(std::int64_t first, std::int64_t end,
                             const std::vector<std::int64_t>& without = {}) {
    std::filesystem::remove_all(folder / "truth");
    std::filesystem::create_directory(folder / "truth");
    std::vector<std::int64_t> slices;
    for (std::int64_t z = first; z < end; ++z) {
      if (std::find(without.begin(), without.end(), z) != without.end()) continue;
      slices.push_back(z);
      std::ofstream(folder / ("truth/" + name_of_slice(z)), std::ios::binary) << slice_bytes(z);
    }
    RunningProgram batch(
        {"segment", folder / "truth", "--smooth-z", "0", "--model", model(), "--output", folder / "batch.tif",
         "--overwrite", "--threads", "2", "--probe-slices", "first", "--measure-every", "all"},
        folder / "batch.log");
    const auto ended = batch.wait();
    ASSERT_TRUE(ended && ended->code == 0) << batch.said();
    const auto expected = io::open_stack(folder / "batch.tif");
    for (std::size_t i = 0; i < slices.size(); ++i) {
      const std::string mask = output.mask(name_of_slice(slices[i]));
      ASSERT_TRUE(std::filesystem::exists(mask)) << mask;
      EXPECT_EQ(hash_of(io::open_stack(mask)->read(0)), hash_of(expected->read(static_cast<std::int64_t>(i))))
          << mask;
    }
  }

  const TemporaryFolder folder;
  LiveOutput output{folder / "out"};
  std::unique_ptr<RunningProgram> daemon;
};

}  // namespace fibflow::testing
