#include "tests/pipeline/phantom_run.h"

#include <algorithm>
#include <cmath>

#include "pipeline/live_picture.h"

namespace fibflow::testing {
namespace {

constexpr std::int64_t depth = 64;       // of the phantom, which is gone through again and again
constexpr std::int64_t drifts_at = 320;  // where something happens to the acquisition

io::PhantomParameters parameters(int size) {
  io::PhantomParameters p;
  p.fixation = io::Fixation::cryo;
  p.depth = depth;
  p.height = p.width = size;
  return p;
}

/// -1 to 1, of no particular pattern, the same every time.
double wobble(std::int64_t z, double salt) {
  const double value = std::sin(static_cast<double>(z) * 12.9898 + salt * 78.233) * 43758.5453;
  return 2 * (value - std::floor(value)) - 1;
}

}  // namespace

PhantomRun::PhantomRun(pipeline::StatusBoard& board, int size, int earlier)
    : board_(board),
      earlier_(earlier),
      start_(std::chrono::system_clock::now() - earlier * per_slice),
      phantom_(parameters(size)) {
  board_.change([this, size](pipeline::LiveStatus& status) {
    status.started = start_;
    status.folder = "/acquisition/cell-17";
    status.output = "/segmented/cell-17";
    status.model = "source.onnx";
    status.options =
        "recipe stream, estimator pooled, source share 0.25, normalized by running, probe 3, lag 4, freeze "
        "never, "
        "normalization zscore:0.49,0.20, threshold 0.5";
    status.voxels_per_slice = static_cast<double>(size) * size;
    status.memory_budget = std::size_t{4} << 30;
    status.resident_memory = std::size_t{180} << 20;
    status.disk_free = std::uint64_t{731} << 30;
  });
}

void PhantomRun::enter(pipeline::LiveState state, const std::string& reason) {
  board_.change([&](pipeline::LiveStatus& status) {
    status.state = state;
    status.reason = reason;
  });
}

void PhantomRun::add_slices(int count) {
  for (int i = 1; i <= count; ++i) add_slice(i == count);
}

void PhantomRun::add_slice(bool with_picture) {
  const std::int64_t z = next_++;
  const auto at = static_cast<double>(z);
  std::optional<pipeline::LivePicture> picture;
  if (with_picture) {
    picture = pipeline::make_live_picture(z, phantom_.image(z % depth), phantom_.labels(z % depth));
  }
  const double disturbed = z >= drifts_at ? std::exp(-(at - drifts_at) / 25) : 0;
  pipeline::LiveSlice slice;
  slice.z = z;
  slice.finished = z < earlier_ ? start_ + (z + 1) * per_slice : std::chrono::system_clock::now();
  slice.foreground = 0.085 + 0.02 * std::sin(at / 47) + 0.004 * wobble(z, 1) - 0.05 * disturbed;
  slice.entropy =
      0.16 + 0.12 * std::exp(-at / 12) + 0.02 * std::sin(at / 90) + 0.012 * wobble(z, 2) + 0.2 * disturbed;
  slice.drift = 0.011 + 0.05 * std::exp(-at / 6) + 0.004 * std::abs(wobble(z, 3)) + 0.12 * disturbed;
  slice.latency = 2.1 + 0.5 * wobble(z, 4) + (z < 3 ? 60 - 20 * at : 0) + (z % 97 == 96 ? 9 : 0);

  board_.change([&](pipeline::LiveStatus& status) {
    status.slices.add(slice);
    status.latency.add(slice.latency);
    status.newest_slice = z;
    ++status.counts.processed;
    ++status.counts.seen;
    status.adaptation = z < 3 ? "" : "adapting";
    status.drift_from_source = 0.41 * (1 - std::exp(-(at + 3) / 9)) + 0.06 * disturbed;
    status.resident_memory = static_cast<std::size_t>((412 + 6 * wobble(z, 5)) * 1024 * 1024);
    if (picture) status.picture = picture;
  });
}

}  // namespace fibflow::testing
