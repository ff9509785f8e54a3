#pragma once

#include "pipeline/cli/arguments/context.h"

namespace fibflow::cli {

// Each adds one command to the program, and when the user names it, sets context.run.
void add_adapt(CLI::App& program, Context& context);
void add_drift(CLI::App& program, Context& context);
void add_evaluate(CLI::App& program, Context& context);
void add_info(CLI::App& program, Context& context);
void add_phantom(CLI::App& program, Context& context);
void add_report(CLI::App& program, Context& context);
void add_segment(CLI::App& program, Context& context);
void add_train(CLI::App& program, Context& context);
void add_watch(CLI::App& program, Context& context);

}  // namespace fibflow::cli
