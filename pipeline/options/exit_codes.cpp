#include "pipeline/options/exit_codes.h"

#include <new>
#include <stdexcept>
#include <system_error>

#include "io/error.h"
#include "model/error.h"
#include "nodes/intensity/intensity.h"
#include "pipeline/flow/pipeline_error.h"

namespace fibflow::pipeline {
namespace {

int code_of_kind(io::ErrorKind kind) noexcept {
  switch (kind) {
    case io::ErrorKind::missing:
      return exit_no_input;
    case io::ErrorKind::bad_data:
      return exit_data;
    case io::ErrorKind::cannot_create:
      return exit_cannot_create;
    case io::ErrorKind::read_write:
      return exit_read_write;
  }
  return exit_internal;
}

/// The code of the exception that `error` wraps, or exit_internal.
int exit_code_of_cause(const std::exception& error) noexcept {
  const auto* wrapper = dynamic_cast<const std::nested_exception*>(&error);
  if (wrapper == nullptr || wrapper->nested_ptr() == nullptr) return exit_internal;
  try {
    wrapper->rethrow_nested();
  } catch (const std::exception& cause) {
    return exit_code_of(cause);
  } catch (...) {
    return exit_internal;
  }
}

}  // namespace

int exit_code_of(const std::exception& error) noexcept {
  if (const auto* io_error = dynamic_cast<const io::Error*>(&error)) return code_of_kind(io_error->kind());
  if (dynamic_cast<const model::ModelMissing*>(&error) != nullptr) return exit_no_input;
  if (dynamic_cast<const model::ModelError*>(&error) != nullptr) return exit_data;
  if (dynamic_cast<const nodes::BadSlice*>(&error) != nullptr) return exit_data;
  if (dynamic_cast<const Doubtful*>(&error) != nullptr) return exit_doubtful;
  if (dynamic_cast<const std::invalid_argument*>(&error) != nullptr) return exit_usage;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return exit_system;
  if (dynamic_cast<const std::system_error*>(&error) != nullptr) return exit_system;
  return exit_code_of_cause(error);
}

}  // namespace fibflow::pipeline
