// `fibflow segment` and `fibflow adapt` as users meet them: as a program.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/formats/formats.h"
#include "model/tile/network.h"
#include "tests/fixtures/pixel_network.h"
#include "tests/fixtures/run_program.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"
#include "tests/pipeline/cli/stack_command_test.h"

namespace fibflow {
namespace {

using Json = nlohmann::json;
using testing::run_fibflow;

class SegmentCommandTest : public StackCommandTest {
 protected:
  std::vector<std::string> segment(std::vector<std::string> more = {}) const {
    std::vector<std::string> all{"segment", stack, "--model", model_file, "-o", masks};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  std::vector<std::string> files() const {
    auto names = testing::files_in(folder / "");
    std::sort(names.begin(), names.end());
    return names;
  }

  const std::vector<std::string> only_stack{"stack.tif"};
};

TEST_F(SegmentCommandTest, WritesMasksProbabilitiesReportAndTrace) {
  const auto run =
      run_fibflow(segment({"--probability", folder / "p.tif", "--probability-type", "u16", "--report",
                           folder / "r.json", "--trace", folder / "t.json", "--threads", "2"}));
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err.find('\r'), std::string::npos) << "a progress bar in a pipe";
  const auto probabilities = io::open_stack(folder / "p.tif");
  EXPECT_EQ(probabilities->info().type, io::PixelType::u16);
  EXPECT_EQ(probabilities->info().depth, 6);
  EXPECT_EQ(io::open_stack(masks)->info().type, io::PixelType::u8);

  const Json report = Json::parse(testing::bytes_of(folder / "r.json"));
  EXPECT_EQ(report["format_version"], 2);
  EXPECT_EQ(report["slices"].size(), 6U);
  EXPECT_EQ(report["options"]["recipe"], "stream");
  EXPECT_EQ(report["outputs"]["mask"], masks);
  EXPECT_GT(report["peak_memory"], 0);

