#include "pipeline/flow/thread_team.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <memory>

namespace fibflow::pipeline {

nodes::ParallelLoop ThreadTeam::loop(int at_once) const {
  const int width = std::clamp(at_once, 1, threads_);
  return [width](int count, const std::function<void(int)>& body) {
    tbb::task_arena arena(width);
    arena.execute([&] {
      tbb::parallel_for(
          0, count, [&body](int i) { body(i); }, tbb::simple_partitioner());
    });
  };
}

nodes::ParallelLoop ThreadTeam::loop(int at_once, const char* node, RunContext& run) const {
  return [loop = loop(at_once), node, &run](int count, const std::function<void(int)>& body) {
    loop(count, [&](int i) { run.part(node, {-1, i}, [&] { body(i); }); });
  };
}

}  // namespace fibflow::pipeline
