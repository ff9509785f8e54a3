// `fibflow segment` as a batch system starts, limits and warns it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "pipeline/options/exit_codes.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"
#include "tests/system/running_program.h"

namespace fibflow::testing {
namespace {

class BatchJobTest : public ::testing::Test {
 protected:
  BatchJobTest() {
    auto stack = textured_stack(40, 256, 256);
    write_tiff(stack, folder / "stack.tif");
    std::filesystem::create_directory(out);
  }

  static std::string model() { return std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx"; }
  std::vector<std::string> arguments() const {
    return {"segment", folder / "stack.tif", "--model",       model(),
            "-o",      out + "/m.tif",       "--compression", "none"};
  }
  /// In a shell: what stands before the program, and after its arguments. Its exit code.
  int shell(const std::string& before, const std::string& after) const {
    std::string line = before + " '" + FIBFLOW_PROGRAM + "'";
    for (const std::string& argument : arguments()) line += " '" + argument + "'";
    const int status = std::system((line + " " + after).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::vector<std::string> left() const { return files_in(out); }

  TemporaryFolder folder;
  const std::string out = folder / "out";
};

TEST_F(BatchJobTest, AWarningOfTheSystemStopsItAndLeavesNothing) {
  for (const int number : {SIGXCPU, SIGUSR2, SIGTERM}) {
    RunningProgram program(arguments(), folder / "said");
    ASSERT_TRUE(await([&] { return program.said().find("plan:") != std::string::npos; })) << program.said();
    program.signal(number);
    const auto end = program.wait();
    ASSERT_TRUE(end);
    if (end->code == 0) continue;  // it was done before it could heed it
    EXPECT_TRUE(end->code == 128 + number || end->killed_by == number) << end->code << " " << end->killed_by;
    EXPECT_TRUE(left().empty());
    std::filesystem::remove(folder / "said");
  }
}

TEST_F(BatchJobTest, AFileSizeLimitIsADiskThatFails) {
  EXPECT_EQ(shell("ulimit -f 100;", ">/dev/null 2>'" + (folder / "said") + "'"), pipeline::exit_read_write);
  std::ifstream in(folder / "said");
  std::ostringstream said;
  said << in.rdbuf();
  EXPECT_NE(said.str().find("m.tif: cannot be written: File too large"), std::string::npos) << said.str();
  EXPECT_TRUE(left().empty());
}

TEST_F(BatchJobTest, ItNeedsNoStreams) {
  EXPECT_EQ(shell("", "<&- >&- 2>&-"), 0);
  EXPECT_EQ(left().size(), 1U);
  std::ifstream mask(out + "/m.tif", std::ios::binary);
  std::string begin(2, ' ');
  mask.read(begin.data(), 2);
  EXPECT_EQ(begin, "II") << "what it says went into a file that it wrote";
}

TEST_F(BatchJobTest, AReaderOfItsMessagesMayGoAway) {
  // The pipe's reader ends at once.
  EXPECT_EQ(shell("(", "; echo $? > '" + (folder / "code") + "') 2>&1 | true"), 0);
  EXPECT_EQ(std::filesystem::exists(out + "/m.tif"), true);
}

}  // namespace
}  // namespace fibflow::testing
