#include "pipeline/live/patient_writer.h"

#include <chrono>
#include <condition_variable>

#include "io/error.h"
#include "pipeline/flow/interruption.h"

namespace fibflow::pipeline {
namespace {

/// Between two tries to write to a full disk.
constexpr std::chrono::milliseconds until_next_try{2000};

}  // namespace

PatientWriter::PatientWriter(const WatchServices& services, WatchStatus& status)
    : services_(services), status_(status) {}

void PatientWriter::write(const std::function<void()>& write) {
  for (bool paused = false;;) {
    try {
      write();
      if (!paused) return;
      services_.log("there is room again");
      status_.show(LiveState::running, "");
      end_pause();
      return;
    } catch (const io::Error& error) {
      if (!error.is_disk_full()) throw;
      if (!paused) {
        paused = true;
        services_.warn(std::string(error.what()) + ": paused until there is room");
        status_.warn(error.what());
        begin_pause();
      }
      wait(std::string("no space: ") + error.what());
    }
  }
}

void PatientWriter::set_working(bool working) {
  const std::lock_guard lock(mutex_);
  working_ = working;
  adjust_work();
}

void PatientWriter::begin_pause() {
  const std::lock_guard lock(mutex_);
  ++pauses_;
  adjust_work();
}

void PatientWriter::end_pause() {
  const std::lock_guard lock(mutex_);
  --pauses_;
  adjust_work();
}

void PatientWriter::wait(const std::string& reason) {
  status_.write(LiveState::paused, reason);
  services_.liveness.waiting(reason);
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, services_.stop, until_next_try, [] { return false; });
  if (services_.stop.stop_requested()) throw Interrupted();
}

void PatientWriter::adjust_work() {
  if (working_ && pauses_ == 0) {
    if (!work_) work_.emplace(services_.liveness);
  } else {
    work_.reset();
  }
}

}  // namespace fibflow::pipeline
