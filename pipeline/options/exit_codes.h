#pragma once

#include <exception>

namespace fibflow::pipeline {

/// What a command's exit status says, after sysexits.h. A command that a signal stopped exits with
/// exit_code_of_signal(): 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP.
enum ExitCode : int {
  exit_ok = 0,
  exit_usage = 64,  ///< an option or its value is wrong: std::invalid_argument
  exit_data =
      65,  ///< an input or a model is there but not usable: io bad_data, model::ModelError, nodes::BadSlice
  exit_no_input = 66,       ///< an input is not there: io missing, model::ModelMissing
  exit_internal = 70,       ///< a defect of fibflow: every other exception
  exit_system = 71,         ///< the system gave no memory or no thread: std::bad_alloc, std::system_error
  exit_cannot_create = 73,  ///< an output exists already or cannot be made: io cannot_create
  exit_read_write = 74,     ///< reading or writing failed, a disk is full: io read_write
  exit_doubtful = 79,       ///< adaptation does not seem to help, and --on-doubt stop was given: Doubtful
};

/// The exit code for an exception that ended a command. An exception that wraps another one
/// (std::nested_exception) and says nothing by its own type gets the code of the one inside.
int exit_code_of(const std::exception& error) noexcept;

/// 128 + signal, as shells have it.
constexpr int exit_code_of_signal(int signal) {
  return 128 + signal;
}

}  // namespace fibflow::pipeline
