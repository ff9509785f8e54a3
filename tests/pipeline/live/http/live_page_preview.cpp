// Shows the live page of an acquisition that is made up, for those who work on the page:
//
//     live_page_preview [ADDRESS] [SLICES] [STATE] [SECONDS]
//
// listens at ADDRESS (127.0.0.1:8080), begins with SLICES (500) in the past, in a STATE (running) that is any the daemon can
// be in or "hangs", "troubled" or "week", and adds a slice every SECONDS (2; 0: none). Ends with its standard input.
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <string>

#include "pipeline/live/http/live_server.h"
#include "tests/fixtures/phantom_run.h"

using namespace fibflow;
using pipeline::LiveState;

namespace {

void arrange(const std::string& state, testing::PhantomRun& run, pipeline::StatusBoard& board) {
  const std::string next = std::to_string(run.next());
  if (state == "starting") run.enter(LiveState::starting);
  if (state == "probing") run.enter(LiveState::probing, "2 of 3 slices for the probe are there");
  if (state == "running" || state == "hangs" || state == "week") run.enter(LiveState::running);
  if (state == "waiting") run.enter(LiveState::waiting, "slice " + next + " is not there yet");
  if (state == "ending") run.enter(LiveState::ending, "no slice has come for 30 min");
  if (state == "paused") {
    run.enter(LiveState::paused, "no room on /segmented: 12 MiB free, a slice needs 24 MiB");
    board.change([](pipeline::LiveStatus& status) {
      status.disk_free = std::uint64_t{12} << 20;
      status.counts.pending = 37;
    });
  }
  if (state == "troubled") {
    run.enter(LiveState::running);
    board.change([](pipeline::LiveStatus& status) {
      const auto now = std::chrono::system_clock::now();
      status.counts.skipped = 2;
      status.counts.failed = 1;
      status.counts.late = 1;
      status.counts.pending = 214;
      status.counts.overflows = 1;
      status.warnings.add("slice 118 did not come within 10 min: skipped", now - std::chrono::hours(3));
      status.warnings.add("slice_0201.tif: TIFF directory 1 is damaged; not segmented",
                          now - std::chrono::hours(1));
      status.warnings.add("slice 118 came after its number was passed: left out",
                          now - std::chrono::minutes(50));
      for (int i = 0; i < 14; ++i) {
        status.warnings.add("the latency is above the interval of the acquisition",
                            now - std::chrono::minutes(14 - i));
      }
    });
  }
}

}  // namespace

int main(int count, char** arguments) {
  const auto argument = [&](int i, const char* otherwise) {
    return std::string(count > i ? arguments[i] : otherwise);
  };
  const std::string state = argument(3, "running");
  const int slices = std::stoi(argument(2, "500"));
  const auto every = static_cast<int>(1000 * std::stod(argument(4, "2")));

  pipeline::StatusBoard board;
  pipeline::Liveness liveness(std::chrono::seconds(state == "hangs" ? 1 : 1000000));
  testing::PhantomRun run(board, 768, slices);
  run.add_slices(slices);
  arrange(state, run, board);
  const pipeline::LiveServer server(board, liveness, pipeline::parse_listen_address(argument(1, "8080")));
  std::cout << server.url() << std::endl;

  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (poll(&input, 1, every > 0 ? every : -1) == 0) run.add_slice();
  return 0;
}
