#include "pipeline/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "io/error.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/cli/terminal/help_formatter.h"
#include "pipeline/cli/terminal/printable.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/options/version.h"

namespace fibflow::cli {
namespace {

void add_commands(CLI::App& program, Context& context) {
  program.set_version_flag("--version", std::string("fibflow ") + pipeline::version(), "print the version");
  program.set_help_flag("-h,--help", "print this help");
  program.formatter(std::make_shared<HelpFormatter>());
  program.option_defaults()->always_capture_default();
  program.footer(
      "Exit codes: 0 done, 64 usage, 65 unusable data, 66 no such input, 70 internal error, 71 out of "
      "memory,\n"
      "73 output exists or cannot be created, 74 I/O error or disk full, 79 stopped by --on-doubt stop,\n"
      "130 SIGINT, 143 SIGTERM.");
  // The limit also keeps arguments that happen to be a command's name with the command that was named first.
  program.require_subcommand(0, 1);
  add_segment(program, context);
  add_adapt(program, context);
  add_drift(program, context);
  add_evaluate(program, context);
  add_info(program, context);
  add_phantom(program, context);
  add_report(program, context);
  add_train(program, context);
  add_watch(program, context);
  for (CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    CLI::Option* all =
        command->set_help_all_flag("--help-all", "print this help with the options for fine tuning");
    const bool has_more = std::ranges::count(command->get_groups(), fine_tuning) > 0;
    if (!has_more) all->group("");  // then it is the same as --help
  }
}

/// The command that was named, or the program itself.
const CLI::App& named_command(const CLI::App& program) {
  const auto commands = program.get_subcommands();
  return commands.empty() ? program : *commands.front();
}

/// What the user wrote that nobody expected. The option, where there is one: what follows it is its value.
std::string unexpected(const CLI::App& program) {
  const CLI::App& command = named_command(program);
  const auto rest = program.remaining(true);
  const auto option =
      std::find_if(rest.begin(), rest.end(), [](const std::string& text) { return text.starts_with("-"); });
  if (option != rest.end()) return "there is no option " + *option;
  if (rest.empty()) return "too many arguments";
  return (&command == &program ? "there is no command " : "unexpected argument ") + rest.front();
}

/// CLI11's messages in our words.
std::string reason_of(const CLI::ParseError& error, const CLI::App& program) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return unexpected(program);
  std::string reason = error.what();
  const std::string conversion = "Could not convert: ";
  if (reason.starts_with(conversion)) {
    reason = reason.substr(conversion.size());
    if (const auto equals = reason.find(" = "); equals != std::string::npos) {
      reason = reason.substr(0, equals) + " cannot be \"" + reason.substr(equals + 3) + "\"";
    }
  }
  return reason;
}

int report_usage_error(pipeline::Terminal& terminal, const std::string& command, const std::string& reason) {
  terminal.print("fibflow: " + printable(reason) + "; run `" + command + " --help`\n");
  return pipeline::exit_usage;
}

/// The name of the program with that of the command, if one was named.
std::string command_of(const CLI::App& program) {
  const CLI::App& command = named_command(program);
  return &command == &program ? "fibflow" : "fibflow " + command.get_name();
}

/// A write to a full disk or closed pipe must not look like success.
void require_written(std::ostream& out) {
  errno = 0;
  out.flush();
  if (out) return;
  const int error = errno;
  throw io::Error(io::ErrorKind::read_write, "standard output",
                  error != 0 ? std::strerror(error) : "cannot be written");
}

int run_guarded(Context& context, const std::string& command) {
  try {
    const int code = context.run();
    require_written(context.out);
    return code;
  } catch (const std::exception& error) {
    // Whatever a stopped run failed with, the signal is the reason.
    if (const int signal = context.interruption.signal(); signal != 0) {
      context.terminal.print(std::string("fibflow: stopped by ") + strsignal(signal) + "\n");
      return pipeline::exit_code_of_signal(signal);
    }
    const int code = pipeline::exit_code_of(error);
    if (code == pipeline::exit_usage) return report_usage_error(context.terminal, command, error.what());
    context.terminal.print("fibflow: " + printable(error.what()) + "\n");
    return code;
  }
}

int parse_and_run(int argc, const char* const* argv, CLI::App& program, Context& context) {
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForVersion& call) {
    context.out << call.what() << "\n";
    context.run = [] { return pipeline::exit_ok; };
  } catch (const CLI::CallForHelp&) {
    context.out << program.help();
    context.run = [] { return pipeline::exit_ok; };
  } catch (const CLI::CallForAllHelp&) {
    context.out << program.help("", CLI::AppFormatMode::All);
    context.run = [] { return pipeline::exit_ok; };
  } catch (const CLI::ParseError& error) {
    return report_usage_error(context.terminal, command_of(program), reason_of(error, program));
  }
  if (!context.run) return report_usage_error(context.terminal, "fibflow", "no command given");
  return run_guarded(context, command_of(program));
}

}  // namespace

int run_command_line(int argc, const char* const* argv, std::ostream& out, pipeline::Terminal& terminal,
                     std::shared_ptr<spdlog::logger> log) {
  try {
    pipeline::Interruption interruption(
        [&log](int signal) { log->warn("{}: stopping; once more kills at once", strsignal(signal)); });
    Context context{out, terminal, log, interruption, false, {}};
    CLI::App program("Adapts a U-Net to a new FIB-SEM acquisition and segments it.", "fibflow");
    add_commands(program, context);
    return parse_and_run(argc, argv, program, context);
  } catch (const std::exception& error) {
    terminal.print("fibflow: " + printable(error.what()) + "\n");
    return pipeline::exit_code_of(error);
  }
}

}  // namespace fibflow::cli
