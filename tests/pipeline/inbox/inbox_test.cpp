// An inbox as whoever drops stacks into it sees it: what is made of each, what is moved where, what a restart does.
#include "pipeline/inbox/inbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "io/error.h"
#include "io/formats/formats.h"
#include "io/stack_view.h"
#include "pipeline/inbox/inbox_journal.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/small_network.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

constexpr int height = 40;
constexpr int width = 56;

class InboxTest : public ::testing::Test {
 protected:
  InboxTest() {
    fs::create_directory(folder / "in");
    options.inbox.folder = folder / "in";
    options.inbox.settle = milliseconds(20);
    options.inbox.settle_folder = milliseconds(100);
    options.inbox.poll = milliseconds(20);
    options.inbox.wait_unreadable = milliseconds(100);
    options.output.folder = folder / "out";
    options.output.probability = true;
    options.checkpoint_seconds = 0;
    adaptation.lag = 2;
    resources.threads = 2;
    resources.memory = std::size_t{1} << 30;
  }

  /// Drops a stack, complete from its first moment. from: its first slice, of an endless one.
  void drop(const std::string& name, int depth, std::int64_t from = 0) const {
    auto stack = testing::textured_stack(from + depth, height, width);
    const std::string hidden = folder / ("in/.coming-" + name);
    const auto writer = io::create_stack(hidden, {io::Compression::none, {20, 8, 8}, "", false, depth});
    for (std::int64_t z = from; z < from + depth; ++z) writer->write(stack.read(z).at(z - from));
    writer->finish();
    fs::rename(hidden, folder / ("in/" + name));
  }
  void drop_slice(const std::string& name, std::int64_t z) const {
    fs::create_directories(fs::path(folder / ("in/" + name)).parent_path());
    auto stack = testing::textured_stack(z + 1, height, width);
    const auto writer =
        io::create_stack(folder / ("in/" + name), {io::Compression::none, {20, 8, 8}, "", true, 1});
    writer->write(stack.read(z));
    writer->finish();
  }

  /// One process, until the inbox is empty; or until so many slices are segmented in it: then it is stopped.
  WatchEnd run(std::optional<std::uint64_t> stop_after = std::nullopt, bool close = true) {
    std::stop_source stop;
    StatusBoard board;
    Liveness liveness(std::chrono::hours(1));
    LiveRequests requests(stop.get_token());
    if (close) {
      fs::create_directories(options.output.folder);
      std::ofstream(folder / "out/stop") << "";
    }
    std::atomic<bool> over = false;
    std::thread stopper([&] {
      std::uint64_t version = 0;
      while (!over) {
        version = board.wait_for_change(version, milliseconds(10));
        const auto now = board.latest().status;
        if (stop_after && now->counts.processed >= *stop_after) stop.request_stop();
        if (stop_when && stop_when(*now)) stop.request_stop();
      }
    });
    const auto keep = [this](const std::string& line) {
      const std::lock_guard lock(mutex);
      log += line + "\n";
    };
    std::optional<WatchEnd> end;
    std::exception_ptr failure;
    try {
      end = serve_inbox(testing::small_network(), options, input, adaptation, resources,
                        {stop.get_token(), keep, keep, board, liveness, requests, [] {}});
    } catch (...) {
      failure = std::current_exception();
    }
    over = true;
    stopper.join();
    status = *board.latest().status;
    if (failure) std::rethrow_exception(failure);
    return *end;
  }

  /// What a batch run makes of a stack.
  std::string batch(const std::string& stack) const {
    OutputOptions output;
    output.mask = folder / "batch.tif";
    output.probability = folder / "batch-p.tif";
    output.overwrite = true;
    segment(*io::open_stack(stack), testing::small_network(), input, adaptation, output, resources);
    return voxels(output.mask) + voxels(output.probability);
  }
  std::string made(const std::string& name) const {
    return voxels(folder / ("out/" + name + "/masks.tif")) +
           voxels(folder / ("out/" + name + "/probabilities.tif"));
  }
  static std::string voxels(const std::string& path) {
    const auto stack = io::open_stack(path);
    std::string all;
    for (std::int64_t z = 0; z < stack->info().depth; ++z) {
      const io::Slice slice = stack->read(z);
      all.append(reinterpret_cast<const char*>(slice.data()), slice.size_bytes());
    }
    return all;
  }

