#include <filesystem>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/folder.h"
#include "io/folder/slice_file.h"
#include "io/formats/formats.h"
#include "pipeline/flow/interruption.h"
#include "pipeline/inbox/inbox_run.h"
#include "pipeline/live/watch_setting.h"
#include "pipeline/report/page/report_page.h"
#include "pipeline/report/run_report.h"
#include "pipeline/report/run_summary.h"
#include "pipeline/segment/checkpoint.h"
#include "pipeline/segment/run.h"

namespace fibflow::pipeline {
namespace {

namespace fs = std::filesystem;

/// The status is brought up to date at most so often.
constexpr std::chrono::seconds between_shows{1};

/// The io::Error that is behind an error, if there is one.
std::optional<io::Error> io_cause(const std::exception& error) {
  if (const auto* io_error = dynamic_cast<const io::Error*>(&error)) return *io_error;
  const auto* wrapper = dynamic_cast<const std::nested_exception*>(&error);
  if (wrapper == nullptr || wrapper->nested_ptr() == nullptr) return std::nullopt;
  try {
    wrapper->rethrow_nested();
  } catch (const std::exception& cause) {
    return io_cause(cause);
  } catch (...) {
    return std::nullopt;
  }
}

bool lies_in(const std::string& path, const std::string& folder) {
  return (followed_path(path) + "/").starts_with(followed_path(folder) + "/");
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

/// The name of its folder in the output, which nobody else has.
std::string InboxRun::claim(const InboxStack& stack) {
  const InboxJournal::Entry* known = journal_.find(stack);
  std::string output = known != nullptr ? known->output : "";
  if (output.empty()) {
    const std::string name =
        fs::is_directory(inbox_.path_of(stack.name)) ? stack.name : io::bare_name(stack.name);
    output = name;
    for (int n = 2; exists(options_.output.folder + "/" + output) || journal_.has_output(output); ++n)
      output = name + "-" + std::to_string(n);
    if (output != name) {
      warn(stack.name + ": " + options_.output.folder + "/" + name +
           " is there already, of another stack: this one goes into " + output);
    }
  } else if (known->state != InboxJournal::State::begun) {
    services_.log(stack.name + ": it came back, and is segmented anew");
    begin_anew(output);
  }
  if (known == nullptr || known->state != InboxJournal::State::begun)
    writer_.write([&] { journal_.begin(stack, output); });
  writer_.write([&] { io::make_folder(options_.output.folder + "/" + output); });
  return output;
}

OutputOptions InboxRun::output_for(const std::string& output) const {
  const std::string folder = options_.output.folder + "/" + output;
  OutputOptions all;
  all.mask = folder + "/masks.tif";
  if (options_.output.probability) all.probability = folder + "/probabilities.tif";
  all.probability_type = options_.output.probability_type;
  all.compression = options_.output.compression;
  all.threshold = options_.threshold;
  all.smoothing = options_.smoothing;
  all.copies = options_.copies;
  all.overwrite = true;  // the folder is nobody else's
  all.resume = true;
  all.checkpoint_seconds = options_.checkpoint_seconds;
  return all;
}

/// Nothing of what was done counts any more.
void InboxRun::begin_anew(const std::string& output) {
  remove_checkpoint(checkpoint_path(output_for(output).mask));
}

InboxRun::Fate InboxRun::try_it(const InboxStack& stack, const std::string& output, std::string& reason) {
  try {
    segment_it(stack, output);
    return Fate::done;
  } catch (const Interrupted&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    return after(error, stack, output, reason);
  }
}

/// What follows from an error: a pause, another try, the end of this stack, or (thrown again) of everything.
InboxRun::Fate InboxRun::after(const std::exception& error, const InboxStack& stack,
                               const std::string& output, std::string& reason) {
  const auto io_error = io_cause(error);
  if (io_error && io_error->is_disk_full()) {
    warn(std::string(error.what()) + ": paused until there is room");
    writer_.wait(std::string("no space: ") + error.what());
    return Fate::again;
  }
  const bool is_ours = io_error && lies_in(io_error->path(), options_.output.folder);
  if (is_ours && io_error->kind() == io::ErrorKind::bad_data && !std::exchange(begun_anew_, true)) {
    warn(stack.name + ": what was done of it cannot be gone on with, and is done again: " + error.what());
    begin_anew(output);
    return Fate::again;
  }
  if (is_ours) throw;
  // The share may be away, or the stack be taken away.
  const bool unreadable = io_error && (io_error->kind() == io::ErrorKind::read_write ||
                                       io_error->kind() == io::ErrorKind::missing);
  const auto now = Clock::now();
  if (unreadable && now < failing_since_.value_or(now) + options_.inbox.wait_unreadable) {
    if (!failing_since_) warn(std::string(error.what()) + ": trying again");
    if (!failing_since_) failing_since_ = now;
    writer_.wait(error.what());
    return Fate::again;
  }
  reason = error.what();
  return Fate::failed;
}

void InboxRun::segment_it(const InboxStack& stack, const std::string& output) {
  const std::string folder = options_.output.folder + "/" + output;
  const OutputOptions all = output_for(output);
  const auto voxels = io::open_stack(inbox_.path_of(stack.name), options_.inbox.open);
  if (!has_checkpoint(all.mask) && exists(folder + "/report.json") && exists(all.mask) &&
      is_done(*voxels, network_, input_, adaptation_, all, resources_)) {
    return;  // killed just before it was noted
  }
  show_stack(stack.name, voxels->info());
  status_.write(LiveState::running, stack.name);
  services_.log(stack.name + ": " + std::to_string(voxels->info().depth) + " slices of " +
                std::to_string(voxels->info().width) + " x " + std::to_string(voxels->info().height) +
                " voxels, into " + folder);
  const Liveness::Work work(services_.liveness);
  const RunHooks hooks = hooks_for(stack);
  const Outcome outcome = segment(*voxels, network_, input_, adaptation_, all, resources_, hooks);
  for (const std::string& line : summary_of(*outcome.report)) services_.log(stack.name + ": " + line);
  for (const std::string& text : outcome.report->warnings) warn(stack.name + ": " + text);
  write_report(*outcome.report, folder + "/report.json", true);
  write_report_page(folder + "/report.json", folder + "/report.html", true);
  remove_checkpoint(outcome, hooks);
}

RunHooks InboxRun::hooks_for(const InboxStack& stack) {
  RunHooks hooks;
  hooks.stop = services_.stop;
  hooks.log = [this, name = stack.name](const std::string& line) { services_.log(name + ": " + line); };
  hooks.node_call = [this](const char*) { services_.liveness.progress(); };
  hooks.begin = [this, name = stack.name](const std::string& phase, std::int64_t slices) {
    services_.liveness.progress();
    services_.board.change([&](LiveStatus& status) {
      InboxStatus& inbox = *status.inbox;
      if (phase == "segment") {
        inbox.slices_done = inbox.slices - slices;
        status.counts.processed += static_cast<std::uint64_t>(inbox.slices_done);
      }
    });
    status_.show(phase == "segment" ? LiveState::running : LiveState::probing, name + ": " + phase);
  };
  hooks.segmented = [this](const SliceNews& news) {
    services_.board.change([&](LiveStatus& status) {
      LiveSlice slice;
      slice.z = news.z;
      slice.finished = std::chrono::system_clock::now();
      slice.foreground = news.foreground;
      slice.entropy = news.entropy;
      slice.drift = news.drift;
      status.slices.add(slice);
      status.newest_slice = news.z;
      status.drift_from_source = news.drift_from_source;
      status.adaptation = news.state;
      ++status.inbox->slices_done;
      ++status.counts.processed;
    });
    if (Clock::now() - last_shown_ < between_shows) return;
    last_shown_ = Clock::now();
    show_counts();
    status_.show(LiveState::running, "");
  };
  return hooks;
}

}  // namespace fibflow::pipeline
