#pragma once

#include <atomic>
#include <cstdio>
#include <cstdlib>

/// For what is preloaded into a program: the calls that it looks at are counted, and how many there were when the program
/// ends is written into the file FIBFLOW_COUNT_TO, if that is set.
struct CountedCalls {
  std::atomic<long> number = 0;

  ~CountedCalls() {
    const char* path = std::getenv("FIBFLOW_COUNT_TO");
    if (path == nullptr) return;
    if (std::FILE* file = std::fopen(path, "w")) {
      std::fprintf(file, "%ld\n", number.load());
      std::fclose(file);
    }
  }
};

/// A number that the environment says; 0 if it says none.
inline long number_in_environment(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0L : std::atol(text);
}
