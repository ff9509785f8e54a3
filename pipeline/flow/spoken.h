#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace fibflow::pipeline {

/// As printf would write it.
[[gnu::format(printf, 1, 2)]] std::string formatted(const char* format, ...);

/// "512 MiB", "1.25 GiB".
std::string spoken_memory(std::size_t bytes);

/// A duration as people say it: "8 s", "3 min 05 s", "2 h 13 min".
std::string spoken_duration(std::chrono::duration<double> duration);

}  // namespace fibflow::pipeline
