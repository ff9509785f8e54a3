#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/tiff/tiff_writer.h"
#include "tests/fixtures/memory_stack.h"
#include "tests/fixtures/run_program.h"
#include "tests/fixtures/screen.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow {
namespace {

using nlohmann::json;
using testing::MemoryStack;
using testing::ProgramOptions;
using testing::ProgramRun;
using testing::run_fibflow;

/// A stack of depth slices of [height, width] voxels, as a TIFF file.
template <typename T>
void write_stack(const std::string& path, std::int64_t depth, int height, int width,
                 const std::vector<T>& voxels, io::VoxelSize voxel_nm = {}) {
  io::WriterOptions options;
  options.depth = depth;
  options.voxel_nm = voxel_nm;
  io::TiffWriter writer(path, options);
  MemoryStack<T> stack(path, depth, height, width, voxels);
  for (std::int64_t z = 0; z < depth; ++z) writer.write(stack.read(z));
  writer.finish();
}

class CommandLineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_stack<std::uint8_t>(prediction_, 3, 1, 4, {255, 255, 0, 0, /**/ 0, 0, 0, 0, /**/ 255, 0, 0, 0});
    write_stack<std::uint8_t>(truth_, 3, 1, 4, {255, 0, 255, 0, /**/ 0, 0, 0, 0, /**/ 255, 0, 0, 0});
  }

  testing::TemporaryFolder folder_;
  const std::string prediction_ = folder_ / "prediction.tif";
  const std::string truth_ = folder_ / "truth.tif";
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> commands() {
  std::vector<std::string> names;
  bool in_list = false;
  for (const std::string& line : lines_of(run_fibflow({"--help"}).out)) {
    if (line.empty()) in_list = false;
    if (in_list) names.push_back(line.substr(2, line.find(' ', 2) - 2));
    if (line == "Commands:") in_list = true;
  }
  return names;
}

// Help and usage

TEST_F(CommandLineTest, HelpOfEachCommandFitsAScreen) {
  const auto names = commands();
  for (const char* expected : {"evaluate", "info", "phantom"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), expected), names.end()) << expected;
  }
  for (const std::string& name : names) {
    const ProgramRun run = run_fibflow({name, "--help"});
    EXPECT_EQ(run.code, 0) << name;
    EXPECT_EQ(run.err, "") << name;
    EXPECT_NE(run.out.find("Usage: fibflow " + name), std::string::npos) << name;
    EXPECT_LE(lines_of(run.out).size(), 60U) << name;
    for (const std::string& line : lines_of(run.out)) EXPECT_LE(line.size(), 120U) << name << ": " << line;
  }
}

TEST_F(CommandLineTest, VersionIsAVersion) {
  const ProgramRun run = run_fibflow({"--version"});
  EXPECT_EQ(run.code, 0);
  int major = -1;
  int minor = -1;
  int patch = -1;
  EXPECT_EQ(std::sscanf(run.out.c_str(), "fibflow %d.%d.%d\n", &major, &minor, &patch), 3) << run.out;
}

TEST_F(CommandLineTest, UsageErrorsExitWith64AndSayWhereHelpIs) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "fibflow: no command given; run `fibflow --help`\n"},
      {{"evalute"}, "fibflow: there is no command evalute; run `fibflow --help`\n"},
      {{"--json"}, "fibflow: there is no option --json; run `fibflow --help`\n"},
      {{"evaluate"}, "fibflow: PREDICTION is required; run `fibflow evaluate --help`\n"},
      {{"evaluate", "a"}, "fibflow: TRUTH is required; run `fibflow evaluate --help`\n"},
      {{"evaluate", "a", "b", "c"}, "fibflow: unexpected argument c; run `fibflow evaluate --help`\n"},
      {{"evaluate", "a", "b", "--treshold", "3"},
       "fibflow: there is no option --treshold; run `fibflow evaluate --help`\n"},
      {{"evaluate", "a", "b", "--threshold", "high"},
       "fibflow: --threshold cannot be \"high\"; run `fibflow evaluate --help`\n"},
      {{"evaluate", "a", "b", "--slices", "3:2"},
       "fibflow: --slices: \"3:2\" is not A:B with 0 <= A < B; run `fibflow evaluate --help`\n"},
      {{"evaluate", prediction_, truth_, "--slices", "2:9"},
       "fibflow: slices 2:9 are not in a stack of 3 slices; run `fibflow evaluate --help`\n"},
      {{"evaluate", prediction_, truth_, "--threshold", "128"},
       "fibflow: threshold 128.000000 must lie between 0 and 1 for u8 voxels; run `fibflow evaluate "
       "--help`\n"},
  };
  for (const auto& [arguments, message] : cases) {
    const ProgramRun run = run_fibflow(arguments);
    EXPECT_EQ(run.code, 64) << message;
    EXPECT_EQ(run.err, message);
    EXPECT_EQ(run.out, "");
  }
  EXPECT_EQ(run_fibflow({"evaluate", "a", "b", "--class", "1", "--threshold", "0.5"}).code, 64);
  EXPECT_EQ(run_fibflow({"evaluate", "a", "b", "--classes", "--class", "1"}).code, 64);
  EXPECT_EQ(run_fibflow({"evaluate", "a", "b", "--class", "-1"}).code, 64);
  EXPECT_EQ(run_fibflow({"info", "a", "--quiet", "--verbose"}).code, 64);
}

