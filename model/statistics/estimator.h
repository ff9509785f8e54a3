#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/statistics/statistics.h"

namespace fibflow::model {

/// How the statistics of the target are estimated from the moments of its batches.
enum class Rule {
  ema,     ///< exponential moving average, momentum = weight of the new batch (Stenger, Vedrenne et al.;
           ///< PyTorch)
  pooled,  ///< exact moments of all pixels so far (AdaBN, Li et al. 2018)
  prior,   ///< source statistics weigh as many images as prior_images (Schneider et al. 2020)
  ubna,    ///< EMA whose momentum decays with batch and layer (Klingner et al. 2022)
};

/// "ema", "pooled", "prior", "ubna"; the inverse throws std::invalid_argument.
std::string name_of(Rule rule);
Rule rule_named(const std::string& name);

struct EstimatorOptions {
  Rule rule = Rule::pooled;
  double momentum = 0.1;      ///< ema: weight of the new batch, and ubna's α0; in (0, 1]
  double prior_images = 16;   ///< prior: N, the weight of the source in images; >= 0
  double batch_decay = 0.08;  ///< ubna: αB >= 0
  double layer_decay = 0.03;  ///< ubna: αL >= 0; 0 is no layer decay
};

/// Running statistics: what adapts. update() is serial; the const members may run in parallel with each
/// other.
class Estimator {
 public:
  /// Starts at the source statistics. Throws std::invalid_argument for an option out of its range.
  Estimator(EstimatorOptions options, Statistics source);

  /// Starts again from measured moments of a probe of this many images: they replace the source statistics as
  /// the starting point of ema and ubna and are the first pixels of pooled and prior. Says whether it did:
  /// incomplete moments change nothing.
  bool start_from(const Moments& probe, double images);

  /// Takes one batch of this many images, and says whether it did: incomplete moments (nothing counted in some layer)
  /// are no batch and change nothing. Throws std::invalid_argument if its layers are not the source's.
  bool update(const Moments& batch, double images);

  /// The estimate as it stands, without any source share.
  Statistics estimate() const;

  const Statistics& source() const { return source_; }
  const EstimatorOptions& options() const { return options_; }
  std::int64_t batches() const { return state_.batches; }

  /// Everything update() depends on, so that a run can be continued bit for bit.
  struct State {
    std::int64_t batches = 0;
    double images = 0;
    Moments pool;                               ///< pooled, prior
    std::vector<std::vector<double>> mean;      ///< ema, ubna
    std::vector<std::vector<double>> variance;  ///< ema, ubna
    friend bool operator==(const State&, const State&) = default;
  };
  const State& state() const { return state_; }
  void restore(State state);

 private:
  EstimatorOptions options_;
  Statistics source_;
  State state_;
};

}  // namespace fibflow::model
