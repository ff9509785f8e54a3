#include "pipeline/inbox/inbox.h"

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "io/files/folder.h"
#include "pipeline/inbox/inbox_run.h"
#include "pipeline/live/watch_setting.h"

namespace fibflow::pipeline {

WatchEnd serve_inbox(const model::Network& network, const InboxOptions& given, const InputOptions& input,
                     const AdaptationOptions& given_adaptation, const ResourceOptions& resources,
                     WatchServices services) {
  InboxOptions options = given;
  if (options.state_folder.empty()) options.state_folder = options.output.folder + "/.state";
  if (options.stop_file.empty()) options.stop_file = options.output.folder + "/stop";
  options.inbox.open.marker = options.inbox.marker;
  AdaptationOptions adaptation = given_adaptation;
  adaptation.previews = true;  // of each report's page
  if (options.failed_folder.empty()) options.failed_folder = options.inbox.folder + "/failed";
  const std::string inbox = followed_path(options.inbox.folder);
  const std::string output = followed_path(options.output.folder);
  if ((output + "/").starts_with(inbox + "/"))
    throw std::invalid_argument("the output cannot be where stacks are looked for: " + options.output.folder);
  for (const std::string* folder : {&options.failed_folder, &options.done_folder}) {
    if (followed_path(*folder) == inbox && !folder->empty())
      throw std::invalid_argument(*folder + " is the inbox: stacks would come back at once");
  }
  return InboxRun(network, options, input, adaptation, resources, std::move(services)).run();
}

}  // namespace fibflow::pipeline
