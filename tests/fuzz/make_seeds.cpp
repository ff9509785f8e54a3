// Writes the fuzzers' seeds into a folder: make_seeds FOLDER. What the program itself writes, small.

#include <filesystem>
#include <fstream>
#include <string>

#include "io/files/checked_file.h"
#include "io/formats/formats.h"
#include "io/memory_stack.h"
#include "pipeline/flow/interruption.h"
#include "pipeline/live/watch_journal.h"
#include "pipeline/segment/checkpoint.h"
#include "pipeline/segment/run.h"

namespace {

using namespace fibflow;
namespace fs = std::filesystem;

io::MemoryStack small_stack(std::int64_t depth, io::PixelType type) {
  io::StackInfo info;
  info.path = "seed";
  info.depth = depth;
  info.height = 33;
  info.width = 41;
  info.type = type;
  return {info, [info](std::int64_t z) {
            auto voxels = std::make_shared<std::byte[]>(info.slice_bytes());
            for (std::size_t i = 0; i < info.slice_bytes(); ++i)
              voxels[i] = static_cast<std::byte>((i * i / 7 + static_cast<std::size_t>(z) * 13) % 60);
            return io::Slice(z, info.height, info.width, info.type, std::move(voxels));
          }};
}

void make_tiffs(const fs::path& folder) {
  for (const io::PixelType type : io::all_pixel_types) {
    for (const auto compression : {io::Compression::none, io::Compression::deflate, io::Compression::zstd}) {
      const fs::path file = folder / (std::string(io::name_of(type)) + "-" +
                                      std::to_string(static_cast<int>(compression)) + ".tif");
      auto stack = small_stack(2, type);
      const auto writer = io::create_stack(file, {compression, {8, 4, 4}, "a seed", true, 2, ""});
      for (std::int64_t z = 0; z < 2; ++z) writer->write(stack.read(z));
      writer->finish();
    }
  }
}

void make_checkpoint(const fs::path& folder) {
  const auto network = model::Network::load(fs::path(FIBFLOW_TEST_FIXTURES) / "onnx/models/small.onnx");
  const fs::path work = folder / "work";
  fs::create_directories(work);
  auto stack = small_stack(8, io::PixelType::u8);
  pipeline::OutputOptions output;
  output.mask = work / "masks.tif";
  output.resume = true;
  output.checkpoint_seconds = 0;
  std::stop_source stop;
  pipeline::RunHooks hooks;
  hooks.stop = stop.get_token();
  int done = 0;
  hooks.begin = [&](const std::string& phase, std::int64_t) { done = phase == "segment" ? 0 : -1000; };
  hooks.advance = [&] {
    if (++done == 4) stop.request_stop();
  };
  try {
    pipeline::segment(stack, network, {}, {}, output, {1, 0, 0}, hooks);
  } catch (const pipeline::Interrupted&) {
    // As wanted.
  }
  const std::string path = pipeline::checkpoint_path(output.mask);
  const auto checkpoint = io::read_checked(path, pipeline::Checkpoint::kind).value();
  std::ofstream(folder / "checkpoint.json", std::ios::binary) << checkpoint.contents;
  fs::copy_file(path, folder / "checkpoint", fs::copy_options::overwrite_existing);
  fs::remove_all(work);
}

void make_journal(const fs::path& folder) {
  const fs::path file = folder / "journal";
  fs::remove(file);
  pipeline::WatchJournal journal(file, 0);
  using Kind = pipeline::JournalEntry::Kind;
  for (const Kind kind : {Kind::first, Kind::taken, Kind::skipped, Kind::failed, Kind::event}) {
    pipeline::JournalEntry entry;
    entry.kind = kind;
    entry.first = entry.last = 17;
    entry.file = {"cell 17 %.tif", 1234, 5678};
    entry.event = {17, "frozen", "the statistics have settled"};
    journal.append(entry);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const fs::path folder = argv[1];
  for (const char* name : {"tiff", "checkpoint", "journal"}) fs::create_directories(folder / name);
  make_tiffs(folder / "tiff");
  make_checkpoint(folder / "checkpoint");
  make_journal(folder / "journal");
}
