// Streams slices that this program makes itself, rather than a file's, through adaptation and segmentation: what a
// microscope's control software would do. Writes masks.tif, source.onnx and adapted.onnx into a folder.

#include <cstdio>
#include <fstream>
#include <string>

#include "io/phantom/phantom.h"
#include "io/stack.h"
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
class SyntheticCell : public io::Stack {
 public:
  SyntheticCell() : phantom_(small_cell()) {
    info_.path = "synthetic cell";
    info_.depth = 8;
    info_.height = 128;
    info_.width = 160;
    info_.voxel_nm = {8, 8, 8};
  }
  const io::StackInfo& info() const override { return info_; }
  io::Slice read(std::int64_t z) override { return phantom_.image(z); }

 private:
  io::Phantom phantom_;
  io::StackInfo info_;
};

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

  SyntheticCell cell;
  pipeline::OutputOptions output;
  output.mask = folder + "/masks.tif";
  output.overwrite = true;
  pipeline::RunHooks hooks;
  hooks.log = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  const pipeline::Outcome outcome = pipeline::segment(cell, network, {}, {}, output, {}, hooks);

  write(folder + "/adapted.onnx", pipeline::adapted_model(network, outcome));
  std::printf("%zu slices segmented\n", outcome.report.slices.size());
}