  const Json trace = Json::parse(testing::bytes_of(folder / "t.json"));
  std::map<std::string, int> spans;
  for (const Json& span : trace) ++spans[span["name"]];
  EXPECT_EQ(spans["writer"], 6);
  EXPECT_EQ(spans["normalizer"], 6 + 3 + 2 * 3)
      << "each slice, those of the probe, and those that are compared twice";
  EXPECT_EQ(spans["comparison"], 2 * 3);
  EXPECT_EQ(spans["statistics updater"], 6);
}

TEST_F(SegmentCommandTest, KeepsTheVoxelSizeAndTheParametersInTheFile) {
  {
    auto slices = testing::textured_stack(2, 40, 40);
    io::TiffWriter writer(folder / "sized.tif", {io::Compression::none, {10, 5, 5}, "", false, 2});
    for (int z = 0; z < 2; ++z) writer.write(slices.read(z));
    writer.finish();
  }
  const auto run = run_fibflow(
      {"segment", folder / "sized.tif", "--model", model_file, "-o", masks, "--source-share", "0.5"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_DOUBLE_EQ(io::open_stack(masks)->info().voxel_nm.z, 10);
  EXPECT_NEAR(io::open_stack(masks)->info().voxel_nm.x, 5, 1e-6);
  EXPECT_NE(testing::bytes_of(masks).find("source share 0.5"), std::string::npos);
}

TEST_F(SegmentCommandTest, RefusesAnOutputThatExistsBeforeAnyWork) {
  for (const std::string option : {"-o", "--probability", "--report", "--trace"}) {
    const std::string there = folder.write("there", "mine");
    auto arguments =
        option == "-o" ? std::vector<std::string>{"segment", stack, "--model", model_file} : segment();
    arguments.insert(arguments.end(), {option, there});
    const auto run = run_fibflow(arguments);
    EXPECT_EQ(run.code, 73) << option << run.err;
    EXPECT_NE(run.err.find(there), std::string::npos) << run.err;
    EXPECT_EQ(run.err.find("plan:"), std::string::npos) << "work had begun: " << run.err;
    EXPECT_EQ(testing::bytes_of(there), "mine");
    EXPECT_EQ(files(), (std::vector<std::string>{"stack.tif", "there"}));
  }
  folder.write("masks.tif", "old");
  EXPECT_EQ(run_fibflow(segment({"--overwrite"})).code, 0);
  EXPECT_EQ(io::open_stack(masks)->info().depth, 6);
}

TEST_F(SegmentCommandTest, NeitherReplacesWhatItReadsNorWritesTwoOutputsIntoOne) {
  const std::string before = testing::bytes_of(stack);
  const std::string model = folder.write("source.onnx", testing::bytes_of(model_file));
  const std::string other_way = folder / "./masks.tif";
  using Names = std::vector<std::string>;
  for (const Names& arguments :
       {Names{"segment", stack, "--model", model, "-o", stack},
        Names{"segment", stack, "--model", model, "-o", folder / "./stack.tif"},
        Names{"segment", stack, "--model", model, "-o", masks, "--report", model},
        Names{"segment", stack, "--model", model, "-o", masks, "--report", masks},
        Names{"segment", stack, "--model", model, "-o", masks, "--probability", other_way},
        Names{"segment", stack, "--model", model, "-o", masks, "--report", folder / "r.json", "--trace",
              folder / "r.json"},
        Names{"adapt", stack, "--model", model, "-o", model},
        Names{"adapt", stack, "--model", model, "-o", masks, "--report", other_way}}) {
    Names all = arguments;
    all.push_back("--overwrite");
    const auto run = run_fibflow(all);
    EXPECT_EQ(run.code, 64) << all[0] << " " << all[5] << " " << run.err;
    EXPECT_EQ(run.err.find("plan:"), std::string::npos) << "work had begun: " << run.err;
    EXPECT_TRUE(testing::bytes_of(stack) == before);
    EXPECT_TRUE(testing::bytes_of(model) == testing::bytes_of(model_file));
    EXPECT_EQ(files(), (Names{"source.onnx", "stack.tif"}));
  }
}

TEST_F(SegmentCommandTest, WhatIsWrongInASliceNamesItsFile) {
  std::filesystem::create_directory(folder / "slices");
  for (int z = 0; z < 3; ++z) {
    std::vector<float> voxels(std::size_t{40} * 40, 0.5F);
    for (std::size_t i = 0; i < voxels.size(); ++i) voxels[i] = static_cast<float>(i % 7) / 10;
    if (z == 1) voxels[43] = std::numeric_limits<float>::quiet_NaN();
    testing::MemoryStack<float> slice("memory", 1, 40, 40, voxels);
    testing::write_tiff(slice, folder / ("slices/s_" + std::to_string(z) + ".tif"));
  }
  const auto run = run_fibflow({"segment", folder / "slices", "--model", model_file, "-o", folder / "m.tif"});
  EXPECT_EQ(run.code, 65);
  EXPECT_NE(
      run.err.find("s_1.tif: slice 1 (intensity measurement): the pixel in row 1, column 3 is not a number"),
      std::string::npos)
      << run.err;
}

TEST_F(SegmentCommandTest, AFileOfAFolderThatIsReadIsNotReplaced) {
  std::filesystem::create_directory(folder / "slices");
  for (const char* name : {"slices/a_1.tif", "slices/a_2.tif"}) {
    auto slice = testing::textured_stack(1, 40, 40);
    testing::write_tiff(slice, folder / name);
  }
  const auto run = run_fibflow(
      {"segment", folder / "slices", "--model", model_file, "-o", folder / "slices/a_2.tif", "--overwrite"});
  EXPECT_EQ(run.code, 64) << run.err;
  EXPECT_NE(run.err.find("slices/a_2.tif"), std::string::npos) << run.err;
  // Nor is one put among them.
  const auto among =
      run_fibflow({"segment", folder / "slices", "--model", model_file, "-o", folder / "slices/m.tif"});
  EXPECT_EQ(among.code, 64) << among.err;
  EXPECT_NE(among.err.find("would be one of the slices the next time"), std::string::npos) << among.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "slices/m.tif"));
}

TEST_F(SegmentCommandTest, OutputsThatCannotBeMadeAreRefusedBeforeAnyWork) {
  const std::string too_long(300, 'a');
  for (const std::string option : {"--probability", "--report", "--trace"}) {
    for (const std::string& name : {folder / "no/such/folder", folder / too_long}) {
      const auto run = run_fibflow(segment({option, name}));
      EXPECT_EQ(run.code, 73) << option << " " << run.err;
      EXPECT_EQ(run.err.find("plan:"), std::string::npos) << "work had begun: " << run.err;
      EXPECT_EQ(files(), only_stack);
    }
  }
}

TEST_F(SegmentCommandTest, WhatIsWrongWithASliceIsSaidWithTheStacksName) {
  std::vector<float> voxels(4 * 40 * 40, 0.5F);
  voxels[2 * 40 * 40 + 7 * 40 + 9] = std::numeric_limits<float>::quiet_NaN();
  testing::MemoryStack<float> floats("floats", 4, 40, 40, std::move(voxels));
  const std::string nan = folder / "nan.tif";
  testing::write_tiff(floats, nan);
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{}, {"--recipe", "two-pass"}, {"--normalization", "stack"}}) {
    std::vector<std::string> arguments{"segment", nan, "--model", model_file, "-o", masks, "--quiet"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto run = run_fibflow(arguments);
    EXPECT_EQ(run.code, 65);
    EXPECT_EQ(run.err.rfind("fibflow: " + nan + ": slice 2 (", 0), 0U) << run.err;
    EXPECT_NE(run.err.find("the pixel in row 7, column 9 is not a number\n"), std::string::npos) << run.err;
  }
}

TEST_F(SegmentCommandTest, ABlankStackCannotBeMeasuredForItsNormalization) {
  testing::MemoryStack<std::uint8_t> gray("gray", 3, 100, 100, std::vector<std::uint8_t>(3 * 100 * 100, 31));
  const std::string blank = folder / "blank.tif";
  testing::write_tiff(gray, blank);
  const auto run =
      run_fibflow({"segment", blank, "--model", model_file, "-o", masks, "--normalization", "stack"});
  EXPECT_EQ(run.code, 65) << run.err;
  EXPECT_NE(run.err.find("fibflow: " + blank + ": normalization 'stack': every sampled pixel has the same"),
            std::string::npos)
      << run.err;
  EXPECT_EQ(
      run_fibflow({"segment", blank, "--model", model_file, "-o", masks, "--normalization", "slice"}).code,
      0);
}

TEST_F(SegmentCommandTest, OptionsThatWouldHaveNoEffectAreRefused) {
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--recipe", "none", "--estimator", "ema"},
                                             {"--recipe", "none", "--source-share", "0.5"},
                                             {"--recipe", "none", "--featureless", "count"},
                                             {"--probability-type", "f32"},
                                             {"--checkpoint-every", "5"}}) {
    const auto run = run_fibflow(segment(options));
    EXPECT_EQ(run.code, 64) << options.front() << ": " << run.err;
    EXPECT_NE(run.err.find(options[options.size() - 2]), std::string::npos) << run.err;
    EXPECT_EQ(files(), only_stack);
  }
}

