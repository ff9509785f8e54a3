// A live run makes the slices that a batch run over the same files makes, however it is interrupted.

#include "tests/pipeline/live/watch_fixture.h"

namespace fibflow::pipeline {
namespace {

TEST_F(WatchTest, MakesTheMasksOfABatchRunOneByOneAndAsAStack) {
  for (int z = 3; z < 12; ++z) put(z);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  const auto expected = batch_masks();
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), expected);
  EXPECT_EQ(masks_in(folder / "out/masks"), expected);
  EXPECT_TRUE(fs::exists(folder / "out/masks/slice_11.tif"));
  EXPECT_FALSE(fs::exists(folder / "out/stop")) << "or the next run would end at once";
  EXPECT_EQ(status.counts.processed, 9u);
  EXPECT_EQ(status.counts.pending, 0u);
  EXPECT_EQ(status.latency.count(), 9u);
  EXPECT_EQ(report()["slices"].size(), 9u);
  EXPECT_EQ(report()["slices"][0]["file"], "slice_3.tif");
}

TEST_F(WatchTest, MakesTheSameMasksWhenSlicesComeOneByOne) {
  std::thread writer;
  on_ready = [&] {
    writer = std::thread([this] {
      for (int z = 0; z < 8; ++z) {
        put(z);
        // Wait for nothing at first, then for each mask, so that there are bursts of many and of one.
        const std::string mask = folder / ("out/masks/slice_" + std::to_string(z) + ".tif");
        while (z > 3 && !fs::exists(mask)) std::this_thread::yield();
      }
      end_it();
    });
  };
  EXPECT_EQ(run(), WatchEnd::complete);
  writer.join();
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
}

TEST_F(WatchTest, MakesTheSameMasksAfterStopsAndRestarts) {
  for (int z = 0; z < 5; ++z) put(z);
  EXPECT_EQ(run(1), WatchEnd::stopped);
  for (int z = 5; z < 10; ++z) put(z);
  EXPECT_EQ(run(status.counts.processed + 1), WatchEnd::stopped);
  for (int z = 10; z < 14; ++z) put(z);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_NE(log.find("going on after"), std::string::npos);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
  EXPECT_EQ(report()["slices"].size(), 14u);
}

TEST_F(WatchTest, MakesTheSameMasksIfWhatIsInFlightIsGivenUp) {
  constexpr int slices = 200;
  options.finish_within = milliseconds(0);
  for (int z = 0; z < slices; ++z) put(z);
  for (const int last : {0, 20, 60}) {
    stop_when = [&] { return fs::exists(folder / ("out/masks/slice_" + std::to_string(last) + ".tif")); };
    EXPECT_EQ(run(), WatchEnd::stopped);
    EXPECT_GT(status.counts.processed, static_cast<std::uint64_t>(last));
    EXPECT_LT(status.counts.processed, static_cast<std::uint64_t>(slices));
  }
  stop_when = nullptr;
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
  EXPECT_EQ(report()["slices"].size(), static_cast<std::size_t>(slices));
}

TEST_F(WatchTest, BeginsWithFewerSlicesThanTheProbeHasIfThereAreNoMore) {
  put(0);
  put(1);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
}

TEST_F(WatchTest, MeasuresTheIntensitiesOfTheFirstSlicesAsABatchRunDoes) {
  input.normalization = nodes::Normalization::parse("stack");
  for (int z = 0; z < 6; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
}

TEST_F(WatchTest, WhatWasLeftOutStaysLeftOutAfterARestart) {
  options.acquisition.wait_missing = milliseconds(0);
  for (const int z : {0, 1, 2, 4, 5}) put(z);
  EXPECT_EQ(run(5), WatchEnd::stopped);
  const auto expected = batch_masks();
  put(3);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), expected);
  EXPECT_EQ(report()["left_out"].at(0).at("first"), 3);
  EXPECT_EQ(status.counts.late, 1u);
}

