#include "model/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

namespace fibflow::model {
namespace {

template <typename T>
bool all_finite(std::span<const T> values) {
  // The product is 0 for finite numbers, else not a number.
  T sum = 0;
  for (const T v : values) sum += v * 0;
  return sum == 0;
}

bool all_finite(std::span<float> values) {
  return all_finite(std::span<const float>(values));
}

bool all_finite(const Moments& moments) {
  return std::all_of(moments.layers.begin(), moments.layers.end(), [](const LayerMoments& layer) {
    return all_finite(std::span(layer.mean)) && all_finite(std::span(layer.squares));
  });
}

}  // namespace

Trainer::Trainer(const Options& options, TrainingLoop loop)
    : options_(options),
      loop_(std::move(loop)),
      graph_(options.shape, options.loss, loop_),
      values_(UNetValues::initial(options.shape.network, options.seed)),
      gradients_(options.shape.network),
      first_moments_(options.shape.network),
      second_moments_(options.shape.network) {
  if (!(options.momentum > 0 && options.momentum <= 1))
    throw std::invalid_argument("the momentum of the running statistics must be in (0, 1]");
  adam_step(options.adam, 0, 1, {}, {}, {}, {});  // throws if the options make no sense
}

std::size_t Trainer::memory() const {
  return graph_.memory() + 4 * values_.all().size() * sizeof(float);
}

LossValue Trainer::step(std::span<const float> images, std::span<const std::uint8_t> labels, double rate) {
  const TrainingGraph::Result result = graph_.differentiate(values_, images, labels, gradients_);
  // ReLU makes zeros of what is not a number: the loss alone does not tell.
  if (!std::isfinite(result.loss.total) || !all_finite(gradients_.all()) || !all_finite(result.moments)) {
    throw TrainingDiverged("loss or gradients are not finite numbers in step " + std::to_string(steps_ + 1) +
                           ": the learning rate is too high, or the images are far from normalized");
  }
  ++steps_;
  update_running_statistics(result.moments);
  descend(rate);
  return result.loss;
}

void Trainer::update_running_statistics(const Moments& moments) {
  std::size_t layer = 0;
  for (std::size_t t = 0; t < values_.tensors().size(); ++t) {
    if (!values_.tensors()[t].name.ends_with(".running_mean")) continue;
    const LayerMoments& batch = moments.layers.at(layer++);
    const std::span<float> mean = values_[t];
    const std::span<float> variance = values_[t + 1];
    for (std::size_t c = 0; c < mean.size(); ++c) {
      const double unbiased = batch.squares[c] / std::max(1.0, batch.count - 1);
      const auto move = [this](float& old, double to) {
        old = static_cast<float>((1 - options_.momentum) * static_cast<double>(old) + options_.momentum * to);
      };
      move(mean[c], batch.mean[c]);
      move(variance[c], unbiased);
    }
  }
}

void Trainer::descend(double rate) {
  const auto& tensors = values_.tensors();
  loop_(static_cast<int>(tensors.size()), [&](int i) {
    const auto t = static_cast<std::size_t>(i);
    if (!is_trained(tensors[t])) return;
    adam_step(options_.adam, rate, steps_, values_[t], gradients_[t], first_moments_[t], second_moments_[t]);
  });
}

void Trainer::evaluate(std::span<const float> images, std::span<float> logits) {
  graph_.evaluate(values_, images, logits);
}

std::string Trainer::state() const {
  std::string bytes(reinterpret_cast<const char*>(&steps_), sizeof steps_);
  for (const UNetValues* part : {&values_, &first_moments_, &second_moments_})
    bytes.append(reinterpret_cast<const char*>(part->all().data()), part->all().size_bytes());
  return bytes;
}

void Trainer::restore(std::string_view state) {
  const std::size_t part = values_.all().size_bytes();
  if (state.size() != sizeof steps_ + 3 * part)
    throw std::invalid_argument("the state of a trainer with other options");
  std::memcpy(&steps_, state.data(), sizeof steps_);
  if (steps_ < 0) throw std::invalid_argument("the state of a trainer has an impossible number of steps");
  const char* from = state.data() + sizeof steps_;
  for (UNetValues* to : {&values_, &first_moments_, &second_moments_}) {
    std::memcpy(to->all().data(), from, part);
    from += part;
    // A training whose values are not finite has ended.
    if (!std::ranges::all_of(to->all(), [](float value) { return std::isfinite(value); }))
      throw std::invalid_argument("the state of a trainer has numbers that are not finite");
  }
}

}  // namespace fibflow::model
