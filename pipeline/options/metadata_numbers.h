#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "model/tile/network.h"

namespace fibflow::pipeline {

/// So many numbers with commas between them, as a model's metadata has them; nothing if it does not, or they are others.
std::optional<std::vector<double>> metadata_numbers(const model::Network& network, const char* key,
                                                    std::size_t count);

/// One that is above 0.
std::optional<double> positive_metadata(const model::Network& network, const char* key);

}  // namespace fibflow::pipeline
