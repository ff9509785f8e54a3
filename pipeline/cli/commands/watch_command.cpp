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
#include "pipeline/inbox/inbox.h"
#include "pipeline/live/http/live_server.h"
#include "pipeline/live/service/service_notify.h"
#include "pipeline/live/watch.h"
#include "pipeline/live/watch_state.h"
#include "pipeline/options/exit_codes.h"

namespace fibflow::cli {
namespace {

using std::chrono::milliseconds;

/// How long the longest single piece of work, a tile, may take before the run counts as hanging.
constexpr std::chrono::minutes longest_silence{10};

struct Arguments : RunArguments {
  pipeline::WatchOptions watch;
  pipeline::InboxOptions inbox;
  std::string http;
  std::int64_t first = -1;
  std::int64_t step = 0;
};

/// What both ways of watching are asked for.
pipeline::InboxOptions inbox_options(const Arguments& arguments) {
  const pipeline::WatchOptions& watch = arguments.watch;
  pipeline::InboxOptions inbox = arguments.inbox;
  inbox.inbox.open = watch.acquisition.open;
  inbox.inbox.settle = watch.acquisition.settle;
  inbox.inbox.poll = watch.acquisition.poll;
  inbox.inbox.wait_unreadable = watch.acquisition.wait_missing;
  inbox.inbox.wait_black = watch.acquisition.wait_black;
  inbox.output = watch.output;
  inbox.model = arguments.model;
  inbox.threshold = watch.threshold;
  inbox.smoothing = watch.smoothing;
  inbox.copies = watch.copies;
  inbox.state_folder = watch.state_folder;
  inbox.stop_file = watch.stop_file;
  inbox.end_after = watch.end_after;
  return inbox;
}

int watch(Arguments& arguments, Context& context) {
  keep_heap_small();
  complete(arguments);
  const std::string state = arguments.watch.state_folder.empty() ? arguments.watch.output.folder + "/.state"
                                                                 : arguments.watch.state_folder;
  go_on_with(arguments, pipeline::begun_live_instruction_set(state), arguments.watch.output.folder, context);
  const bool serves = !arguments.inbox.inbox.folder.empty();
  const std::string& followed = serves ? arguments.inbox.inbox.folder : arguments.stack;
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
                                         [&] { notifier.ready("following " + followed); }};
  if (serves) {
    pipeline::serve_inbox(network, inbox_options(arguments), arguments.input, arguments.adaptation,
                          arguments.resources, services);
  } else {
    pipeline::watch(network, options, arguments.input, arguments.adaptation, arguments.resources, services);
  }
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
  command.add_flag("--recursive", acquisition.recursive, "also in subfolders")->group(fine_tuning);
  command.add_option("--first", arguments.first, "number of the first slice")
      ->type_name("N")
      ->check(at_least_zero())
      ->default_str("the lowest that is there first")
      ->group(fine_tuning);
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
          "end when nothing has come for this long")
      ->type_name("TIME")
      ->default_str("never")
      ->group(group);
  command.add_option("--stop-file", arguments.watch.stop_file, "end when this file appears")
      ->type_name("FILE")
      ->default_str("OUTPUT/stop")
      ->group(fine_tuning);
}

void add_inbox_arguments(CLI::App& command, Arguments& arguments) {
  const std::string group = "Finished stacks";
  pipeline::InboxOptions& inbox = arguments.inbox;
  CLI::Option* folder = command
                            .add_option("--inbox", inbox.inbox.folder,
                                        "segment each stack that is dropped here, into OUTPUT/NAME")
                            ->type_name("FOLDER")
                            ->group(group);
  for (const char* name :
       {"FOLDER", "--pattern", "--recursive", "--first", "--step", "--max-gap", "--retry-left-out"})
    folder->excludes(command.get_option(name));
  const auto add = [&](CLI::Option* option, const std::string& its_group) {
    return option->needs(folder)->group(its_group);
  };
  add(command.add_option("--done", inbox.done_folder, "move what is segmented here"), group)
      ->type_name("FOLDER")
      ->default_str("it stays");
  add(command.add_option("--failed", inbox.failed_folder, "move what cannot be segmented here"), fine_tuning)
      ->type_name("FOLDER")
      ->default_str("INBOX/failed");
  add(command.add_option("--marker", inbox.inbox.marker,
                         "file that says that a folder of slices is complete"),
      fine_tuning)
      ->type_name("NAME");
  add(add_duration(command, "--settle-folder", inbox.inbox.settle_folder,
                   "a folder without it is complete if it has not changed for this long"),
      fine_tuning);
  add(command.add_option("--checkpoint-every", inbox.checkpoint_seconds, "how much work a kill can cost"),
      fine_tuning)
      ->type_name("SECONDS")
      ->check(at_least_zero());
}

}  // namespace

void add_watch(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand(
      "watch",
      "Follows a running acquisition: segments each slice as soon as its file is complete,\n"
      "and adapts the model on the way. Or segments finished stacks as they are dropped into\n"
      "a folder (--inbox). Can be killed and started again at any time.");
  add_watch_arguments(*command, *arguments);
  add_acquisition_arguments(*command, *arguments);
  add_inbox_arguments(*command, *arguments);
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
  add_finishing_arguments(*command, arguments->watch.smoothing, arguments->watch.copies, true);
  command->add_option("--state", arguments->watch.state_folder, "what a restart needs to go on")
      ->type_name("FOLDER")
      ->default_str("OUTPUT/.state")
      ->group(fine_tuning);
  command->add_option("--http", arguments->http, "live page, /status, /metrics and /healthz at this address")
      ->type_name("ADDRESS:PORT")
      ->default_str("none")
      ->group(group);
  add_logging_options(*command, context);
  command->footer(
      "SIGTERM, SIGINT  finish the slices in flight and exit with 0; a restart goes on. Twice: at once.\n"
      "SIGHUP           look at the whole folder now\n"
      "SIGUSR1          write the stacks and the report now, and go on");
  command->callback([arguments, &context] {
    if (arguments->stack.empty() == arguments->inbox.inbox.folder.empty())
      throw CLI::RequiredError("FOLDER, where the slices come, or --inbox FOLDER, where finished stacks do,");
    context.run = [arguments, &context] { return watch(*arguments, context); };
  });
}

}  // namespace fibflow::cli
