#include "pipeline/report/run_facts.h"

#include <ctime>

namespace fibflow::pipeline {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

RunReport::Model model_of(const model::Network& network) {
  return {network.name(),           network.producer(),        network.opset(),
          network.input_channels(), network.output_channels(), static_cast<int>(network.batch_norms().size()),
          network.parameters()};
}

}  // namespace fibflow::pipeline
