// Takes any bytes for a checkpoint's file, and any JSON for its contents, signed: io::Error is the only way to fail, and only
// for data that is unusable.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "io/error.h"
#include "io/files/checked_file.h"
#include "pipeline/segment/checkpoint.h"
#include "tests/fuzz/memory_file.h"

namespace {

using namespace fibflow;

void read(const std::string& path, const nlohmann::ordered_json& setting, const model::Network& network) {
  try {
    std::string refusal;
    pipeline::Checkpoint::read(path, setting, network, 4, refusal);
  } catch (const io::Error& error) {
    if (error.kind() != io::ErrorKind::bad_data) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const model::Network network =
      model::Network::load(std::filesystem::path(FIBFLOW_TEST_FIXTURES) / "onnx/models/small.onnx");
  static const testing::MemoryFile file("checkpoint");
  static const std::string folder = fibflow::testing::scratch_folder();
  read(file.with(data, size), {}, network);

  const std::string path = folder + "/checkpoint";
  std::error_code ignored;
  std::filesystem::remove(path + ".previous", ignored);
  const std::string contents(reinterpret_cast<const char*>(data), size);
  io::write_checked(path, pipeline::Checkpoint::kind, contents);
  std::filesystem::remove(path + ".previous", ignored);
  const auto json = nlohmann::ordered_json::parse(contents, nullptr, false);
  read(path, json.is_object() && json.contains("setting") ? json["setting"] : nlohmann::ordered_json(),
       network);
  return 0;
}