TEST_F(SegmentCommandTest, ANumberOutOfItsRangeIsRefusedInAFewWords) {
  EXPECT_EQ(run_fibflow(segment({"--probe", "-1"})).err,
            "fibflow: --probe: must be at least 0, not -1; run `fibflow segment --help`\n");
  EXPECT_EQ(run_fibflow(segment({"--tile", "0"})).err,
            "fibflow: --tile: must be above 0, not 0; run `fibflow segment --help`\n");
  EXPECT_EQ(run_fibflow(segment({"--probe", "many"})).err,
            "fibflow: --probe cannot be \"many\"; run `fibflow segment --help`\n");
}

TEST_F(SegmentCommandTest, RefusesWhatIsNotThere) {
  EXPECT_EQ(run_fibflow({"segment", folder / "none.tif", "--model", model_file, "-o", masks}).code, 66);
  EXPECT_EQ(run_fibflow({"segment", stack, "--model", folder / "none.onnx", "-o", masks}).code, 66);
  EXPECT_EQ(files(), only_stack);
}

TEST_F(SegmentCommandTest, RefusesOptionsThatMakeNoSense) {
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--recipe", "three-pass"},
                                             {"--momentum", "0.1"},
                                             {"--estimator", "ema", "--momentum", "2"},
                                             {"--source-share", "1.5"},
                                             {"--lag", "0"},
                                             {"--lag", "1001"},
                                             {"--recipe", "none", "--probe", "3"},
                                             {"--recipe", "none", "--normalize-by", "batch"},
                                             {"--normalize-by", "running"},
                                             {"--measure-every", "0"},
                                             {"--measure-every", "some"},
                                             {"--measure-every", "2,3"},
                                             {"--measure-every", "2.5"},
                                             {"--measure-every", "4", "--freeze", "probe"},
                                             {"--measure-every", "4", "--recipe", "two-pass"},
                                             {"--renewal-drift", "-1"},
                                             {"--reopen-slices", "-1"},
                                             {"--reopen-factor", "0"},
                                             {"--freeze", "settled"},
                                             {"--recipe", "two-pass", "--freeze", "probe"},
                                             {"--freeze", "probe", "--probe", "0"},
                                             {"--normalization", "zscore:1"},
                                             {"--slices", "3:9"},
                                             {"--threshold", "2"},
                                             {"--memory", "much"},
                                             {"--memory", "10M"},
                                             {"--threads", "0"},
                                             {"--tile", "0"},
                                             {"--recipe", "two-pass", "--lag", "3"}}) {
    const auto run = run_fibflow(segment(options));
    EXPECT_EQ(run.code, 64) << options.front() << " " << options.back() << ": " << run.err;
    EXPECT_EQ(files(), only_stack);
  }
}