// Errors

TEST_F(CommandLineTest, MissingInputExitsWith66AndNamesIt) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"evaluate", folder_ / "none.tif", truth_},
           {"evaluate", truth_, folder_ / "none.tif"},
           {"evaluate", prediction_, truth_, "--mask", folder_ / "none.tif"},
           {"info", folder_ / "none.tif"}}) {
    const ProgramRun run = run_fibflow(arguments);
    EXPECT_EQ(run.code, 66);
    EXPECT_EQ(run.err.rfind("fibflow: " + (folder_ / "none.tif") + ": ", 0), 0U) << run.err;
    EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
    EXPECT_EQ(run.out, "");
  }
}

TEST_F(CommandLineTest, UnusableInputExitsWith65AndNamesIt) {
  const std::string text = folder_.write("notes.tif", "this is no TIFF file at all");
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"evaluate", text, truth_}, {"info", text}}) {
    const ProgramRun run = run_fibflow(arguments);
    EXPECT_EQ(run.code, 65);
    EXPECT_EQ(run.err.rfind("fibflow: " + text + ": ", 0), 0U) << run.err;
  }
}

TEST_F(CommandLineTest, OtherShapeExitsWith65AndNamesBothFiles) {
  const std::string other = folder_ / "other.tif";
  write_stack<std::uint8_t>(other, 2, 1, 4, std::vector<std::uint8_t>(8));
  const ProgramRun run = run_fibflow({"evaluate", other, truth_});
  EXPECT_EQ(run.code, 65);
  EXPECT_EQ(run.err, "fibflow: " + other + ": its shape (z, y, x) is 2x1x4, but that of " + truth_ +
                         " is 3x1x4; --slices A:B says which of them it is of\n");
}

TEST_F(CommandLineTest, FullDiskBehindStdoutExitsWith74) {
  ProgramOptions options;
  options.stdout_path = "/dev/full";
  const ProgramRun run = run_fibflow({"evaluate", prediction_, truth_}, options);
  EXPECT_EQ(run.code, 74);
  EXPECT_EQ(run.err, "fibflow: standard output: No space left on device\n");
}

// evaluate

TEST_F(CommandLineTest, EvaluatePrintsATable) {
  const ProgramRun run = run_fibflow({"evaluate", prediction_, truth_});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(run.out,
            "slice     IoU    Dice  precision  recall  TP  FP  FN  TN\n"
            "    0  0.3333  0.5000     0.5000  0.5000   1   1   1   1\n"
            "    1       -       -          -       -   0   0   0   4\n"
            "    2  1.0000  1.0000     1.0000  1.0000   1   0   0   3\n"
            "whole  0.5000  0.6667     0.6667  0.6667   2   1   1   8\n");
}

