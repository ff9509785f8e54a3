#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/operators/pointwise.h"

// BatchNormalization: merged with the convolution before where nobody else reads that.

namespace fibflow::model {
namespace {

class BatchNormOperation final : public Operation {
 public:
  explicit BatchNormOperation(int batch_norm) : batch_norm_(batch_norm) {}

  void plan(TilePlanner& planner) const override {
    auto step = pointwise_step(*this, planner);
    step->source = NormalizationStep::Source::batch_norm;
    step->batch_norm = batch_norm_;
    step->activation = &activation_;
    planner.emit_normalization(std::move(step), output);
  }
  bool take_activation(const Activation& activation) override {
    if (activation_.kind != Activation::Kind::none) return false;
    activation_ = activation;
    return true;
  }
  int batch_norm() const override { return batch_norm_; }

 private:
  int batch_norm_;
  Activation activation_;
};

}  // namespace

void lower_batch_normalization(Lowering& lowering, const Node& node) {
  const int index = lowering.batch_norm_of(node);
  const Feature in = lowering.feature(node, 0);
  const int channels = lowering.batch_norms()[static_cast<std::size_t>(index)].channels;
  if (channels != in.channels) {
    throw NodeError(node, "normalizes " + std::to_string(channels) + " channels, but its input '" + in.name +
                              "' has " + std::to_string(in.channels));
  }
  if (Operation* producer = lowering.sole_producer(node);
      producer != nullptr && producer->take_batch_norm(index)) {
    lowering.normalized_by_last(index);
    return lowering.rename(node, producer->output);
  }
  lowering.normalized_by_next(index);
  lowering.add(node, {lowering.feature_index(node, 0)}, in, std::make_unique<BatchNormOperation>(index));
}

}  // namespace fibflow::model
