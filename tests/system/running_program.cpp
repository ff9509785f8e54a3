#include "tests/system/running_program.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>

namespace fibflow::testing {
namespace {

constexpr auto glance = std::chrono::milliseconds(5);

void become_user(unsigned user) {
  if (setgroups(0, nullptr) != 0 || setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0)
    _exit(126);
}

}  // namespace

RunningProgram::RunningProgram(const std::vector<std::string>& arguments, std::string output,
                               const StartOptions& options)
    : output_(std::move(output)) {
  const int out = open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (out < 0) throw std::runtime_error("cannot write " + output_);
  std::vector<char*> argv = {const_cast<char*>(FIBFLOW_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  process_ = fork();
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a daemon must not outlive a broken test
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
    if (options.user) become_user(*options.user);
    execv(FIBFLOW_PROGRAM, argv.data());
    _exit(127);
  }
  close(out);
  if (process_ < 0) throw std::runtime_error("cannot start a program");
}

RunningProgram::~RunningProgram() {
  kill();
}

std::optional<ProgramEnd> RunningProgram::wait(double seconds) {
  await([this] { return !is_running(); }, seconds);
  return end_;
}

bool RunningProgram::is_running() {
  if (end_) return false;
  int status = 0;
  if (waitpid(process_, &status, WNOHANG) != process_) return true;
  end_.emplace();
  if (WIFEXITED(status)) end_->code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end_->killed_by = WTERMSIG(status);
  return false;
}

void RunningProgram::signal(int number) const {
  if (!end_) ::kill(process_, number);
}

void RunningProgram::kill() {
  signal(SIGKILL);
  wait();
}

std::string RunningProgram::said() const {
  std::ifstream file(output_, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t RunningProgram::resident_memory() const {
  std::ifstream status("/proc/" + std::to_string(process_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) << 10;
  }
  return 0;
}

bool await(const std::function<bool()>& condition, double seconds) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(glance);
  }
  return true;
}

}  // namespace fibflow::testing
