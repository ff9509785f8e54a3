#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <stdexcept>

namespace fibflow::testing {

/// How a process ended.
struct Ending {
  int code = -1;  ///< what the work returned; -1 if a signal killed it
  int killed_by = 0;
};

/// Does work in a process of its own, which may die: a copy of this one. This one must not have used threads before
/// (a pool's threads are not in the copy), so a test program that forks leaves all such work to children.
inline Ending in_child(const std::function<int()>& work) {
  std::fflush(nullptr);
  const pid_t process = fork();
  if (process < 0) throw std::runtime_error("cannot fork");
  if (process == 0) _exit(work());
  int status = 0;
  waitpid(process, &status, 0);
  Ending ending;
  if (WIFEXITED(status)) ending.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ending.killed_by = WTERMSIG(status);
  return ending;
}

/// As a power cut or the kernel would: no destructor runs, nothing is flushed.
[[noreturn]] inline void die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

}  // namespace fibflow::testing