TEST_F(SegmentCommandTest, ABudgetTooSmallNamesTheSmallestThatWorks) {
  const auto refused = run_fibflow(segment({"--memory", "20M"}));
  ASSERT_EQ(refused.code, 64);
  const std::string phrase = "the smallest that works is ";
  const auto at = refused.err.find(phrase);
  ASSERT_NE(at, std::string::npos) << refused.err;
  const auto begin = at + phrase.size();
  const std::string smallest = refused.err.substr(begin, refused.err.find('M', begin) + 1 - begin);
  const auto run = run_fibflow(segment({"--memory", smallest, "--report", folder / "r.json"}));
  ASSERT_EQ(run.code, 0) << smallest << run.err;
  const Json report = Json::parse(testing::bytes_of(folder / "r.json"));
#if !defined(FIBFLOW_SANITIZED)  // sanitizers keep memory of their own
  EXPECT_LE(report["peak_memory"], report["options"]["memory"]);
#endif
  const std::string less = std::to_string(std::stoi(smallest) - 1) + "M";
  EXPECT_EQ(run_fibflow(segment({"--overwrite", "--memory", less})).code, 64) << less;
}

TEST_F(SegmentCommandTest, ADamagedSliceInTheMiddleStopsTheRunAndIsNamed) {
  const std::string damaged = folder / "damaged.tif";
  auto slices = testing::textured_stack(6, 72, 104);
  testing::write_tiff(slices, damaged, io::Compression::deflate);
  std::string bytes = testing::bytes_of(damaged);
  // Slices are written one after another: this is in the fourth one's strip. (Not every damage shows: libtiff does not
  // compare Deflate's checksum.)
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size()) * 7 / 12, 1500, '\xFF');
  std::ofstream(damaged, std::ios::binary) << bytes;
  const auto run = run_fibflow({"segment", damaged, "--model", model_file, "-o", masks, "--probe", "0"});
  EXPECT_EQ(run.code, 65) << run.err;
  EXPECT_NE(run.err.find("slice 3 (reader): " + damaged), std::string::npos) << run.err;
  EXPECT_EQ(files(), (std::vector<std::string>{"damaged.tif", "stack.tif"}));
}

TEST_F(SegmentCommandTest, AFullDiskStopsTheRunAndLeavesNothing) {
  // Where a file must not grow beyond a limit, writing to it fails as on a full disk.
  const auto previous = signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited{};
  getrlimit(RLIMIT_FSIZE, &unlimited);
  const rlimit limited{100000, unlimited.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limited);
  const auto run = run_fibflow(
      segment({"--probability", folder / "p.tif", "--probability-type", "f32", "--compression", "none"}));
  setrlimit(RLIMIT_FSIZE, &unlimited);
  signal(SIGXFSZ, previous);
  EXPECT_EQ(run.code, 74) << run.err;
  EXPECT_NE(run.err.find("(writer): " + (folder / "p.tif")), std::string::npos) << run.err;
  EXPECT_EQ(files(), only_stack);
}

