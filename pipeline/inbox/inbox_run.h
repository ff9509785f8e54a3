#pragma once

// Internal to pipeline/inbox: inbox_run.cpp looks, ends and tells, inbox_run_stack.cpp sees one stack through.

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <string>

#include "pipeline/flow/run_hooks.h"
#include "pipeline/inbox/inbox.h"
#include "pipeline/inbox/inbox_journal.h"
#include "pipeline/live/patient_writer.h"
#include "pipeline/live/silence.h"
#include "pipeline/live/watch_status.h"
#include "pipeline/state/folder_lock.h"

namespace fibflow::pipeline {

/// One process at an inbox.
class InboxRun {
 public:
  InboxRun(const model::Network& network, const InboxOptions& options, const InputOptions& input,
           const AdaptationOptions& adaptation, const ResourceOptions& resources, WatchServices services);

  WatchEnd run();

 private:
  using Clock = std::chrono::steady_clock;

  /// What became of a try.
  enum class Fate { done, failed, again };

  void resume();
  bool follow();
  bool stopping() const { return services_.stop.stop_requested(); }
  void look_for_end();
  void serve(const InboxFolder::Finding& finding);
  std::string claim(const InboxStack& stack);
  Fate try_it(const InboxStack& stack, const std::string& output, std::string& reason);
  Fate after(const std::exception& error, const InboxStack& stack, const std::string& output,
             std::string& reason);
  void segment_it(const InboxStack& stack, const std::string& output);
  RunHooks hooks_for(const InboxStack& stack);
  OutputOptions output_for(const std::string& output) const;
  void begin_anew(const std::string& output);
  void finish(const InboxStack& stack, InboxJournal::State state, const std::string& reason);
  void move_away(const InboxStack& stack, const std::string& folder, const std::string& reason);
  void show_ended();
  void show_counts();
  void show_stack(const std::string& name, const io::StackInfo& info);
  void warn(const std::string& text);
  void conclude();

  const model::Network& network_;
  const InboxOptions options_;
  const InputOptions input_;
  const AdaptationOptions adaptation_;
  const ResourceOptions resources_;
  WatchServices services_;
  WatchStatus status_;
  PatientWriter writer_;
  FolderLock output_lock_;
  InboxJournal journal_;
  InboxFolder inbox_;
  Silence silence_;
  bool closing_ = false;
  bool looked_at_all_ = false;  // of the folder, since silence lasts for long
  // Of the stack at work.
  std::optional<Clock::time_point> failing_since_;
  Clock::time_point last_shown_;
  bool begun_anew_ = false;
};

}  // namespace fibflow::pipeline
