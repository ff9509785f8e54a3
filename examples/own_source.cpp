// Streams slices that this program makes itself, rather than a file's, through adaptation and segmentation: what a
// microscope's control software would do. Writes masks.tif, source.onnx and adapted.onnx into a folder.

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "io/memory_stack.h"
#include "io/phantom/phantom.h"
#include "model/training/unet.h"
#include "pipeline/segment/run.h"

using namespace fibflow;

namespace {

io::PhantomParameters small_cell() {
  io::PhantomParameters cell;
  cell.depth = 8;
  cell.height = 128;
  cell.width = 160;
  return cell;
}

/// A stack is whatever knows its shape and can make slice z.
io::MemoryStack synthetic_cell() {
  const io::PhantomParameters shape = small_cell();
  io::StackInfo info;
  info.path = "synthetic cell";
  info.depth = shape.depth;
  info.height = shape.height;
  info.width = shape.width;
  info.voxel_nm = {8, 8, 8};
  return {info,
          [phantom = std::make_shared<io::Phantom>(shape)](std::int64_t z) { return phantom->image(z); }};
}

void write(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  const std::string source = model::unet_onnx(
      {.channels = 8, .depth = 2}, [](const model::UNetTensor& t) { return model::initial_values(t, 1); });
  write(folder + "/source.onnx", source);
  const model::Network network = model::Network::load(folder + "/source.onnx");

  io::MemoryStack cell = synthetic_cell();
  pipeline::OutputOptions output;
  output.mask = folder + "/masks.tif";
  output.overwrite = true;
  pipeline::RunHooks hooks;
  hooks.log = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  const pipeline::Outcome outcome = pipeline::segment(cell, network, {}, {}, output, {}, hooks);

  write(folder + "/adapted.onnx", pipeline::adapted_model(network, outcome));
  write(folder + "/report.json", pipeline::report_json(outcome));
  std::printf("%lld slices segmented\n", static_cast<long long>(cell.info().depth));
}