TEST_F(SegmentCommandTest, SignalsEndTheRunWithoutATrace) {
  const std::string large = folder / "large.tif";
  auto slices = testing::textured_stack(60, 400, 400);
  testing::write_tiff(slices, large);
  for (const auto& [number, code] : {std::pair(SIGINT, 130), std::pair(SIGTERM, 143)}) {
    testing::ProgramOptions options;
    options.signal_when = "plan:";
    options.signal = number;
    const auto run = run_fibflow(
        {"segment", large, "--model", model_file, "-o", masks, "--report", folder / "r.json"}, options);
    EXPECT_EQ(run.code, code) << run.err;
    EXPECT_EQ(files(), (std::vector<std::string>{"large.tif", "stack.tif"}));
  }
}

TEST_F(SegmentCommandTest, HelpIsComplete) {
  for (const std::string command : {"segment", "adapt"}) {
    const auto run = run_fibflow({command, "--help"});
    EXPECT_EQ(run.code, 0);
    const auto all = run_fibflow({command, "--help-all"});
    EXPECT_EQ(all.code, 0);
    for (const std::string option :
         {"--model", "--output", "--recipe", "--estimator", "--source-share", "--probe", "--slices",
          "--normalization", "--invert", "--threads", "--memory", "--tile", "--overwrite", "--report",
          "--on-doubt", "--quiet", "--help-all"}) {
      EXPECT_NE(run.out.find(option), std::string::npos) << command << " " << option;
      EXPECT_NE(all.out.find(option), std::string::npos) << command << " " << option;
    }
    for (const std::string option : {"--momentum", "--intensity-range", "--prior-images", "--featureless",
                                     "--normalize-by", "--trace"}) {
      EXPECT_EQ(run.out.find(option), std::string::npos) << command << " " << option;
      EXPECT_NE(all.out.find(option), std::string::npos) << command << " " << option;
    }
    // What happens on the way is not adapt's.
    for (const std::string option : {"--measure-every", "--lag", "--freeze"})
      EXPECT_EQ(run.out.find(option) != std::string::npos, command == "segment") << command << " " << option;
    for (const std::string option :
         {"--renewal-drift", "--reopen-drift", "--reopen-factor", "--reopen-slices"})
      EXPECT_EQ(all.out.find(option) != std::string::npos, command == "segment") << command << " " << option;
    EXPECT_LT(std::count(run.out.begin(), run.out.end(), '\n'), 60) << command;
  }
}

TEST_F(SegmentCommandTest, EveryCommandHasBothKindsOfHelp) {
  for (const std::string command :
       {"adapt", "drift", "evaluate", "info", "phantom", "report", "segment", "train", "watch"}) {
    const auto run = run_fibflow({command, "--help"});
    const auto all = run_fibflow({command, "--help-all"});
    EXPECT_EQ(run.code, 0) << command;
    EXPECT_EQ(all.code, 0) << command << ": " << all.err;
    // The short one names the long one where that has more.
    EXPECT_EQ(run.out != all.out, run.out.find("--help-all") != std::string::npos) << command;
  }
}