TEST_F(WatchTest, WhatWasLeftOutIsTriedAgainIfThatIsWanted) {
  options.acquisition.wait_missing = milliseconds(0);
  for (const int z : {0, 1, 3, 4}) put(z);  // 2 is missing, and stays so
  auto other = testing::textured_stack(30, height + 1, width);
  for (int z = 5; z < 20; ++z) put(z, other.read(z));
  EXPECT_NE(refusal().find("--retry-left-out takes them"), std::string::npos) << log;
  for (int z = 5; z < 20; ++z) put(z);
  put(2);
  on_ready = [this] { end_it(); };
  options.retry_left_out = true;
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(status.counts.processed, 19u);
  EXPECT_NE(log.find("left out before it (1) stays so"), std::string::npos) << log;
  options.retry_left_out = false;
  EXPECT_EQ(run(), WatchEnd::complete) << "it stays so";
  fs::remove(folder / "run/slice_2.tif");
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
}

TEST_F(WatchTest, UsesTheSourceOnDoubtAsABatchRunDoesAlsoAfterARestart) {
  network = testing::pixel_network(0.3, 0.1, 3);  // adapted, it finds nothing
  adaptation.source_share = 0;
  adaptation.on_doubt = OnDoubt::source;
  auto stripes = testing::striped_stack(7, height, width);
  for (int z = 0; z < 5; ++z) put(z, stripes.read(z));
  EXPECT_EQ(run(5), WatchEnd::stopped);
  EXPECT_GE(status.warnings.count(), 2u) << "the signs, and what is done about them";
  for (int z = 5; z < 7; ++z) put(z, stripes.read(z));
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
  EXPECT_GT(report()["slices"].back()["foreground"], 0);
  EXPECT_EQ(report()["doubt"]["action"], "source used");
  EXPECT_GE(status.warnings.count(), 2u) << "what was in doubt still is";
}

