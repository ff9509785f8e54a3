// `fibflow train` as users meet it: as a program.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/tiff/tiff_writer.h"
#include "model/tile/network.h"
#include "tests/fixtures/disc_stack.h"
#include "tests/fixtures/run_program.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow {
namespace {

using testing::run_fibflow;

void write(io::Stack& stack, const std::string& path) {
  io::WriterOptions options;
  options.voxel_nm = {12, 8, 8};
  options.depth = stack.info().depth;
  io::TiffWriter writer(path, options);
  for (std::int64_t z = 0; z < stack.info().depth; ++z) writer.write(stack.read(z));
  writer.finish();
}

class TrainCommandTest : public ::testing::Test {
 protected:
  TrainCommandTest() {
    testing::DiscStack stack(6, 64, 72);
    write(stack.images, images);
    write(stack.labels, labels);
  }

  std::vector<std::string> train(std::vector<std::string> more = {}) const {
    std::vector<std::string> all{"train",    "--images", images,       "--labels", labels,
                                 "--output", model,      "--channels", "4",        "--depth",
                                 "2",        "--batch",  "2",          "--patch",  "32"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  const testing::TemporaryFolder folder;
  const std::string images = folder / "images.tif";
  const std::string labels = folder / "labels.tif";
  const std::string model = folder / "model.onnx";
};

TEST_F(TrainCommandTest, WritesAModelAndItsCurveAndSegmentsWithIt) {
  const auto run = run_fibflow(train({"--iterations", "10", "--validations", "2"}));
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_NE(run.err.find("validation IoU"), std::string::npos);
  EXPECT_EQ(run.err.find('\r'), std::string::npos) << "a progress bar in a pipe";
  EXPECT_TRUE(std::filesystem::exists(folder / "model.png"));
  EXPECT_FALSE(std::filesystem::exists(folder / "model.onnx.checkpoint"));
  const auto metadata = model::Network::load(model).metadata();
  EXPECT_EQ(metadata.at("fibflow.voxel_nm"), "12,8,8");
  EXPECT_EQ(metadata.at("fibflow.normalization").substr(0, 7), "zscore:");
  EXPECT_EQ(run_fibflow({"segment", images, "--model", model, "-o", folder / "masks.tif"}).code, 0);
}

TEST_F(TrainCommandTest, ShowsProgressWithTimeLeftOnATerminal) {
  testing::ProgramOptions terminal;
  terminal.stderr_is_terminal = true;
  for (const std::vector<std::string>& length :
       {std::vector<std::string>{"--iterations", "60"}, {"--time", "2s"}}) {
    auto more = length;
    more.push_back("--overwrite");
    const auto run = run_fibflow(train(more), terminal);
    ASSERT_EQ(run.code, 0) << run.err;
    EXPECT_NE(run.err.find("train"), std::string::npos);
    EXPECT_NE(run.err.find("left"), std::string::npos);
    EXPECT_NE(run.err.find("iterations/s"), std::string::npos);
  }
}

TEST_F(TrainCommandTest, AnInterruptionLeavesACheckpointAndNoModel) {
  testing::ProgramOptions options;
  options.signal_when = "validation IoU";
  options.signal = SIGINT;
  const auto run = run_fibflow(train({"--iterations", "100000", "--validations", "20000"}), options);
  EXPECT_EQ(run.code, 130) << run.err;
  EXPECT_NE(run.err.find("--resume"), std::string::npos) << run.err;
  EXPECT_FALSE(std::filesystem::exists(model));
  EXPECT_TRUE(std::filesystem::exists(folder / "model.onnx.checkpoint"));
  EXPECT_EQ(run_fibflow(train({"--iterations", "100000", "--validations", "20000"})).code, 73);
  const auto other = run_fibflow(train({"--iterations", "3", "--resume"}));
  EXPECT_EQ(other.code, 65);
  EXPECT_NE(other.err.find("another length in iterations"), std::string::npos) << other.err;
}

TEST_F(TrainCommandTest, BeginsIfThereIsNothingToGoOnFrom) {
  const auto run = run_fibflow(train({"--iterations", "3", "--resume"}));
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.err.find("model.onnx.checkpoint yet: beginning"), std::string::npos) << run.err;
  EXPECT_TRUE(std::filesystem::exists(model));
}

TEST_F(TrainCommandTest, ExitCodesSayWhatWasWrong) {
  const auto code = [&](std::vector<std::string> more) { return run_fibflow(train(std::move(more))).code; };
  EXPECT_EQ(code({"--time", "soon"}), 64);
  EXPECT_EQ(code({"--time", "20m", "--iterations", "5"}), 64);
  EXPECT_EQ(code({"--channels", "0"}), 64);
  EXPECT_EQ(code({"--iterations", "5", "--patch", "4096"}), 64);
  EXPECT_EQ(code({"--iterations", "5", "--validation-images", images}), 64);
  EXPECT_EQ(run_fibflow({"train", "--images", folder / "none.tif", "--labels", labels, "-o", model}).code,
            66);
  // The image is no labels.
  const auto wrong = run_fibflow({"train", "--images", images, "--labels", images, "-o", model});
  EXPECT_EQ(wrong.code, 65);
  EXPECT_NE(wrong.err.find(images + ": slice 0"), std::string::npos) << wrong.err;
  EXPECT_EQ(
      run_fibflow({"train", "--images", images, "--labels", labels, "-o", folder / "no/model.onnx"}).code,
      73);
  EXPECT_FALSE(std::filesystem::exists(model));
}

TEST_F(TrainCommandTest, NeitherReplacesWhatItReadsNorTakesOptionsWithoutEffect) {
  const std::string before = testing::bytes_of(labels);
  using Names = std::vector<std::string>;
  for (const Names& more : {Names{"--iterations", "2", "--curve", labels},
                            Names{"--iterations", "2", "--curve", "c.png", "--no-curve"},
                            Names{"--iterations", "2", "--validation", "0.5", "--validation-images", images,
                                  "--validation-labels", labels},
                            Names{"--epochs", "1e300"}, Names{"--iterations", "0"}}) {
    Names all = train(more);
    all.push_back("--overwrite");
    const auto run = run_fibflow(all);
    EXPECT_EQ(run.code, 64) << more[0] << " " << more[1] << ": " << run.err;
    EXPECT_LT(run.err.size(), 300U) << run.err;
    EXPECT_TRUE(testing::bytes_of(labels) == before);
    EXPECT_FALSE(std::filesystem::exists(model));
  }
}

}  // namespace
}  // namespace fibflow
