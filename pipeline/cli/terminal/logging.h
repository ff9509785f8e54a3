#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "pipeline/cli/terminal/terminal.h"

namespace fibflow::cli {

/// A logger whose lines go to the terminal, above its progress bar: "12:30:01 info    text".
/// Coloured only on a terminal, and not if NO_COLOR is set. The terminal must outlive it.
std::shared_ptr<spdlog::logger> make_logger(pipeline::Terminal& terminal);

}  // namespace fibflow::cli
