#pragma once

#include <gtest/gtest.h>
#include <algorithm>
#include <atomic>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/error.h"
#include "io/formats/formats.h"
#include "pipeline/live/watch.h"
#include "pipeline/live/watch_setting.h"
#include "pipeline/live/watch_state.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/pixel_network.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

constexpr int height = 40;
constexpr int width = 56;

/// A live run over a folder of slices, and the batch run over the same files.
class WatchTest : public ::testing::Test {
 protected:
  WatchTest() {
    fs::create_directory(folder / "run");
    options.acquisition.folder = folder / "run";
    options.acquisition.settle = milliseconds(0);
    options.acquisition.poll = milliseconds(50);
    options.output.folder = folder / "out";
    options.smoothing = {0};  // each slice is written at once
    options.model = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx";
    adaptation.lag = 2;
    resources.threads = 2;
    resources.memory = std::size_t{1} << 30;
  }

  /// Puts slice z into the folder; complete from its first moment.
  void put(std::int64_t z) const {
    auto stack = testing::textured_stack(z + 1, height, width);
    put(z, stack.read(z));
  }
  void put(std::int64_t z, const io::Slice& slice) const {
    const std::string hidden = folder / ("run/.coming_" + std::to_string(z) + ".tif");
    io::TiffWriter writer(hidden, {io::Compression::none, {20, 8, 8}, "", false, 1});
    writer.write(slice);
    writer.finish();
    fs::rename(hidden, folder / ("run/slice_" + std::to_string(z) + ".tif"));
  }

  void end_it() const { std::ofstream(folder / "out/stop") << ""; }

  /// One process: until it ends, or until so many slices are acknowledged; then it is stopped.
  WatchEnd run(std::optional<std::uint64_t> stop_after = std::nullopt) {
    std::stop_source stop;
    StatusBoard board;
    Liveness liveness(std::chrono::hours(1));
    LiveRequests requests(stop.get_token());
    std::atomic<bool> done = false;
    std::thread stopper([&] {
      std::uint64_t version = 0;
      while (!done) {
        version = board.wait_for_change(version, milliseconds(stop_when ? 1 : 20));
        if (stop_when && stop_when()) stop.request_stop();
        if (stop_after && board.latest().status->counts.processed >= *stop_after) stop.request_stop();
      }
    });
    const auto keep = [this](const std::string& line) {
      const std::lock_guard lock(mutex);
      log += line + "\n";
      on_log(line);
    };
    std::optional<WatchEnd> end;
    std::exception_ptr failure;
    try {
      end = watch(network, options, input, adaptation, resources,
                  {stop.get_token(), keep, keep, board, liveness, requests, [this] { on_ready(); }});
    } catch (...) {
      failure = std::current_exception();
    }
    done = true;
    stopper.join();
    status = *board.latest().status;
    if (failure) std::rethrow_exception(failure);
    return *end;
  }

  /// The masks that a batch run makes of the files.
  std::vector<std::string> batch_masks() {
    adaptation.probe_order = ProbeOrder::first;
    const auto stack = io::open_stack(folder / "run");
    OutputOptions output;
    output.mask = folder / "batch.tif";
    output.smoothing = options.smoothing;
    output.threshold = options.threshold;
    AdaptationOptions as_live = adaptation;
    if (as_live.freeze == Freeze::never) as_live.measure_every = as_live.measure_every.value_or(1);
    const Outcome outcome = segment(*stack, network, input, as_live, output, resources);
    const SliceSums::Spread foreground = outcome.report->sums.foreground();
    EXPECT_GT(foreground.mean, 0.02) << "there would be nothing to compare";
    EXPECT_LT(foreground.mean, 0.98);
    return masks_in(folder / "batch.tif");
  }

  static std::vector<std::string> masks_in(const std::string& path) {
    const auto stack = io::open_stack(path);
    std::vector<std::string> masks;
    for (std::int64_t z = 0; z < stack->info().depth; ++z) {
      const auto voxels = stack->read(z);
      masks.emplace_back(reinterpret_cast<const char*>(voxels.data()), voxels.size_bytes());
    }
    return masks;
  }

  /// The message of a run that finds unusable data; empty if it does not.
  std::string refusal() {
    try {
      run();
    } catch (const io::Error& error) {
      EXPECT_EQ(error.kind(), io::ErrorKind::bad_data) << error.what();
      return error.what();
    }
    return "";
  }

  nlohmann::ordered_json setting() const {
    return watch_setting(network, options, input,
                         resolve_watch_options(network, options, input, adaptation, resources));
  }

  nlohmann::json report() const {
    return nlohmann::json::parse(testing::bytes_of(folder / "out/report.json"));
  }

  testing::TemporaryFolder folder;
  model::Network network = testing::small_network();
  WatchOptions options;
  InputOptions input;
  AdaptationOptions adaptation;
  ResourceOptions resources;
  LiveStatus status;
  std::mutex mutex;
  std::string log;  // guarded by mutex
  std::function<void()> on_ready = [] {};
  std::function<bool()> stop_when;
  std::function<void(const std::string& line)> on_log = [](const std::string&) {};
};

}  // namespace fibflow::pipeline
