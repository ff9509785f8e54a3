#include "pipeline/options/metadata_numbers.h"

#include "pipeline/options/number_list.h"

namespace fibflow::pipeline {

std::optional<std::vector<double>> metadata_numbers(const model::Network& network, const char* key,
                                                    std::size_t count) {
  const auto found = network.metadata().find(key);
  if (found == network.metadata().end()) return std::nullopt;
  auto numbers = number_list<double>(found->second, count);
  if (!numbers || numbers->size() != count) return std::nullopt;
  return numbers;
}

std::optional<double> positive_metadata(const model::Network& network, const char* key) {
  const auto number = metadata_numbers(network, key, 1);
  return number && number->front() > 0 ? std::optional(number->front()) : std::nullopt;
}

}  // namespace fibflow::pipeline
