#include "model/engine/onednn_training.h"

#include <algorithm>
#include <unordered_map>

#include "model/engine/onednn.h"

namespace fibflow::model {
namespace {

using dnnl::memory;
using onednn::bind;
using onednn::cpu;
using Tag = memory::format_tag;
using Type = memory::data_type;

std::size_t floats_of(const memory::desc& desc) {
  return desc.get_size() / sizeof(float);
}

void reorder(const memory::desc& from, const float* source, const memory::desc& to, float* target) {
  memory a = bind(from, source);
  memory b = bind(to, target);
  dnnl::reorder(a, b).execute(onednn::stream(), a, b);
  onednn::stream().wait();
}

void run(const dnnl::primitive& primitive, const std::unordered_map<int, memory>& arguments) {
  primitive.execute(onednn::stream(), arguments);
  onednn::stream().wait();
}

}  // namespace

struct TrainingConvolution::State {
  Shape shape;
  memory::desc input;
  memory::desc output;
  memory::desc plain;
  memory::desc forward_weights;
  memory::desc backward_weights;
  memory::desc gradient;
  memory::desc forward_scratch;
  memory::desc data_scratch;
  memory::desc weights_scratch;
  dnnl::primitive forward;
  dnnl::primitive backward_data;
  dnnl::primitive weights_gradient;
};

TrainingConvolution::TrainingConvolution(const Shape& s) : state_(std::make_unique<State>()) {
  const onednn::OneThread one;
  State& state = *state_;
  state.shape = s;
  const memory::dims strides{1, 1};
  const memory::dims pad{s.kernel / 2, s.kernel / 2};
  const memory::dims kernel{s.out_channels, s.in_channels, s.kernel, s.kernel};
  const memory::desc any(kernel, Type::f32, Tag::any);
  state.plain = memory::desc(kernel, Type::f32, Tag::oihw);
  state.input = memory::desc({1, s.in_channels, s.height, s.width}, Type::f32,
                             s.plain_input ? Tag::nchw : onednn::blocked());
  state.output = memory::desc({1, s.out_channels, s.height, s.width}, Type::f32, onednn::blocked());
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  constexpr auto direct = dnnl::algorithm::convolution_direct;

  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, direct, state.input, any, state.output, strides, pad, pad},
      attributes, cpu());
  state.forward_weights = forward.weights_desc();
  state.forward_scratch = forward.scratchpad_desc();
  state.forward = dnnl::convolution_forward(forward);

  if (!s.plain_input) {
    const dnnl::convolution_backward_data::primitive_desc data(
        {direct, state.input, any, state.output, strides, pad, pad}, attributes, cpu(), forward);
    state.backward_weights = data.weights_desc();
    state.data_scratch = data.scratchpad_desc();
    state.backward_data = dnnl::convolution_backward_data(data);
  }

  const dnnl::convolution_backward_weights::primitive_desc weights(
      {direct, state.input, any, state.output, strides, pad, pad}, attributes, cpu(), forward);
  state.gradient = weights.diff_weights_desc();
  state.weights_scratch = weights.scratchpad_desc();
  state.weights_gradient = dnnl::convolution_backward_weights(weights);
}

TrainingConvolution::~TrainingConvolution() = default;

const TrainingConvolution::Shape& TrainingConvolution::shape() const {
  return state_->shape;
}
std::size_t TrainingConvolution::plain_floats() const {
  return floats_of(state_->plain);
}
std::size_t TrainingConvolution::forward_floats() const {
  return floats_of(state_->forward_weights);
}
std::size_t TrainingConvolution::backward_floats() const {
  return state_->shape.plain_input ? 0 : floats_of(state_->backward_weights);
}
std::size_t TrainingConvolution::gradient_floats() const {
  return floats_of(state_->gradient);
}
std::size_t TrainingConvolution::scratch_bytes() const {
  std::size_t bytes = std::max(state_->forward_scratch.get_size(), state_->weights_scratch.get_size());
  if (!state_->shape.plain_input) bytes = std::max(bytes, state_->data_scratch.get_size());
  return bytes;
}

void TrainingConvolution::arrange(const float* plain, float* forward, float* backward) const {
  const onednn::OneThread one;
  reorder(state_->plain, plain, state_->forward_weights, forward);
  if (!state_->shape.plain_input) reorder(state_->plain, plain, state_->backward_weights, backward);
}

void TrainingConvolution::collect(const float* gradient, float* plain) const {
  const onednn::OneThread one;
  reorder(state_->gradient, gradient, state_->plain, plain);
}

void TrainingConvolution::forward(const float* input, const float* weights, float* output,
                                  void* scratch) const {
  const onednn::OneThread one;
  run(state_->forward, {{DNNL_ARG_SRC, bind(state_->input, input)},
                        {DNNL_ARG_WEIGHTS, bind(state_->forward_weights, weights)},
                        {DNNL_ARG_DST, bind(state_->output, output)},
                        {DNNL_ARG_SCRATCHPAD, bind(state_->forward_scratch, scratch)}});
}

void TrainingConvolution::backward_data(const float* output_gradient, const float* weights,
                                        float* input_gradient, void* scratch) const {
  const onednn::OneThread one;
  run(state_->backward_data, {{DNNL_ARG_DIFF_DST, bind(state_->output, output_gradient)},
                              {DNNL_ARG_WEIGHTS, bind(state_->backward_weights, weights)},
                              {DNNL_ARG_DIFF_SRC, bind(state_->input, input_gradient)},
                              {DNNL_ARG_SCRATCHPAD, bind(state_->data_scratch, scratch)}});
}

void TrainingConvolution::backward_weights(const float* input, const float* output_gradient, float* gradient,
                                           void* scratch) const {
  const onednn::OneThread one;
  run(state_->weights_gradient, {{DNNL_ARG_SRC, bind(state_->input, input)},
                                 {DNNL_ARG_DIFF_DST, bind(state_->output, output_gradient)},
                                 {DNNL_ARG_DIFF_WEIGHTS, bind(state_->gradient, gradient)},
                                 {DNNL_ARG_SCRATCHPAD, bind(state_->weights_scratch, scratch)}});
}

}  // namespace fibflow::model
