#include "pipeline/cli/terminal/logging.h"
#include "pipeline/cli/terminal/printable.h"

#include <spdlog/sinks/base_sink.h>

#include <cstdlib>
#include <mutex>
#include <string>

namespace fibflow::cli {
namespace {

const char* colour_of(spdlog::level::level_enum level) {
  if (level >= spdlog::level::err) return "\x1b[31m";
  if (level == spdlog::level::warn) return "\x1b[33m";
  return "";
}

class TerminalSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit TerminalSink(pipeline::Terminal& terminal) : terminal_(terminal) {
    const char* no_colour = std::getenv("NO_COLOR");
    colours_wanted_ = no_colour == nullptr || *no_colour == '\0';
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string payload = printable({message.payload.data(), message.payload.size()});
    spdlog::details::log_msg message_to_print = message;
    message_to_print.payload = payload;
    spdlog::memory_buf_t formatted;
    formatter_->format(message_to_print, formatted);
    std::string line(formatted.data(), formatted.size());
    const std::string colour = colour_of(message.level);
    if (colours_wanted_ && !colour.empty() && terminal_.columns() > 0) {
      line.insert(message_to_print.color_range_end, "\x1b[0m");
      line.insert(message_to_print.color_range_start, colour);
    }
    terminal_.print(line);
  }

  void flush_() override {}

  pipeline::Terminal& terminal_;
  bool colours_wanted_ = true;
};

}  // namespace

std::shared_ptr<spdlog::logger> make_logger(pipeline::Terminal& terminal) {
  auto logger = std::make_shared<spdlog::logger>("fibflow", std::make_shared<TerminalSink>(terminal));
  logger->set_pattern("%H:%M:%S %^%-7l%$ %v");
  logger->set_level(spdlog::level::info);
  return logger;
}

}  // namespace fibflow::cli