  Names names_in(const std::string& relative) const {
    Names names;
    for (const auto& entry : fs::directory_iterator(folder / relative))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }
  bool is_there(const std::string& relative) const { return fs::exists(folder / relative); }
  bool said(const std::string& text) const { return log.find(text) != std::string::npos; }

  testing::TemporaryFolder folder;
  InboxOptions options;
  InputOptions input;
  AdaptationOptions adaptation;
  ResourceOptions resources;
  std::mutex mutex;
  std::string log;  // guarded by mutex while it runs
  LiveStatus status;
  std::function<bool(const LiveStatus& status)> stop_when;
};

const Names whole_output{"masks.tif", "probabilities.tif", "report.html", "report.json"};

TEST_F(InboxTest, EachStackIsSegmentedAsByItself) {
  drop("cell 1.tif", 6);
  drop("cell 2.ome.tif", 5, 20);
  for (int z = 0; z < 4; ++z) drop_slice("slices/s_" + std::to_string(z) + ".tif", 40 + z);
  std::ofstream(folder / "in/notes.txt") << "not a stack";
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(made("cell 1"), batch(folder / "in/cell 1.tif"));
  EXPECT_EQ(made("cell 2"), batch(folder / "in/cell 2.ome.tif"));
  EXPECT_EQ(made("slices"), batch(folder / "in/slices"));
  for (const char* name : {"cell 1", "cell 2", "slices"}) {
    EXPECT_EQ(names_in(std::string("out/") + name), whole_output);
    const auto report =
        nlohmann::json::parse(testing::bytes_of(folder / ("out/" + std::string(name) + "/report.json")));
    EXPECT_EQ(report["previews"].size(), report["comparison"]["slices"].size());
  }
  EXPECT_EQ(status.inbox->done, 3u);
  EXPECT_EQ(status.inbox->failed, 0u);
  EXPECT_EQ(status.counts.processed, 15u);
  EXPECT_EQ(names_in("in"), (Names{"cell 1.tif", "cell 2.ome.tif", "notes.txt", "slices"})) << "they stay";
  EXPECT_FALSE(is_there("out/stop"));
}

TEST_F(InboxTest, WhatIsDoneIsNotDoneAgain) {
  drop("cell.tif", 5);
  run();
  const auto before = io::identify(folder / "out/cell/masks.tif");
  drop("other.tif", 4, 9);
  log.clear();
  run();
  EXPECT_EQ(io::identify(folder / "out/cell/masks.tif"), before);
  EXPECT_FALSE(said("cell.tif: 5 slices"));
  EXPECT_TRUE(is_there("out/other/masks.tif"));
  EXPECT_EQ(status.inbox->done, 2u);
}

TEST_F(InboxTest, WhatIsDoneIsMovedAsAsked) {
  options.done_folder = folder / "in/done";
  drop("cell.tif", 5);
  drop_slice("slices/s_1.tif", 1);
  drop_slice("slices/s_2.tif", 2);
  drop_slice("slices/complete", 3);
  run();
  EXPECT_EQ(names_in("in"), Names{"done"});
  EXPECT_EQ(names_in("in/done"), (Names{"cell.tif", "slices"}));
  drop("cell.tif", 5, 30);
  run();
  EXPECT_EQ(names_in("in/done"), (Names{"cell-2.tif", "cell.tif", "slices"}));
  EXPECT_EQ(made("cell-2"), batch(folder / "in/done/cell-2.tif")) << "another stack of that name";
  EXPECT_EQ(made("cell"), batch(folder / "in/done/cell.tif"));
}

