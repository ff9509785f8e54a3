#pragma once

// Internal to model/: the steps that compute one tile, first as plain numbers (so that congruent tiles are
// recognized and costs are known without compiling), then with their primitives.

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "model/engine/kernels.h"
#include "model/kinds.h"
#include "model/statistics/statistics.h"
#include "model/steps/weights.h"

namespace fibflow::model {

/// Which pixels of a tile's share of a feature count in moments, row by row. Relative to the share.
struct CountedShare {
  std::vector<int> first;  ///< [rows of the share] the runs of row y are runs[first[y]], …, runs[last[y] - 1]
  std::vector<int> last;
  std::vector<Interval> runs;  ///< columns; ascending and apart from each other within a row
  long long pixels = 0;
};

/// Where a map, or a part of one, lies in the workspace: floats from the beginning of a storage.
struct StoredMap {
  int storage = 0;
  std::ptrdiff_t offset = 0;
  std::ptrdiff_t row = 0;  ///< as in MapView
  std::ptrdiff_t plane = 0;
};

/// What steps run with: one tile, one workspace, one thread.
struct StepContext {
  float* workspace = nullptr;
  std::span<const std::ptrdiff_t> storage_offset;
  void* scratch = nullptr;
  const Weights* weights = nullptr;
  PlanKind kind = PlanKind::frozen;
  std::span<const BatchNorm> batch_norms;

  // Measured plans. All layers at once:
  const Statistics* statistics = nullptr;
  Moments* moments = nullptr;
  const std::vector<CountedShare>* counted_layers = nullptr;
  // or one layer at a time, half of its step in each stage:
  enum class Half { both, measure, apply } half = Half::both;
  const LayerStatistics* used = nullptr;
  LayerMoments* measured = nullptr;
  const CountedShare* counted_layer = nullptr;

  float* at(const StoredMap& map) const {
    return workspace + storage_offset[static_cast<std::size_t>(map.storage)] + map.offset;
  }
  MapView view(const StoredMap& map) const { return {at(map), map.row, map.plane}; }
};

/// Collects what tells tiles apart: those with equal keys share one compiled tile.
class StepKey {
 public:
  template <typename... T>
  void add(const T&... values) {
    (one(values), ...);
  }
  const std::string& text() const { return text_; }

 private:
  template <typename T>
  void one(const T& v) {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
    if constexpr (std::is_same_v<T, StoredMap>) {
      add(v.storage, v.offset, v.row, v.plane);
    } else {
      text_.append(reinterpret_cast<const char*>(&v), sizeof v);
    }
  }
  template <typename T>
  void one(const std::vector<T>& v) {
    one(v.size());
    text_.append(reinterpret_cast<const char*>(v.data()), v.size() * sizeof(T));
  }
  void one(const std::string& v) {
    one(v.size());
    text_ += v;
  }

  std::string text_;
};

/// One step of a tile. Immutable after compile(); run() may be called in parallel, one workspace each.
class Step {
 public:
  virtual ~Step() = default;

  /// Adds its kind and everything that differs between tiles of one network.
  virtual void key(StepKey& key) const = 0;

  /// Bytes of scratch that run() needs; known without compile().
  virtual std::size_t scratch_bytes() const { return 0; }

  /// Makes the primitives, before the first run().
  virtual void compile() {}

  virtual void run(const StepContext& context) const = 0;

 protected:
  Step() = default;
  Step(const Step&) = default;
  Step& operator=(const Step&) = default;
};

}  // namespace fibflow::model