TEST_F(SegmentCommandTest, InDoubtItWarnsOrUsesTheSourceOrStops) {
  // The source finds the bright stripes; adapted, nothing.
  const std::string model = folder.write("pixels.onnx", testing::pixel_network_onnx(0.3, 0.1, 3));
  auto stripes = testing::striped_stack(6, 40, 60);
  testing::write_tiff(stripes, folder / "stripes.tif");
  const std::string report = folder / "r.json";
  const auto run = [&](const std::string& on_doubt) {
    return run_fibflow({"segment", folder / "stripes.tif", "--model", model, "-o", masks, "--overwrite",
                        "--quiet", "--report", report, "--source-share", "0", "--on-doubt", on_doubt});
  };
  const auto doubt = [&] { return Json::parse(testing::bytes_of(report))["doubt"]; };

  const auto kept = run("keep");
  EXPECT_EQ(kept.code, 0);
  EXPECT_NE(kept.err.find("warning"), std::string::npos);
  EXPECT_NE(kept.err.find("probably misses what is there"), std::string::npos) << kept.err;
  EXPECT_EQ(doubt()["action"], "warned");
  EXPECT_EQ(doubt()["on_doubt"], "keep");
  EXPECT_EQ(doubt()["doubtful"], true);
  EXPECT_EQ(doubt()["signs"][0]["sign"], "foreground vanishes");
  EXPECT_EQ(Json::parse(testing::bytes_of(report))["previews"].size(), 3U);

  const auto source = run("source");
  EXPECT_EQ(source.code, 0);
  EXPECT_NE(source.err.find("the model is used as it is"), std::string::npos) << source.err;
  EXPECT_EQ(doubt()["action"], "source used");

  std::filesystem::remove(masks);
  const auto stopped = run("stop");
  EXPECT_EQ(stopped.code, 79);
  EXPECT_NE(stopped.err.find("adaptation does not seem to help"), std::string::npos) << stopped.err;
  EXPECT_EQ(doubt()["action"], "stopped");
  EXPECT_FALSE(std::filesystem::exists(masks));

  EXPECT_EQ(run("maybe").code, 64);
  EXPECT_EQ(run_fibflow(segment({"--compare", "0", "--on-doubt", "stop"})).code, 64);
}

// This model takes everything for foreground, which is worth a warning; and nothing else is worth a word.
TEST_F(SegmentCommandTest, QuietSaysWarningsOnly) {
  const auto run = run_fibflow(segment({"--quiet", "--threshold", "0"}));
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  EXPECT_NE(run.err.find("warning everything is foreground, in every slice"), std::string::npos) << run.err;
}

TEST_F(SegmentCommandTest, AdaptWritesAModelThatSegmentsWithoutAdaptation) {
  const std::string adapted = folder / "adapted.onnx";
  for (const std::string recipe : {"stream", "two-pass"}) {
    const auto run = run_fibflow({"adapt", stack, "--model", model_file, "-o", adapted, "--recipe", recipe,
                                  "--normalization", "zscore:0.5,0.2", "--overwrite"});
    ASSERT_EQ(run.code, 0) << run.err;
    const auto network = model::Network::load(adapted);
    EXPECT_NE(network.source_statistics(), model::Network::load(model_file).source_statistics());
    EXPECT_EQ(network.metadata().at("fibflow.recipe"), recipe);
    EXPECT_EQ(network.metadata().at("fibflow.normalization"), "zscore:0.5,0.2");
    EXPECT_EQ(
        run_fibflow({"segment", stack, "--model", adapted, "-o", masks, "--recipe", "none", "--overwrite"})
            .code,
        0);
  }
  EXPECT_EQ(run_fibflow({"adapt", stack, "--model", model_file, "-o", adapted}).code, 73);
  EXPECT_EQ(
      run_fibflow({"adapt", stack, "--model", model_file, "-o", folder / "x.onnx", "--recipe", "none"}).code,
      64);
}

TEST_F(SegmentCommandTest, TwoPassIsAdaptAndThenSegmentWithoutAdaptation) {
  const std::string adapted = folder / "adapted.onnx";
  const std::string later = folder / "later.tif";
  ASSERT_EQ(run_fibflow({"adapt", stack, "--model", model_file, "-o", adapted, "--recipe", "two-pass"}).code,
            0);
  ASSERT_EQ(run_fibflow({"segment", stack, "--model", adapted, "-o", later, "--recipe", "none"}).code, 0);
  ASSERT_EQ(run_fibflow(segment({"--recipe", "two-pass"})).code, 0);
  const auto one = io::open_stack(masks);
  const auto two = io::open_stack(later);
  for (std::int64_t z = 0; z < 6; ++z) {
    const auto a = one->read(z);
    const auto b = two->read(z);
    EXPECT_TRUE(std::equal(a.data(), a.data() + a.size_bytes(), b.data())) << "slice " << z;
  }
}

}  // namespace
}  // namespace fibflow
