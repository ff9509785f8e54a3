#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/inference.h"
#include "model/network.h"

namespace fibflow::model {

/// A dense array as a case file names it: raw little-endian float32.
struct Array {
  std::vector<int> shape;
  std::vector<float> values;

  int dim(std::size_t i) const { return shape.at(i); }
  /// Image n of [N, C, H, W].
  std::span<const float> image(int n) const;
};

/// One network with inputs and with what PyTorch computes from them.
struct Case {
  std::string name;
  std::string expect;  ///< "exact", "optional" or "refused"
  std::filesystem::path folder;
  nlohmann::json json;

  std::filesystem::path model() const { return folder / json.at("model").get<std::string>(); }
  Array array(const nlohmann::json& entry) const;
};

/// The cases of this project, and those of the shared folder if it is there.
std::vector<Case> own_cases();
std::vector<Case> shared_cases();

/// What counts in moments: all, unless one of these is given.
struct Counting {
  const CountedArea* area = nullptr;
  std::function<bool(const Region&)> cores = {};  ///< whether a tile's moments count, by its core
};

/// Runs one network over batches of images of one size, tile by tile or whole, as PyTorch would.
class CaseRunner {
 public:
  /// tile: side of the cores; 0 is the whole image at once.
  CaseRunner(const Case& c, int tile);
  /// For slices of any size; batches hold images of the slice's size with its extension.
  CaseRunner(Inference inference, int tile);

  const Network& network() const { return inference_.network(); }
  const Inference& inference() const { return inference_; }

  /// [N, K, h, w] with statistics folded into the weights.
  std::vector<float> frozen(const Array& batch, const Statistics& statistics) const;
  /// Normalized with statistics; moments of the batch if not null.
  std::vector<float> running(const Array& batch, const Statistics& statistics, Moments* moments,
                             const Counting& counting = {}) const;
  /// Normalized with the moments of the whole batch, or of what counts of it.
  std::vector<float> own(const Array& batch, Moments& moments, const Counting& counting = {}) const;

  const std::vector<Region>& cores() const { return cores_; }

 private:
  std::shared_ptr<const TilePlan> prepare(const Array& batch, int n, const Region& core, PlanKind kind,
                                          Workspace& workspace) const;
  void store(const TilePlan& plan, const Workspace& workspace, int n, std::vector<float>& output) const;
  std::vector<float> empty_output(const Array& batch) const;

  int out_height_;
  int out_width_;
  Inference inference_;
  std::vector<Region> cores_;
};

/// Largest |a - b| as a share of b's standard deviation.
double deviation(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace fibflow::model