TEST_F(InboxTest, OneThatCannotBeSegmentedIsMovedAsideAndKeepsNobodyWaiting) {
  drop("a broken.tif", 6);
  fs::resize_file(folder / "in/a broken.tif", fs::file_size(folder / "in/a broken.tif") / 2);
  fs::create_directory(folder / "in/empty of slices");
  std::ofstream(folder / "in/empty of slices/notes.txt") << "nothing";
  drop("b.tif", 5);
  drop("c.tif", 5, 7);
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(names_in("in"), (Names{"b.tif", "c.tif", "failed"}));
  EXPECT_EQ(names_in("in/failed"), (Names{"a broken.tif", "a broken.tif.reason.txt", "empty of slices",
                                          "empty of slices.reason.txt"}));
  const std::string reason = testing::bytes_of(folder / "in/failed/a broken.tif.reason.txt");
  EXPECT_NE(reason.find("truncated or damaged"), std::string::npos) << reason;
  EXPECT_NE(reason.find("move it back"), std::string::npos) << reason;
  EXPECT_EQ(status.inbox->failed, 2u);
  EXPECT_EQ(made("b"), batch(folder / "in/b.tif"));

  // Mended, and moved back.
  fs::remove(folder / "in/failed/a broken.tif");
  drop("a broken.tif", 6);
  run();
  EXPECT_EQ(made("a broken"), batch(folder / "in/a broken.tif"));
}

TEST_F(InboxTest, AFolderThatIsSaidToBeCompleteAndHasNoSlicesFails) {
  fs::create_directory(folder / "in/nothing");
  std::ofstream(folder / "in/nothing/complete") << "";
  fs::create_directory(folder / "in/hidden");
  std::ofstream(folder / "in/hidden/.coming.tif") << "";
  drop("cell.tif", 4);
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(names_in("in"), (Names{"cell.tif", "failed", "hidden"}));
  EXPECT_TRUE(is_there("in/failed/nothing.reason.txt"));
}

TEST_F(InboxTest, SaysAtOnceWhatCannotBeReadThoughItWaits) {
  options.inbox.wait_unreadable = std::chrono::hours(1);
  std::ofstream(folder / "in/text.tif") << "no TIFF";
  stop_when = [this](const LiveStatus&) {
    const std::lock_guard lock(mutex);
    return said("--wait-missing");
  };
  EXPECT_EQ(run(std::nullopt, false), WatchEnd::stopped);
  EXPECT_TRUE(said("text.tif")) << log;
  EXPECT_TRUE(is_there("in/text.tif"));
}

TEST_F(InboxTest, OneThatFailsInTheMiddleFailsAlone) {
  drop("good.tif", 5);
  drop("nan.tif", 5);
  {
    const auto writer = io::create_stack(folder / "in/nan.tif", {io::Compression::none, {}, "", true, 5});
    for (int z = 0; z < 5; ++z) {
      writer->write(testing::make_slice<float>(z, height, width, [&](int y, int x) {
        return z == 4 && y == 3 && x == 3 ? std::nanf("") : static_cast<float>((x * y + z) % 100) / 100;
      }));
    }
    writer->finish();
  }
  run();
  EXPECT_EQ(names_in("in/failed"), (Names{"nan.tif", "nan.tif.reason.txt"}));
  EXPECT_NE(testing::bytes_of(folder / "in/failed/nan.tif.reason.txt").find("slice 4"), std::string::npos);
  EXPECT_TRUE(is_there("out/good/masks.tif"));
  EXPECT_FALSE(is_there("out/nan/masks.tif"));
  // Moved back as it is, it is tried again.
  fs::rename(folder / "in/failed/nan.tif", folder / "in/nan.tif");
  run();
  EXPECT_TRUE(said("nan.tif: it came back"));
  EXPECT_TRUE(is_there("in/failed/nan.tif"));
}

