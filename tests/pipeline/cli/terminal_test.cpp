#include "pipeline/cli/terminal/terminal.h"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "tests/fixtures/screen.h"

namespace fibflow::pipeline {
namespace {

using Lines = std::vector<std::string>;

Lines screen_after(const std::ostringstream& stream, std::size_t width) {
  testing::Screen screen(width);
  screen.write(stream.str());
  return screen.lines();
}

TEST(TerminalTest, PrintedLinesStandAboveTheStatus) {
  std::ostringstream stream;
  Terminal terminal(stream, [] { return 40; });
  terminal.set_status("a long status line");
  terminal.print("short\n");
  terminal.print("two\nlines\n");
  EXPECT_EQ(screen_after(stream, 40), (Lines{"short", "two", "lines", "a long status line"}));
}

TEST(TerminalTest, ShorterStatusLeavesNothingOfALongerOne) {
  std::ostringstream stream;
  Terminal terminal(stream, [] { return 40; });
  terminal.set_status("a long status line");
  terminal.set_status("short");
  EXPECT_EQ(screen_after(stream, 40), Lines{"short"});
}

TEST(TerminalTest, StatusNeverWraps) {
  std::ostringstream stream;
  int columns = 20;
  Terminal terminal(stream, [&columns] { return columns; });
  terminal.set_status("0123456789012345678901234567890123456789");
  EXPECT_EQ(screen_after(stream, 20), Lines{"0123456789012345678"});
  columns = 10;  // the window shrinks
  stream.str("");
  terminal.print("log\n");
  EXPECT_EQ(screen_after(stream, 10), (Lines{"log", "012345678"}));
}

TEST(TerminalTest, StatusIsGoneAfterClearingAndAtTheEnd) {
  std::ostringstream stream;
  {
    Terminal terminal(stream, [] { return 40; });
    terminal.set_status("status");
    terminal.clear_status();
    EXPECT_EQ(screen_after(stream, 40), Lines{""});
    terminal.set_status("status");
  }
  EXPECT_EQ(screen_after(stream, 40), Lines{""});
}

TEST(TerminalTest, WritesNothingButThePrintedTextToAPipe) {
  std::ostringstream stream;
  {
    Terminal terminal(stream, [] { return 0; });
    terminal.set_status("status");
    terminal.print("line\n");
    terminal.clear_status();
  }
  EXPECT_EQ(stream.str(), "line\n");
}

TEST(TerminalTest, LinesOfManyThreadsStayWhole) {
  std::ostringstream stream;
  {
    Terminal terminal(stream, [] { return 60; });
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&terminal] {
        for (int i = 0; i < 200; ++i) {
          terminal.set_status("status " + std::to_string(i));
          terminal.print("a whole line\n");
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  Lines lines = screen_after(stream, 60);
  ASSERT_EQ(lines.size(), 801U);
  EXPECT_EQ(lines.back(), "");
  lines.pop_back();
  for (const auto& line : lines) EXPECT_EQ(line, "a whole line");
}

}  // namespace
}  // namespace fibflow::pipeline