TEST_F(WatchTest, ItsReportHasThePicturesOfABatchRunAlsoAfterARestart) {
  for (int z = 0; z < 5; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  adaptation.probe_order = ProbeOrder::first;
  adaptation.previews = true;
  const auto stack = io::open_stack(folder / "run");
  OutputOptions output;
  output.mask = folder / "batch.tif";
  output.smoothing = options.smoothing;
  output.threshold = options.threshold;
  const Outcome batch = segment(*stack, network, input, adaptation, output, resources);
  const auto expected = nlohmann::json::parse(json_text(*batch.report))["previews"];
  ASSERT_EQ(expected.size(), 3u);
  EXPECT_EQ(report()["previews"], expected);
}

TEST_F(WatchTest, WritesProbabilitiesToo) {
  options.output.probability = true;
  for (int z = 0; z < 4; ++z) put(z);
  on_ready = [this] { end_it(); };
  run();
  EXPECT_EQ(masks_in(folder / "out/probabilities.tif").size(), 4u);
  EXPECT_TRUE(fs::exists(folder / "out/probabilities/slice_0.tif"));
}

TEST_F(WatchTest, EndsWhenNothingNewComesForLong) {
  options.end_after = milliseconds(200);
  for (int z = 0; z < 4; ++z) put(z);
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(status.counts.processed, 4u);
}

TEST_F(WatchTest, DoesNotEndWhileItWasTooBusyToSeeThatSlicesCome) {
  // Much longer than the silence that ends it, it looks at its first slices; meanwhile the acquisition goes on.
  options.end_after = milliseconds(300);
  options.acquisition.notify = false;
  for (int z = 0; z < 4; ++z) put(z);
  std::thread writer;
  on_log = [&](const std::string& line) {
    if (!line.starts_with("probe")) return;
    std::this_thread::sleep_for(3 * *options.end_after);
    writer = std::thread([&] {
      for (int z = 4; z < 10; ++z) {
        std::this_thread::sleep_for(*options.end_after / 3);
        put(z);
      }
    });
  };
  EXPECT_EQ(run(), WatchEnd::complete);
  ASSERT_TRUE(writer.joinable()) << log;
  writer.join();
  EXPECT_EQ(status.counts.processed, 10u);
}

TEST_F(WatchTest, SaysIfWhatCameTooLateWouldHaveBeenTheFirst) {
  for (int z = 5; z < 9; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  put(3);
  on_ready = [this] { end_it(); };
  EXPECT_NE(refusal().find("1 came too late"), std::string::npos) << log;
  EXPECT_EQ(masks_in(folder / "out/masks.tif").size(), 4u);
}

TEST_F(WatchTest, ItsEndIsStillAskedForIfTheStacksCouldNotBeWritten) {
  for (int z = 0; z < 4; ++z) put(z);
  fs::create_directories(folder / "out/masks.tif");
  on_ready = [this] { end_it(); };
  EXPECT_THROW(run(), io::Error);
  on_ready = [] {};
  EXPECT_TRUE(fs::exists(folder / "out/stop")) << "or a restart would go on for ever";
  fs::remove(folder / "out/masks.tif");
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_FALSE(fs::exists(folder / "out/stop"));
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
}

TEST_F(WatchTest, EndsWithoutTheMasksThatSomebodyMovedAwayOrDamaged) {
  options.output.probability = true;
  for (int z = 0; z < 6; ++z) put(z);
  EXPECT_EQ(run(6), WatchEnd::stopped);
  fs::remove(folder / "out/masks/slice_2.tif");
  std::ofstream(folder / "out/masks/slice_4.tif") << "no TIFF any more";
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif").size(), 4u);
  EXPECT_EQ(masks_in(folder / "out/probabilities.tif").size(), 6u);
  EXPECT_NE(log.find("masks/slice_2.tif and 1 more were moved away or made unreadable"), std::string::npos)
      << log;
  EXPECT_EQ(report()["slices"].size(), 6u);
}

TEST_F(WatchTest, SaysHowSlicesAreNumberedAndWhatItWaitsFor) {
  put(7);
  stop_when = [this] {
    const std::lock_guard lock(mutex);
    return log.find("1 file is there") != std::string::npos;
  };
  EXPECT_EQ(run(), WatchEnd::stopped);
  put(8);
  stop_when = [this] {
    const std::lock_guard lock(mutex);
    return log.find("first 3 slices decide together: 2 are there") != std::string::npos;
  };
  EXPECT_EQ(run(), WatchEnd::stopped);
  stop_when = nullptr;
  for (int z = 9; z < 12; ++z) put(z);
  EXPECT_EQ(run(5), WatchEnd::stopped);
  EXPECT_EQ(status.numbering, "by # of 'slice_#'");
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(status.numbering, "by # of 'slice_#'") << "after a restart, too";
}

TEST_F(WatchTest, SaysIfNoSliceEverCame) {
  options.end_after = milliseconds(50);
  try {
    run();
    FAIL();
  } catch (const io::Error& error) {
    EXPECT_EQ(error.kind(), io::ErrorKind::missing);
  }
}

TEST_F(WatchTest, RefusesToGoOnWithOtherOptions) {
  for (int z = 0; z < 4; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  adaptation.lag = 3;
  try {
    run();
    FAIL();
  } catch (const io::Error& error) {
    EXPECT_NE(std::string(error.what()).find("another option lag: 2, not 3"), std::string::npos)
        << error.what();
  }
}

TEST_F(WatchTest, RefusesToGoOnWithOtherWeightsWhereverTheyLie) {
  const fs::path models = fs::path(FIBFLOW_TEST_FIXTURES) / "onnx/models";
  for (const char* name : {"external_data.onnx", "external_data.weights"})
    fs::copy_file(models / name, folder / name);
  options.model = folder / "external_data.onnx";
  network = model::Network::load(options.model);
  for (int z = 0; z < 4; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  // The model's file stays as it is; what it refers to does not.
  {
    std::fstream weights(folder / "external_data.weights", std::ios::in | std::ios::out | std::ios::binary);
    const float other = 0.25F;
    weights.write(reinterpret_cast<const char*>(&other), sizeof other);
  }
  network = model::Network::load(options.model);
  EXPECT_NE(refusal().find("another model"), std::string::npos) << refusal();
}

TEST_F(WatchTest, GoesOnWithOtherMemoryAndTheSameTiles) {
  for (int z = 0; z < 5; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  resources.memory = std::size_t{2} << 30;
  resources.tile = 16;  // only for who begins
  resources.threads = 1;
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(report()["plan"]["tile_rows"], 1);
  resources.tile = 0;
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
}

TEST_F(WatchTest, WhatARefusalAdvisesHelps) {
  for (int z = 0; z < 4; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  options.output.compression = io::Compression::none;
  EXPECT_NE(refusal().find("another compression: \"deflate\", not \"none\" (choose another --output; or, to "
                           "begin anew, remove " +
                           fs::canonical(folder / "out").string() + ")"),
            std::string::npos)
      << refusal();
  fs::remove_all(folder / "out");
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
}

TEST_F(WatchTest, WhatARefusalAdvisesHelpsWhereTheStateLiesElsewhere) {
  options.state_folder = folder / "state";
  for (int z = 0; z < 4; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  adaptation.lag = 3;
  EXPECT_NE(refusal().find(" and " + fs::canonical(options.state_folder).string() + ")"), std::string::npos)
      << refusal();
  fs::remove_all(folder / "out");
  fs::remove_all(options.state_folder);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
}

TEST_F(WatchTest, ItsReportTellsWhatThatOfABatchRunTells) {
  input.normalization = nodes::Normalization::parse("stack");
  for (int z = 0; z < 5; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  std::this_thread::sleep_for(milliseconds(300));  // of nobody's time
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  const auto told = report();
  batch_masks();
  const auto stack = io::open_stack(folder / "run");
  OutputOptions output;
  output.mask = folder / "again.tif";
  output.smoothing = options.smoothing;
  output.threshold = options.threshold;
  adaptation.measure_every = 1;
  const Outcome batch = segment(*stack, network, input, adaptation, output, resources);
  const auto expected = nlohmann::json::parse(json_text(*batch.report));
  for (const char* part : {"intensity", "plan", "comparison", "doubt", "adaptation"})
    EXPECT_EQ(told[part], expected[part]) << part;
  for (const auto& warning : expected["warnings"])
    EXPECT_EQ(std::count(told["warnings"].begin(), told["warnings"].end(), warning), 1) << warning;
  EXPECT_GT(told["peak_memory"], 1 << 20);
  ASSERT_EQ(told["resumed"].size(), 1u);
  EXPECT_GE(told["resumed"][0]["slice"], 4);
  const auto& seconds = told["seconds"];
  EXPECT_GT(seconds["adapt"], 0);
  EXPECT_GT(seconds["segment"], 0);
  EXPECT_GE(seconds["total"].get<double>(),
            seconds["adapt"].get<double>() + seconds["segment"].get<double>());
  const double voxels = 5.0 * height * width;
  EXPECT_DOUBLE_EQ(told["voxels_per_second"].get<double>(), voxels / seconds["total"].get<double>());
}

TEST_F(WatchTest, ItsTimeIsThatOfAllItsParts) {
  for (int z = 0; z < 4; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  const auto kept = [this] {
    std::string ignored;
    double total = 0;
    DurableState(folder / "out/.state/checkpoint", "watch checkpoint 9")
        .read([&](const auto& state) { total = state["run"]["seconds"]["total"]; }, ignored);
    return total;
  };
  const double before = kept();
  EXPECT_GT(before, 0);
  put(4);
  EXPECT_EQ(run(5), WatchEnd::stopped);
  EXPECT_GT(kept(), before);
}

TEST_F(WatchTest, BlankFirstSlicesAreUnusableDataOfTheFolder) {
  input.normalization = nodes::Normalization::parse("stack");
  const std::vector<std::uint8_t> blank(static_cast<std::size_t>(height * width), 90);
  for (int z = 0; z < 3; ++z) put(z, testing::make_slice(z, height, width, blank.data()));
  EXPECT_NE(refusal().find(options.acquisition.folder + ": "), std::string::npos) << refusal();
}

TEST_F(WatchTest, OptionsCanChangeWhileThereIsNoMask) {
  put(0);
  EXPECT_EQ(run(0), WatchEnd::stopped);
  adaptation.lag = 3;
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
}

TEST_F(WatchTest, GoesOnAfterTheMasksWhenItsCheckpointsAreGone) {
  for (int z = 0; z < 5; ++z) put(z);
  EXPECT_EQ(run(5), WatchEnd::stopped);
  const auto before = masks_in(folder / "out/masks");
  const auto lose = [&] {
    fs::remove(folder / "out/.state/checkpoint");
    fs::remove(folder / "out/.state/checkpoint.previous");
  };
  lose();
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete) << "there is nothing to do but the stacks";
  EXPECT_NE(log.find("checkpoint is gone"), std::string::npos) << log;
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), before);
  on_ready = [] {};
  for (int z = 5; z < 11; ++z) put(z);
  EXPECT_EQ(run(8), WatchEnd::stopped);
  put(11);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete) << "from the new checkpoint";
  auto masks = masks_in(folder / "out/masks.tif");
  ASSERT_EQ(masks.size(), 12u);
  EXPECT_EQ(report()["slices"].size(), 12u);
  // The rest as if it were all that there is.
  for (int z = 0; z < 5; ++z) {
    EXPECT_EQ(masks[static_cast<std::size_t>(z)], before[static_cast<std::size_t>(z)]);
    fs::remove(folder / ("run/slice_" + std::to_string(z) + ".tif"));
  }
  masks.erase(masks.begin(), masks.begin() + 5);
  EXPECT_EQ(masks, batch_masks());
}

TEST_F(WatchTest, LeavesWhatOthersAreWritingAlone) {
  const std::vector<std::string> others = {"out/.other.tif.partial", "out/masks/.other.tif.partial",
                                           "out/.state/.other.tif.partial"};
  for (const std::string& other : others) {
    fs::create_directories((folder / other).substr(0, (folder / other).rfind('/')));
    std::ofstream(folder / other) << "of a run that will be gone on with";
  }
  for (int z = 0; z < 4; ++z) put(z);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  for (const std::string& other : others) EXPECT_TRUE(fs::exists(folder / other)) << other;
}

TEST_F(WatchTest, LeavesMasksAloneOfWhichItKnowsNothing) {
  fs::create_directories(folder / "out/masks");
  std::ofstream(folder / "out/masks/slice_0.tif") << "somebody's";
  put(0);
  try {
    run();
    FAIL();
  } catch (const io::Error& error) {
    EXPECT_EQ(error.kind(), io::ErrorKind::cannot_create);
  }
}

TEST_F(WatchTest, RefusesOtherOptionsAlsoWhenAKillCameBeforeTheFirstCheckpoint) {
  for (int z = 0; z < 4; ++z) put(z);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  fs::remove(folder / "out/.state/checkpoint");
  fs::remove(folder / "out/.state/checkpoint.previous");
  adaptation.source_share = 0.5;
  EXPECT_THROW(run(), io::Error);
}

TEST_F(WatchTest, RefusesAnOutputThatAnotherProcessWritesTo) {
  for (int z = 0; z < 4; ++z) put(z);
  on_ready = [this] {
    try {
      const FolderLock lock(folder / "out/.lock");
      ADD_FAILURE();
    } catch (const io::Error& error) {
      EXPECT_EQ(error.kind(), io::ErrorKind::cannot_create);
      EXPECT_NE(std::string(error.what()).find("another process"), std::string::npos);
    }
    end_it();
  };
  EXPECT_EQ(run(), WatchEnd::complete);
}

TEST_F(WatchTest, RefusesAnOutputWhereItLooksForSlices) {
  options.output.folder = folder / "run";
  EXPECT_THROW(run(), std::invalid_argument);
  options.output.folder = folder / "run/out";
  options.acquisition.recursive = true;
  EXPECT_THROW(run(), std::invalid_argument);
}

TEST_F(WatchTest, RefusesTwoPasses) {
  adaptation.recipe = Recipe::two_pass;
  EXPECT_THROW(run(), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::pipeline