TEST_F(InboxTest, AStopLeavesAllThatARestartGoesOnFrom) {
  drop("a.tif", 7);
  drop("b.tif", 7, 11);
  for (const int after : {3, 9}) {
    EXPECT_EQ(run(after, false), WatchEnd::stopped);
    EXPECT_TRUE(is_there(after == 3 ? "out/a/.masks.tif.checkpoint" : "out/a/masks.tif"));
  }
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_TRUE(said("the run goes on"));
  EXPECT_EQ(made("a"), batch(folder / "in/a.tif"));
  EXPECT_EQ(made("b"), batch(folder / "in/b.tif"));
  EXPECT_EQ(names_in("out/a"), whole_output);
  EXPECT_EQ(names_in("out/b"), whole_output);
}

TEST_F(InboxTest, AStackThatWasBegunWithOtherOptionsIsBegunAnew) {
  drop("a.tif", 7);
  EXPECT_EQ(run(3, false), WatchEnd::stopped);
  adaptation.lag = 3;
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_TRUE(said("done again"));
  EXPECT_EQ(made("a"), batch(folder / "in/a.tif"));
}

TEST_F(InboxTest, WhatChangesIsNotTakenBeforeItIsComplete) {
  options.inbox.settle = milliseconds(150);
  const std::string path = folder / "in/growing.tif";
  drop("whole.tif", 8);
  const std::string bytes = testing::bytes_of(folder / "in/whole.tif");
  fs::remove(folder / "in/whole.tif");
  std::thread writer([&] {
    std::ofstream file(path, std::ios::binary);
    constexpr std::size_t parts = 10;
    for (std::size_t part = 0; part < parts; ++part) {
      const std::size_t begin = part * bytes.size() / parts;
      file.write(bytes.data() + begin,
                 static_cast<std::streamsize>((part + 1) * bytes.size() / parts - begin));
      file.flush();
      std::this_thread::sleep_for(milliseconds(60));
    }
  });
  stop_when = [](const LiveStatus& now) { return now.inbox && now.inbox->done + now.inbox->failed > 0; };
  EXPECT_EQ(run(std::nullopt, false), WatchEnd::stopped);
  writer.join();
  EXPECT_EQ(made("growing"), batch(path));
  EXPECT_EQ(status.inbox->failed, 0u);
}

TEST_F(InboxTest, AFolderIsTakenWithItsMarkerOrWhenItHasBeenLeftAlone) {
  options.inbox.settle_folder = std::chrono::hours(1);
  for (int z = 0; z < 3; ++z) drop_slice("slices/s_" + std::to_string(z) + ".tif", z);
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(300));
    for (int z = 3; z < 6; ++z) drop_slice("slices/s_" + std::to_string(z) + ".tif", z);
    std::ofstream(folder / "in/slices/complete") << "";
  });
  stop_when = [](const LiveStatus& now) { return now.inbox && now.inbox->done > 0; };
  EXPECT_EQ(run(std::nullopt, false), WatchEnd::stopped);
  later.join();
  EXPECT_EQ(io::open_stack(folder / "out/slices/masks.tif")->info().depth, 6);
  EXPECT_TRUE(status.warnings.entries().empty() || !said("left out: not TIFF"))
      << "the marker is no surprise";
}

TEST_F(InboxTest, WhatChangesAfterItWasSegmentedIsAnotherStack) {
  drop("cell.tif", 5);
  run();
  const std::string before = made("cell");
  drop("cell.tif", 5, 17);
  run();
  EXPECT_EQ(made("cell"), before);
  EXPECT_EQ(made("cell-2"), batch(folder / "in/cell.tif"));
  EXPECT_TRUE(said("goes into cell-2"));
}

