#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <cstddef>

#include "nodes/tiles/parallel_loop.h"
#include "pipeline/flow/run_context.h"

namespace fibflow::pipeline {

/// The threads of one run: an arena of its own, so that two runs in a process do not take each other's
/// threads.
class ThreadTeam {
 public:
  /// threads: including the one that calls run().
  explicit ThreadTeam(int threads)
      : limit_(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)),
        threads_(threads),
        arena_(threads) {}

  int threads() const { return threads_; }

  /// Calls work in the arena, and waits for it.
  template <typename Work>
  void run(Work&& work) {
    arena_.execute(work);
  }

  /// A loop that calls its body at most `at_once` times at once, on any of the threads. The thread that waits
  /// for it does nothing else meanwhile.
  nodes::ParallelLoop loop(int at_once) const;

  /// The same, where each call is a part of a node's call: it is traced, and a stop ends the loop.
  nodes::ParallelLoop loop(int at_once, const char* node, RunContext& run) const;

 private:
  tbb::global_control limit_;
  int threads_;
  tbb::task_arena arena_;
};

}  // namespace fibflow::pipeline