TEST_F(CommandLineTest, EvaluatePrintsJson) {
  const ProgramRun run = run_fibflow({"evaluate", prediction_, truth_, "--json"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.err, "");
  const json result = json::parse(run.out);
  EXPECT_DOUBLE_EQ(result.at("whole").at("iou"), 0.5);
  EXPECT_EQ(result.at("whole").at("true_positive"), 2);
  EXPECT_EQ(result.at("slices").size(), 3U);
  EXPECT_DOUBLE_EQ(result.at("slices").at(0).at("iou"), 1.0 / 3);
  EXPECT_TRUE(result.at("slices").at(1).at("iou").is_null()) << "neither predicted nor there";
  EXPECT_EQ(result.at("slices").at(2).at("z"), 2);
  EXPECT_EQ(result.at("prediction").at("path"), prediction_);
  EXPECT_TRUE(result.at("mask").is_null());
}

TEST_F(CommandLineTest, EvaluateHeedsMaskAndSlices) {
  const std::string mask = folder_ / "mask.tif";
  write_stack<std::uint8_t>(mask, 3, 1, 4, {1, 0, 1, 1, /**/ 1, 1, 1, 1, /**/ 0, 0, 0, 1});
  json result = json::parse(run_fibflow({"evaluate", prediction_, truth_, "--json", "--mask", mask}).out);
  EXPECT_EQ(result.at("whole").at("false_positive"), 0);
  EXPECT_EQ(result.at("whole").at("true_negative"), 1 + 4 + 1);
  result = json::parse(run_fibflow({"evaluate", prediction_, truth_, "--json", "--slices", "0:1"}).out);
  EXPECT_EQ(result.at("slices").size(), 1U);
  EXPECT_DOUBLE_EQ(result.at("whole").at("iou"), 1.0 / 3);
}

TEST_F(CommandLineTest, EvaluateThresholdsProbabilities) {
  const std::string probabilities = folder_ / "p.tif";
  write_stack<float>(probabilities, 3, 1, 4, {0.9F, 0.4F, 0.6F, 0.1F, 0.1F, 0, 0, 0, 0.7F, 0, 0, 0});
  const ProgramRun thresholded =
      run_fibflow({"evaluate", probabilities, truth_, "--json", "--threshold", "0.5"});
  EXPECT_EQ(thresholded.err, "");
  EXPECT_EQ(json::parse(thresholded.out).at("whole").at("iou"), 1.0);
  const ProgramRun raw = run_fibflow({"evaluate", probabilities, truth_, "--json"});
  EXPECT_EQ(raw.code, 0);
  EXPECT_NE(raw.err.find("warning"), std::string::npos)
      << "a probability of 0.1 counted as foreground in silence";
  EXPECT_NE(raw.err.find("threshold"), std::string::npos);
}

TEST_F(CommandLineTest, EvaluateComparesClasses) {
  const std::string labels = folder_ / "labels.tif";
  const std::string other = folder_ / "other.tif";
  write_stack<std::uint8_t>(labels, 1, 1, 6, {0, 1, 2, 2, 0, 0});
  write_stack<std::uint8_t>(other, 1, 1, 6, {0, 1, 2, 1, 0, 0});
  const ProgramRun table = run_fibflow({"evaluate", labels, other, "--classes"});
  EXPECT_EQ(table.code, 0);
  EXPECT_EQ(table.out,
            "slice  mean IoU  accuracy\n"
            "    0    0.6667    0.8333\n"
            "whole    0.6667    0.8333\n"
            "\n"
            "class     IoU    Dice  precision  recall  TP  FP  FN  TN\n"
            "    0  1.0000  1.0000     1.0000  1.0000   3   0   0   3\n"
            "    1  0.5000  0.6667     1.0000  0.5000   1   0   1   4\n"
            "    2  0.5000  0.6667     0.5000  1.0000   1   1   0   4\n"
            "\n"
            "mean IoU without the background: 0.5000\n");
  json result = json::parse(run_fibflow({"evaluate", labels, other, "--classes", "--json"}).out);
  EXPECT_DOUBLE_EQ(result.at("mean_iou"), 2.0 / 3);
  EXPECT_EQ(result.at("classes").at(2).at("class"), 2);
  result = json::parse(run_fibflow({"evaluate", labels, other, "--class", "2", "--json"}).out);
  EXPECT_DOUBLE_EQ(result.at("whole").at("iou"), 0.5);
}

// info

TEST_F(CommandLineTest, InfoSaysWhatAStackIs) {
  const std::string path = folder_ / "stack.tif";
  write_stack<std::uint16_t>(path, 2, 30, 40, std::vector<std::uint16_t>(2400), {20, 5, 5});
  const ProgramRun text = run_fibflow({"info", path});
  EXPECT_EQ(text.code, 0);
  for (const char* part :
       {"TIFF", "2 x 30 x 40 (z, y, x)", "u16", "20 x 5 x 5 nm", "4.7 KiB of voxels", "deflate"}) {
    EXPECT_NE(text.out.find(part), std::string::npos) << part << " is missing in\n" << text.out;
  }
  const json result = json::parse(run_fibflow({"info", path, "--json"}).out).at("files").at(0);
  EXPECT_EQ(result.at("path"), path);
  EXPECT_EQ(result.at("depth"), 2);
  EXPECT_EQ(result.at("height"), 30);
  EXPECT_EQ(result.at("width"), 40);
  EXPECT_EQ(result.at("type"), "u16");
  EXPECT_NEAR(result.at("voxel_nm").at("z").get<double>(), 20, 1e-6);
  EXPECT_NEAR(result.at("voxel_nm").at("x").get<double>(), 5, 1e-3);
  EXPECT_EQ(result.at("voxel_bytes"), 4800);
  EXPECT_GT(result.at("file_bytes").get<std::int64_t>(), 0);
}

TEST_F(CommandLineTest, InfoOfUnknownVoxelSizeSaysSo) {
  const ProgramRun text = run_fibflow({"info", truth_});
  EXPECT_NE(text.out.find("not stated"), std::string::npos) << text.out;
  const json result = json::parse(run_fibflow({"info", truth_, "--json"}).out).at("files").at(0);
  EXPECT_TRUE(result.at("voxel_nm").at("z").is_null());
}

TEST_F(CommandLineTest, InfoGoesOnAfterABadFile) {
  const std::string missing = folder_ / "none.tif";
  const ProgramRun run = run_fibflow({"info", "--json", missing, truth_});
  EXPECT_EQ(run.code, 66);
  EXPECT_EQ(run.err.rfind("fibflow: " + missing + ": ", 0), 0U) << run.err;
  const json files = json::parse(run.out).at("files");
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files.at(0).at("exit_code"), 66);
  EXPECT_EQ(files.at(1).at("depth"), 3);
}

