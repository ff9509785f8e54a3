#pragma once

// Internal to model/: what every user of oneDNN needs. With onednn_*.cpp the only place that knows it.

#include <omp.h>

#include <dnnl.hpp>

#include "model/engine/cpu.h"

namespace fibflow::model::onednn {

inline dnnl::engine& cpu() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

inline dnnl::stream& stream() {
  thread_local dnnl::stream stream(cpu());
  return stream;
}

inline dnnl::memory::format_tag blocked() {
  return channel_block() == 16 ? dnnl::memory::format_tag::nChw16c : dnnl::memory::format_tag::nChw8c;
}

inline dnnl::memory bind(const dnnl::memory::desc& desc, const void* data) {
  return {desc, cpu(), const_cast<void*>(data)};
}

/// Debian's oneDNN runs on OpenMP. Images run in parallel already, so each primitive is made for and gets one
/// thread: two pools that share the cores would fight. The caller's own setting is put back.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace fibflow::model::onednn