TEST_F(InboxTest, NothingForeignIsTouched) {
  fs::create_directories(folder / "out/cell");
  std::ofstream(folder / "out/cell/masks.tif") << "somebody's";
  drop("cell.tif", 5);
  run();
  EXPECT_EQ(testing::bytes_of(folder / "out/cell/masks.tif"), "somebody's");
  EXPECT_TRUE(is_there("out/cell-2/masks.tif"));
}

TEST_F(InboxTest, ASliceIsNoStack) {
  drop("stack.tif", 4);
  drop_slice("slice_1.tif", 1);
  drop_slice("slice_2.tif", 2);
  run();
  EXPECT_EQ(names_in("in"), (Names{"slice_1.tif", "slice_2.tif", "stack.tif"}));
  EXPECT_TRUE(said("an inbox takes whole stacks"));
  EXPECT_EQ(status.inbox->done, 1u);
}

TEST_F(InboxTest, SaysWhenNothingCameOrMoreFailedThanWasDone) {
  try {
    run();
    FAIL() << "nothing came";
  } catch (const io::Error& error) {
    EXPECT_EQ(error.kind(), io::ErrorKind::missing);
  }
  std::ofstream(folder / "in/broken.tif") << "not a TIFF";
  try {
    run();
    FAIL() << "nothing could be segmented";
  } catch (const io::Error& error) {
    EXPECT_EQ(error.kind(), io::ErrorKind::bad_data);
    EXPECT_NE(std::string(error.what()).find("reasons beside them"), std::string::npos) << error.what();
  }
}

TEST_F(InboxTest, EndsWhenNothingHasComeForLong) {
  options.end_after = milliseconds(300);
  drop("cell.tif", 5);
  EXPECT_EQ(run(std::nullopt, false), WatchEnd::complete);
  EXPECT_TRUE(said("no stack has come"));
}

TEST_F(InboxTest, RefusesFoldersThatCannotWork) {
  options.output.folder = folder / "in/out";
  EXPECT_THROW(run(std::nullopt, false), std::invalid_argument);
  options.output.folder = folder / "out";
  options.done_folder = folder / "in/../in";
  EXPECT_THROW(run(std::nullopt, false), std::invalid_argument);
  options.done_folder.clear();
  options.inbox.marker = "a/b";
  EXPECT_THROW(run(std::nullopt, false), std::invalid_argument);
}

TEST(InboxJournalTest, KeepsTheLastWordOnEachStack) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "inbox";
  const InboxStack one{"cell 1\n.tif", "1-2-3"};
  const InboxStack other{"cell 1\n.tif", "4-5-6"};
  {
    InboxJournal journal(path);
    EXPECT_EQ(journal.find(one), nullptr);
    journal.begin(one, "cell 1");
    journal.end(one, InboxJournal::State::failed, "no \"luck\"\n");
    journal.moved(one);
    journal.begin(other, "cell 1-2");
  }
  {
    const InboxJournal journal(path);
    EXPECT_FALSE(journal.was_damaged());
    ASSERT_NE(journal.find(one), nullptr);
    EXPECT_EQ(journal.find(one)->state, InboxJournal::State::failed);
    EXPECT_TRUE(journal.find(one)->moved);
    EXPECT_EQ(journal.find(one)->reason, "no \"luck\"\n");
    EXPECT_EQ(journal.find(other)->output, "cell 1-2");
    EXPECT_EQ(journal.find(other)->state, InboxJournal::State::begun);
    EXPECT_TRUE(journal.has_output("cell 1"));
    EXPECT_FALSE(journal.has_output("cell"));
  }
  fs::resize_file(path, fs::file_size(path) - 3);
  InboxJournal journal(path);
  EXPECT_TRUE(journal.was_damaged());
  EXPECT_EQ(journal.find(other), nullptr);
  journal.begin(other, "cell 1-2");
  EXPECT_FALSE(InboxJournal(path).was_damaged());
}

}  // namespace
}  // namespace fibflow::pipeline
