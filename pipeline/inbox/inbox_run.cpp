#include "pipeline/inbox/inbox_run.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/atomic_file.h"
#include "io/files/folder.h"
#include "pipeline/flow/interruption.h"
#include "pipeline/flow/spoken.h"
#include "pipeline/live/status/live_status.h"
#include "pipeline/live/watch_setting.h"
#include "pipeline/report/run_facts.h"

namespace fibflow::pipeline {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

/// The longest rest between two looks for what is asked for by a file.
constexpr milliseconds longest_rest{1000};

const std::string& made(const std::string& folder) {
  io::make_folder(folder);
  return folder;
}

/// The names in the inbox that are not stacks: where they are moved to.
std::set<std::string> excluded_names(const InboxOptions& options) {
  std::set<std::string> names;
  const fs::path inbox(followed_path(options.inbox.folder));
  for (const std::string& folder : {options.failed_folder, options.done_folder}) {
    const fs::path inside = fs::path(followed_path(folder)).lexically_relative(inbox);
    if (!folder.empty() && !inside.empty() && inside.begin()->string() != "..")
      names.insert(inside.begin()->string());
  }
  return names;
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

InboxRun::InboxRun(const model::Network& network, const InboxOptions& options, const InputOptions& input,
                   const AdaptationOptions& adaptation, const ResourceOptions& resources,
                   WatchServices services)
    : network_(network),
      options_(options),
      input_(input),
      adaptation_(adaptation),
      resources_(resources),
      services_(std::move(services)),
      status_(services_.board, options.output.folder),
      writer_(services_, status_),
      output_lock_(made(options.output.folder) + "/.lock"),
      journal_(made(options.state_folder) + "/inbox"),
      inbox_(options_.inbox, excluded_names(options_), [this](const std::string& text) { warn(text); }) {
  services_.board.change([&](LiveStatus& status) {
    status.folder = options_.inbox.folder;
    status.output = options_.output.folder;
    status.model = options_.model;
    status.started = std::chrono::system_clock::now();
    status.memory_budget = resources_.memory;
    status.inbox.emplace();
  });
}

void InboxRun::warn(const std::string& text) {
  services_.warn(text);
  status_.warn(text);
}

void InboxRun::resume() {
  if (journal_.was_damaged()) {
    warn(options_.state_folder +
         "/inbox was damaged: what it told of the last stacks is lost; those that are still in the inbox are "
         "segmented again");
  }
  for (const auto& [key, entry] : std::map(journal_.entries())) {
    // Killed after it was moved, before that was noted.
    const bool ended = entry.state != InboxJournal::State::begun;
    const bool is_to_go = !(entry.state == InboxJournal::State::done && options_.done_folder.empty());
    if (ended && is_to_go && !entry.moved && inbox_.identified(entry.stack.name) != entry.stack)
      writer_.write([&, stack = entry.stack] { journal_.moved(stack); });
    // Those that stay need not be opened again.
    const bool stays = entry.state == InboxJournal::State::done && options_.done_folder.empty();
    if (stays && exists(output_for(entry.output).mask)) inbox_.dismiss(entry.stack);
    services_.board.change([&, entry = &entry](LiveStatus& status) {
      status.inbox->note({entry->stack.name, name_of(entry->state), entry->output, entry->reason});
    });
  }
  show_ended();
  const auto [done, failed] = journal_.counts();
  if (done + failed > 0) {
    services_.log("going on: " + std::to_string(done) + " stacks are segmented, " + std::to_string(failed) +
                  " could not be");
  }
}

WatchEnd InboxRun::run() {
  resume();
  services_.log("stacks are taken from " + options_.inbox.folder);
  services_.ready();
  try {
    if (follow()) return WatchEnd::complete;
  } catch (const Interrupted&) {
    if (!stopping()) throw;
  }
  status_.write(LiveState::ending, "stopped on request");
  return WatchEnd::stopped;
}

/// Until it is over (true), or a stop is requested.
bool InboxRun::follow() {
  while (!stopping()) {
    services_.requests.clear();
    services_.requests.take_stack();
    if (services_.requests.take_rescan()) inbox_.rescan();
    look_for_end();
    const Clock::time_point look = Clock::now();
    if (const auto finding = inbox_.take()) {
      serve(*finding);
      silence_.end();
      show_counts();
      continue;
    }
    silence_.go_on(look, Clock::now());
    show_counts();
    if (stopping()) break;
    if (closing_ && inbox_.at_end()) {
      conclude();
      return true;
    }
    status_.show(inbox_.folder_is_there() ? LiveState::waiting : LiveState::paused, inbox_.obstacle());
    services_.liveness.waiting(inbox_.obstacle());
    inbox_.wait(longest_rest, services_.requests.descriptor());
  }
  return false;
}

/// Whether it is over: by the stop file, or because nothing has come for so long.
void InboxRun::look_for_end() {
  if (closing_) return;
  std::string why;
  if (exists(options_.stop_file)) why = options_.stop_file + " is there";
  const bool silent = options_.end_after && inbox_.folder_is_there() && inbox_.waiting() == 0 &&
                      silence_.has_lasted(*options_.end_after, inbox_.last_news(), Clock::now());
  if (silent && looked_at_all_) why = "no stack has come for " + spoken_duration(*options_.end_after);
  // Events can be lost, and other machines' files are not told of.
  if (silent && !looked_at_all_) inbox_.rescan();
  looked_at_all_ = silent;
  if (why.empty()) return;
  services_.log(why + ": what is there is segmented, then this ends");
  closing_ = true;
  status_.begin_to_end();
  inbox_.close();
}

/// Segments a stack, or says why not. When it returns, that is durable.
void InboxRun::serve(const InboxFolder::Finding& finding) {
  const InboxStack& stack = finding.stack;
  const InboxJournal::Entry* known = journal_.find(stack);
  if (known != nullptr && known->state == InboxJournal::State::failed && !known->moved) {
    // Killed before it was moved, or it cannot be.
    move_away(stack, options_.failed_folder, known->reason);
    return;
  }
  if (known != nullptr && known->state == InboxJournal::State::done &&
      exists(output_for(known->output).mask)) {
    services_.log(stack.name + ": done already, in " + options_.output.folder + "/" + known->output);
    move_away(stack, options_.done_folder, "");
    return;
  }
  if (!finding.failure.empty()) {
    finish(stack, InboxJournal::State::failed, finding.failure);
    return;
  }
  const std::string output = claim(stack);
  failing_since_.reset();
  begun_anew_ = false;
  std::string reason;
  Fate fate = Fate::again;
  while (fate == Fate::again) {
    if (stopping()) throw Interrupted();
    fate = try_it(stack, output, reason);
  }
  finish(stack, fate == Fate::done ? InboxJournal::State::done : InboxJournal::State::failed, reason);
}

/// Without a name none is at work.
void InboxRun::show_stack(const std::string& name, const io::StackInfo& info) {
  services_.board.change([&](LiveStatus& status) {
    InboxStatus& inbox = *status.inbox;
    inbox.stack = name;
    inbox.slices = info.depth;
    inbox.slices_done = 0;
    status.voxels_per_slice = static_cast<double>(info.height) * info.width;
    status.slices = SliceHistory();
    status.newest_slice.reset();
  });
}

/// A stack's end, for good: noted, then moved away as asked, then told.
void InboxRun::finish(const InboxStack& stack, InboxJournal::State state, const std::string& reason) {
  const bool failed = state == InboxJournal::State::failed;
  writer_.write([&] { journal_.end(stack, state, reason); });
  if (failed) {
    warn(stack.name + " is not segmented: " + reason);
  } else {
    services_.log(stack.name + ": done, in " + options_.output.folder + "/" + journal_.find(stack)->output);
  }
  show_stack("", {});
  services_.board.change([&](LiveStatus& status) {
    status.inbox->note({stack.name, name_of(state), journal_.find(stack)->output, reason});
  });
  show_ended();
  move_away(stack, failed ? options_.failed_folder : options_.done_folder, reason);
}

/// Moves a stack out of the inbox, with a reason beside it if there is one; it stays if there is no folder for it, or it cannot
/// be moved.
void InboxRun::move_away(const InboxStack& stack, const std::string& folder, const std::string& reason) {
  inbox_.dismiss(stack);
  if (folder.empty()) return;
  // Whoever changed it meanwhile has another one there.
  if (inbox_.identified(stack.name) != stack) return;
  try {
    writer_.write([&] { io::make_folder(folder); });
    const fs::path name(stack.name);
    std::string free = stack.name;
    for (int n = 2; exists(folder + "/" + free); ++n)
      free = name.stem().string() + "-" + std::to_string(n) + name.extension().string();
    if (!reason.empty()) {
      const std::string text = utc_now() + "\n" + inbox_.path_of(stack.name) + "\nis not segmented:\n" +
                               reason +
                               "\nOnce that is mended, move it back into the inbox: it is tried again.\n";
      writer_.write([&] {
        io::AtomicFile file(folder + "/" + free + ".reason.txt", true);
        file.write(text.data(), text.size());
        file.commit();
      });
    }
    fs::rename(inbox_.path_of(stack.name), folder + "/" + free);
    io::sync_folder(folder);
    writer_.write([&] { journal_.moved(stack); });
    inbox_.admit(stack);  // who moves it back wants it to be tried again
    services_.log(stack.name + ": moved to " + folder + "/" + free);
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    warn(stack.name + " stays in the inbox, as it cannot be moved to " + folder + ": " + error.what());
  }
}

void InboxRun::show_ended() {
  services_.board.change([&, counts = journal_.counts()](LiveStatus& status) {
    status.inbox->done = counts.done;
    status.inbox->failed = counts.failed;
  });
}

void InboxRun::show_counts() {
  const std::size_t waiting = inbox_.waiting();
  std::uint64_t slices_left = 0;
  services_.board.change([&](LiveStatus& status) {
    InboxStatus& inbox = *status.inbox;
    inbox.waiting = waiting - std::min<std::size_t>(waiting, inbox.stack.empty() ? 0 : 1);
    slices_left = static_cast<std::uint64_t>(std::max<std::int64_t>(inbox.slices - inbox.slices_done, 0));
  });
  Acquisition::Counts counts;
  counts.seen = services_.board.latest().status->counts.processed + slices_left;
  counts.pending = slices_left;
  status_.show_counts(counts, 0);
}

void InboxRun::conclude() {
  const InboxJournal::Counts inbox = journal_.counts();
  services_.log(std::to_string(inbox.done) + " stacks segmented, " + std::to_string(inbox.failed) +
                " could not be");
  status_.write(LiveState::ending, "the inbox is closed");
  std::error_code ignored;
  fs::remove(options_.stop_file, ignored);
  if (inbox.done + inbox.failed == 0)
    throw io::Error(io::ErrorKind::missing, options_.inbox.folder, "no stack came");
  if (inbox.failed > inbox.done) {
    throw io::Error(io::ErrorKind::bad_data, options_.inbox.folder,
                    std::to_string(inbox.done) + " stacks are segmented, but " +
                        std::to_string(inbox.failed) + " could not be: they are in " +
                        options_.failed_folder + ", with the reasons beside them");
  }
}

}  // namespace fibflow::pipeline
