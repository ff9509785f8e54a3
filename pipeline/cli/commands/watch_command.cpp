#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/arguments/run_arguments.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/cli/terminal/help_formatter.h"
#include "pipeline/live/http/live_server.h"
#include "pipeline/live/service/service_notify.h"
#include "pipeline/live/watch.h"
#include "pipeline/options/exit_codes.h"

namespace fibflow::cli {
namespace {

using std::chrono::milliseconds;

/// How long the longest single piece of work, a tile, may take before the run counts as hanging.
constexpr std::chrono::minutes longest_silence{10};

struct Arguments : RunArguments {
  pipeline::WatchOptions watch;
  std::string http;
  std::int64_t first = -1;
  std::int64_t step = 0;
};

int watch(Arguments& arguments, Context& context) {
  keep_heap_small();
  complete(arguments);
  std::optional<pipeline::ListenAddress> address;
  if (!arguments.http.empty()) address = pipeline::parse_listen_address(arguments.http);
  pipeline::WatchOptions& options = arguments.watch;
  options.acquisition.folder = arguments.stack;
  options.model = arguments.model;
  if (arguments.first >= 0) options.acquisition.first = arguments.first;
  if (arguments.step > 0) options.acquisition.step = arguments.step;
  const auto network = model::Network::load(arguments.model, arguments.output_map);

  pipeline::ServiceNotifier notifier;
  pipeline::StatusBoard board;
  pipeline::Liveness liveness(longest_silence, [&] {
    notifier.feed();
    notifier.tell([&] { return one_line(*board.latest().status); });
  });
  pipeline::LiveRequests requests(context.interruption.token());
  std::optional<pipeline::LiveServer> server;
  if (address) {
    server.emplace(board, liveness, *address);
    context.log->info("live page: {}", server->url());
    if (!address->loopback()) {
      context.log->warn("{} is open to everybody who can reach this machine: no password, no encryption",
                        server->url());
    }
  }
  std::mutex mutex;
  const pipeline::WatchServices services{context.interruption.token(),
                                         [&](const std::string& line) {
                                           const std::lock_guard lock(mutex);
                                           context.log->info("{}", line);
                                         },
                                         [&](const std::string& line) {
                                           const std::lock_guard lock(mutex);
                                           context.log->warn("{}", line);
                                         },
                                         board,
                                         liveness,
                                         requests,
                                         [&] { notifier.ready("following " + arguments.stack); }};
  pipeline::watch(network, options, arguments.input, arguments.adaptation, arguments.resources, services);
  notifier.stopping("done");
  return pipeline::exit_ok;
}

void add_acquisition_arguments(CLI::App& command, Arguments& arguments) {
  const std::string group = "Acquisition";
  pipeline::AcquisitionOptions& acquisition = arguments.watch.acquisition;
  command.add_option("--pattern", acquisition.pattern, "names of slices: * and ? as wildcards, # the number")
      ->type_name("NAME")
      ->default_str("TIFFs, # found")
      ->group(group);
  add_file_order(command, acquisition.open.order)->group(fine_tuning);
  add_channel(command, acquisition.open.channel)->group(fine_tuning);
  command.add_flag("--recursive", acquisition.recursive, "also in subfolders")->group(group);
  command.add_option("--first", arguments.first, "number of the first slice")
      ->type_name("N")
      ->check(at_least_zero())
      ->default_str("the lowest that is there first")
      ->group(group);
  command.add_option("--step", arguments.step, "from one slice's number to the next")
      ->type_name("N")
      ->default_str("as the names show")
      ->check(above_zero())
      ->group(fine_tuning);
  command.add_option("--max-gap", acquisition.max_gap, "numbers that may be missing in a row")
      ->type_name("N")
      ->check(at_least_zero())
      ->group(fine_tuning);
  add_duration(command, "--settle", acquisition.settle,
               "a file that has not changed for this long may be complete")
      ->group(group);
  add_duration(command, "--poll", acquisition.poll, "between looks at the whole folder")->group(fine_tuning);
  add_duration(command, "--wait-missing", acquisition.wait_missing,
               "for a number that is missing, once later ones are there")
      ->group(group);
  add_duration(command, "--wait-black", acquisition.wait_black,
               "for a file whose end is all zero: black, or not written yet")
      ->group(fine_tuning);
  command
      .add_flag("--retry-left-out", arguments.watch.retry_left_out,
                "try what was left out again, from the last mask on")
      ->group(fine_tuning);
  command
      .add_option_function<std::string>(
          "--end-after",
          [&arguments](const std::string& text) {
            arguments.watch.end_after = std::chrono::round<milliseconds>(parse_duration("--end-after", text));
          },
          "end when no slice has come for this long")
      ->type_name("TIME")
      ->default_str("never")
      ->group(group);
  command.add_option("--stop-file", arguments.watch.stop_file, "end when this file appears")
      ->type_name("FILE")
      ->default_str("OUTPUT/stop")
      ->group(group);
}

}  // namespace

void add_watch(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand(
      "watch",
      "Follows a running acquisition: segments each slice as soon as its file is complete,\n"
      "and adapts the model on the way. Can be killed and started again at any time.\n"
      "The first slices (--probe) wait for each other's statistics; no mask changes later.");
  add_watch_arguments(*command, *arguments);
  add_acquisition_arguments(*command, *arguments);
  const std::string group = "Output";
  pipeline::LiveOutputOptions& output = arguments->watch.output;
  command
      ->add_option("-o,--output", output.folder,
                   "masks/NAME.tif for each slice, status.json; at the end masks.tif")
      ->type_name("FOLDER")
      ->required();
  command->add_flag("--probability", output.probability, "also probabilities/NAME.tif and probabilities.tif")
      ->group(group);
  add_format_arguments(*command, output.probability_type, output.compression, arguments->watch.threshold);
  command->add_option("--state", arguments->watch.state_folder, "what a restart needs to go on")
      ->type_name("FOLDER")
      ->default_str("OUTPUT/.state")
      ->group(group);
  command->add_option("--http", arguments->http, "live page, /status, /metrics and /healthz at this address")
      ->type_name("ADDRESS:PORT")
      ->default_str("none")
      ->group(group);
  add_logging_options(*command, context);
  command->footer(
      "SIGTERM, SIGINT  finish the slices in flight and exit with 0; a restart goes on. Twice: at once.\n"
      "SIGHUP           look at the whole folder now\n"
      "SIGUSR1          write the stacks and the report now, and go on");
  command->callback(
      [arguments, &context] { context.run = [arguments, &context] { return watch(*arguments, context); }; });
}

}  // namespace fibflow::cli
