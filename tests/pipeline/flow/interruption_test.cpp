#include "pipeline/flow/interruption.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "pipeline/options/exit_codes.h"

namespace fibflow::pipeline {
namespace {

/// A forked child that says by bytes through a pipe how far it is. Killed and reaped by the destructor at the
/// latest.
class Child {
 public:
  /// `body` gets a function that tells the parent something, and returns the exit code.
  explicit Child(const std::function<int(const std::function<void(char)>& tell)>& body) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    process_ = fork();
    if (process_ == 0) {
      close(ends[0]);
      alarm(60);  // a child that no signal ends must not outlive a broken test
      const int code = body([&ends](char byte) { [[maybe_unused]] const auto n = write(ends[1], &byte, 1); });
      _exit(code);
    }
    close(ends[1]);
    heard_ = ends[0];
  }

  ~Child() {
    close(heard_);
    if (status_) return;
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

  /// Waits for the next thing the child tells; '\0' if it ended.
  char hear() const {
    char byte = '\0';
    return read(heard_, &byte, 1) == 1 ? byte : '\0';
  }

  void kill(int signal) const { ::kill(process_, signal); }

  int wait() {
    int status = 0;
    waitpid(process_, &status, 0);
    status_ = status;
    return status;
  }

 private:
  pid_t process_ = 0;
  int heard_ = -1;
  std::optional<int> status_;
};

/// Waits until a stop is requested.
void wait_for_stop(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, token, [] { return false; });
}

/// Runs until it is stopped; returns as a command does.
int obedient(const std::function<void(char)>& tell) {
  Interruption interruption;
  tell('r');
  wait_for_stop(interruption.token());
  return exit_code_of_signal(interruption.signal());
}

/// Notices the stop and does not care.
int stubborn(const std::function<void(char)>& tell) {
  Interruption interruption;
  tell('r');
  wait_for_stop(interruption.token());
  tell('s');
  for (;;) pause();
}

class InterruptionBySignalTest : public ::testing::TestWithParam<int> {};

TEST_P(InterruptionBySignalTest, FirstSignalRequestsAStop) {
  Child child(obedient);
  ASSERT_EQ(child.hear(), 'r');
  child.kill(GetParam());
  const int status = child.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + GetParam());
}

TEST_P(InterruptionBySignalTest, SecondSignalKills) {
  Child child(stubborn);
  ASSERT_EQ(child.hear(), 'r');
  child.kill(GetParam());
  ASSERT_EQ(child.hear(), 's');
  child.kill(GetParam());
  const int status = child.wait();
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Signals, InterruptionBySignalTest, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST(InterruptionTest, SecondSignalOfAnotherKindKillsToo) {
  Child child(stubborn);
  ASSERT_EQ(child.hear(), 'r');
  child.kill(SIGINT);
  ASSERT_EQ(child.hear(), 's');
  child.kill(SIGTERM);
  const int status = child.wait();
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST(InterruptionTest, TellsTheSignalBeforeTheStop) {
  Child child([](const std::function<void(char)>& tell) {
    std::atomic<const Interruption*> watched = nullptr;
    int told = 0;
    Interruption interruption([&](int signal) {
      if (!watched.load()->token().stop_requested()) told = signal;
    });
    watched = &interruption;
    tell('r');
    wait_for_stop(interruption.token());
    return told;
  });
  ASSERT_EQ(child.hear(), 'r');
  child.kill(SIGTERM);
  const int status = child.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), SIGTERM);
}

TEST(InterruptionTest, HangupStaysIgnoredUnderNohup) {
  Child child([](const std::function<void(char)>& tell) {
    signal(SIGHUP, SIG_IGN);
    Interruption interruption;
    raise(SIGHUP);
    tell('r');
    wait_for_stop(interruption.token());
    return exit_code_of_signal(interruption.signal());
  });
  ASSERT_EQ(child.hear(), 'r');
  child.kill(SIGTERM);
  const int status = child.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 143);
}

TEST(InterruptionTest, GivesTheSignalsBack) {
  Child child([](const std::function<void(char)>& tell) -> int {
    { const Interruption interruption; }
    tell('r');
    for (;;) pause();
  });
  ASSERT_EQ(child.hear(), 'r');
  child.kill(SIGINT);
  const int status = child.wait();
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGINT);
}

TEST(InterruptionTest, OnlyOneLivesAtATime) {
  {
    const Interruption first;
    EXPECT_THROW(Interruption(), std::logic_error);
    EXPECT_EQ(first.signal(), 0);
    EXPECT_FALSE(first.token().stop_requested());
  }
  EXPECT_NO_THROW(Interruption());
}

}  // namespace
}  // namespace fibflow::pipeline