TEST_F(CommandLineTest, InfoDescribesAModel) {
  const std::string path = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/pad_to_skip_opset13.onnx";
  const ProgramRun text = run_fibflow({"info", path});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("opset 13"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("not stated: unit is used"), std::string::npos) << text.out;
  const json result = json::parse(run_fibflow({"info", path, "--json"}).out).at("files").at(0);
  EXPECT_EQ(result.at("kind"), "model");
  EXPECT_EQ(result.at("input_channels"), 1);
  EXPECT_EQ(result.at("operators").at("ConvTranspose"), 2);
  EXPECT_EQ(result.at("batch_norm_layers").size(),
            result.at("operators").at("BatchNormalization").get<std::size_t>());
  EXPECT_EQ(result.at("adaptable"), true);
}

TEST_F(CommandLineTest, InfoSaysHowToExportAModelThatCannotBeAdapted) {
  const ProgramRun run =
      run_fibflow({"info", std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/folded.onnx"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("TrainingMode.PRESERVE"), std::string::npos) << run.out;
}

TEST_F(CommandLineTest, APredictionOfSomeSlicesIsComparedWithThoseOfTheTruth) {
  ASSERT_EQ(run_fibflow({"phantom", "--output", folder_ / "whole", "--shape", "6,48,64"}).code, 0);
  const std::string labels = folder_ / "whole/labels.tif";
  const std::string model = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/pad_to_skip_opset13.onnx";
  const std::string part = folder_ / "part.tif";
  ASSERT_EQ(run_fibflow({"segment", folder_ / "whole/image.tif", "--model", model, "--output", part,
                         "--slices", "2:5"})
                .code,
            0);
  const ProgramRun run = run_fibflow({"evaluate", part, labels, "--slices", "2:5", "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run_fibflow({"evaluate", part, labels}).code, 65) << "three slices against six";
  EXPECT_EQ(run_fibflow({"evaluate", part, labels, "--slices", "1:5"}).code, 65)
      << "three slices against four";
}

// phantom

std::vector<std::string> small_phantom(const std::string& output) {
  return {"phantom", "--output", output, "--shape", "3,48,64"};
}

std::vector<std::string> operator+(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string contents_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

TEST_F(CommandLineTest, PhantomMakesAStackAndItsTruth) {
  const ProgramRun run = run_fibflow(small_phantom(folder_ / "cell"));
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, "");
  const std::string labels = folder_ / "cell/labels.tif";
  const json files = json::parse(run_fibflow({"info", "--json", folder_ / "cell/image.tif", labels,
                                              folder_ / "cell/compartments.tif"})
                                     .out)
                         .at("files");
  EXPECT_EQ(files.size(), 3U);
  for (const json& file : files) {
    EXPECT_EQ(file.at("depth"), 3);
    EXPECT_EQ(file.at("height"), 48);
    EXPECT_EQ(file.at("width"), 64);
    EXPECT_NEAR(file.at("voxel_nm").at("z").get<double>(), 8, 1e-6);
  }
  EXPECT_EQ(run_fibflow({"evaluate", labels, labels}).code, 0);
}

TEST_F(CommandLineTest, PhantomsOfOneSeedAreEqual) {
  ASSERT_EQ(run_fibflow(small_phantom(folder_ / "a")).code, 0);
  ASSERT_EQ(run_fibflow(small_phantom(folder_ / "b")).code, 0);
  ASSERT_EQ(run_fibflow(small_phantom(folder_ / "c") + std::vector<std::string>{"--seed", "2"}).code, 0);
  EXPECT_EQ(contents_of(folder_ / "a/image.tif"), contents_of(folder_ / "b/image.tif"));
  EXPECT_NE(contents_of(folder_ / "a/image.tif"), contents_of(folder_ / "c/image.tif"));
}

TEST_F(CommandLineTest, ExistingOutputExitsWith73AndStaysAsItIs) {
  const std::string folder = folder_ / "old";
  const std::string image = folder + "/image.tif";
  ASSERT_EQ(run_fibflow(small_phantom(folder)).code, 0);
  const std::string before = contents_of(image);
  const std::vector<std::string> other = {"--seed", "7"};
  const ProgramRun run = run_fibflow(small_phantom(folder) + other);
  EXPECT_EQ(run.code, 73);
  EXPECT_EQ(run.err.rfind("fibflow: " + image + ": ", 0), 0U) << run.err;
  EXPECT_EQ(contents_of(image), before);
  EXPECT_EQ(run_fibflow(small_phantom(folder) + other + std::vector<std::string>{"--overwrite"}).code, 0);
  EXPECT_NE(contents_of(image), before);
}

TEST_F(CommandLineTest, UnwritableOutputExitsWith73) {
  const std::string path = truth_ + "/cell";  // below a file no folder can be made
  const ProgramRun run = run_fibflow(small_phantom(path));
  EXPECT_EQ(run.code, 73);
  EXPECT_EQ(run.err.rfind("fibflow: " + path + ": ", 0), 0U) << run.err;
}

TEST_F(CommandLineTest, SenselessPhantomIsAUsageError) {
  const std::string path = folder_ / "nothing";
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--resin", "0.9"}, {"--fixation", "paraffin"}, {"--shape", "0,48,48"}, {"--shape", "3,48"}}) {
    const std::vector<std::string> command = {"phantom", "--output", path};
    const ProgramRun run = run_fibflow(command + wrong);
    EXPECT_EQ(run.code, 64) << wrong.front() << ": " << run.err;
    EXPECT_NE(run.err.find("run `fibflow phantom --help`"), std::string::npos) << run.err;
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

TEST_F(CommandLineTest, StoppedRunLeavesNothingBehind) {
  testing::TemporaryFolder folder;
  ProgramOptions options;
  options.stderr_is_terminal = true;
  options.environment["TERM"] = "xterm";
  options.signal_when = "phantom   0%";
  options.signal = SIGINT;
  const std::vector<std::string> arguments = {"phantom",      "--output", folder / ".", "--shape",
                                              "100000,64,64", "--resin",  "0.7"};
  const ProgramRun run = run_fibflow(arguments, options);
  EXPECT_EQ(run.code, 130);
  EXPECT_TRUE(std::filesystem::is_empty(folder / ".")) << "a partial output stayed";
}

// Terminal, pipe and signals

TEST_F(CommandLineTest, ProgressBarIsDrawnOnATerminalAndTakenAway) {
  ProgramOptions options;
  options.stderr_is_terminal = true;
  options.environment["TERM"] = "xterm";
  const ProgramRun run = run_fibflow({"evaluate", prediction_, truth_}, options);
  EXPECT_EQ(run.code, 0);
  EXPECT_NE(run.err.find("evaluate 100% [===="), std::string::npos) << run.err;
  EXPECT_EQ(run.err.substr(run.err.size() - 4), "\r\x1b[K");
  options.environment["TERM"] = "dumb";
  EXPECT_EQ(run_fibflow({"evaluate", prediction_, truth_}, options).err, "");
  options.environment["TERM"] = "xterm";
  EXPECT_EQ(run_fibflow({"evaluate", prediction_, truth_, "--quiet"}, options).err, "");
}

TEST_F(CommandLineTest, ResultsAndProgressBarShareATerminal) {
  ProgramOptions options;
  options.stderr_is_terminal = true;
  options.stdout_is_that_terminal = true;
  options.environment["TERM"] = "xterm";
  const ProgramRun run = run_fibflow({"evaluate", prediction_, truth_}, options);
  testing::Screen screen(100);
  screen.write(run.err);
  ASSERT_EQ(screen.lines().size(), 6U) << run.err;
  EXPECT_EQ(screen.lines()[0], "slice     IoU    Dice  precision  recall  TP  FP  FN  TN");
  EXPECT_EQ(screen.lines()[4], "whole  0.5000  0.6667     0.6667  0.6667   2   1   1   8");
  EXPECT_EQ(screen.lines()[5], "");
}

TEST_F(CommandLineTest, NoControlCharacterGoesIntoAPipe) {
  const std::string probabilities = folder_ / "p.tif";
  write_stack<std::uint8_t>(probabilities, 3, 1, 4, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const ProgramRun run = run_fibflow({"evaluate", probabilities, truth_, "--verbose"});
  EXPECT_EQ(run.code, 0);
  EXPECT_NE(run.err.find("warning"), std::string::npos);
  EXPECT_NE(run.err.find("slices/s"), std::string::npos) << "the summary belongs into the log: " << run.err;
  for (const char byte : run.err + run.out)
    EXPECT_TRUE(byte == '\n' || (byte >= ' ' && byte <= '~')) << int{byte};
}

TEST_F(CommandLineTest, WarningsAreColouredOnATerminalUnlessUnwanted) {
  const std::string probabilities = folder_ / "p.tif";
  write_stack<std::uint8_t>(probabilities, 3, 1, 4, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  ProgramOptions options;
  options.stderr_is_terminal = true;
  options.environment["TERM"] = "xterm";
  const std::string colour = "\x1b[33m";
  EXPECT_NE(run_fibflow({"evaluate", probabilities, truth_}, options).err.find(colour), std::string::npos);
  options.environment["NO_COLOR"] = "1";
  EXPECT_EQ(run_fibflow({"evaluate", probabilities, truth_}, options).err.find(colour), std::string::npos);
}

TEST_F(CommandLineTest, SignalStopsARunAndSetsItsExitCode) {
  // Long enough that the signal, sent when the bar appears, should come before the end.
  const std::string large = folder_ / "large.tif";
  write_stack<std::uint8_t>(large, 1500, 256, 256, std::vector<std::uint8_t>(1500 * 256 * 256));
  ProgramOptions options;
  options.stderr_is_terminal = true;
  options.environment["TERM"] = "xterm";
  options.signal_when = "evaluate   0%";
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    options.signal = signal;
    ProgramRun run = run_fibflow({"evaluate", large, large}, options);
    // On a busy machine the run may be done before this process gets to send the signal.
    for (int attempt = 0; attempt < 5 && run.code == 0; ++attempt)
      run = run_fibflow({"evaluate", large, large}, options);
    EXPECT_EQ(run.code, code);
    EXPECT_EQ(run.out, "") << "half a result that looks like one";
    EXPECT_NE(run.err.find("fibflow: stopped by "), std::string::npos) << run.err;
  }
}

}  // namespace
}  // namespace fibflow
