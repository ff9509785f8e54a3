#pragma once

// Internal to model/: steps that only move values; several operators and the planner use them.

#include <vector>

#include "model/steps/step.h"

namespace fibflow::model {

/// Whole blocks of channels.
class CopyStep final : public Step {
 public:
  CopyStep(const StoredMap& from, const StoredMap& to, const Span& span)
      : from_(from), to_(to), span_(span) {}
  void key(StepKey& key) const override { key.add('=', from_, to_, span_); }
  void run(const StepContext& context) const override { copy(context.view(from_), context.view(to_), span_); }

 private:
  StoredMap from_;
  StoredMap to_;
  Span span_;
};

/// Channels one by one, where they do not fill blocks.
class CopyChannelsStep final : public Step {
 public:
  StoredMap from, to;
  int from_block = 1, to_block = 1, from_first = 0, to_first = 0, channels = 0, height = 0, width = 0;
  int cleared_blocks = 0;  ///< of the destination, zeroed first

  void key(StepKey& key) const override { key.add('/', from, to, height, width); }
  void run(const StepContext& context) const override;
};

/// Input row y[i] and column x[j] for output pixel i, j; where one is -1, the constant.
class PickStep final : public Step {
 public:
  StoredMap from, to;
  Span span;
  std::vector<int> y, x;
  float constant = 0;

  void key(StepKey& key) const override { key.add('p', from, to, span, y, x); }
  void run(const StepContext& context) const override {
    kernels().pick(context.view(from), context.view(to), span, y.data(), x.data(), constant);
  }
};

}  // namespace fibflow::model
