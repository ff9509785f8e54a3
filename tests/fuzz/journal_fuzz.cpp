// Takes any bytes for the journal of a live run, as they are, and line by line with right checksums: io::Error is the only
// way to fail.

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "io/error.h"
#include "pipeline/live/watch_journal.h"
#include "tests/fuzz/memory_file.h"

namespace {

using namespace fibflow;

void open(const std::string& path, const std::string& bytes, std::uint64_t acknowledged) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  try {
    pipeline::WatchJournal journal(path, acknowledged);
    // What was taken can be written again.
    for (const pipeline::JournalEntry& entry : journal.entries()) journal.append(entry);
    journal.visit_taken([](const pipeline::JournalEntry&) {});
  } catch (const io::Error&) {
    // The right answer to a broken journal.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string folder = fibflow::testing::scratch_folder();
  const std::string path = folder + "/journal";
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  open(path, bytes, 0);
  open(path, bytes, size);
  std::string lines;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    lines += pipeline::checked_line(std::string(line));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  open(path, lines, 0);
  open(path, lines, lines.size());
  return 0;
}
