#include "model/engine/onednn.h"

#include <algorithm>
#include <unordered_map>

#include "model/engine/onednn_engine.h"

namespace fibflow::model {
namespace {

using dnnl::memory;
using onednn::bind;
using onednn::blocked;
using onednn::cpu;
using onednn::OneThread;
using onednn::stream;
using Tag = memory::format_tag;
using Type = memory::data_type;

dnnl::algorithm eltwise(Activation::Kind kind) {
  switch (kind) {
    case Activation::Kind::relu:
    case Activation::Kind::leaky_relu:
      return dnnl::algorithm::eltwise_relu;
    case Activation::Kind::elu:
      return dnnl::algorithm::eltwise_elu;
    case Activation::Kind::sigmoid:
      return dnnl::algorithm::eltwise_logistic;
    case Activation::Kind::tanh:
      return dnnl::algorithm::eltwise_tanh;
    default:
      return dnnl::algorithm::undef;
  }
}

/// A oneDNN descriptor as a map key; descriptors are plain C structs without padding surprises once
/// zero-filled.
std::string key_of(const memory::desc& desc) {
  return {reinterpret_cast<const char*>(&desc.data), sizeof(desc.data)};
}

}  // namespace

int channel_block() {
  static const int block = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core ? 16 : 8;
  return block;
}

std::string instruction_set() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa >= dnnl::cpu_isa::avx512_core ? "avx512" : isa >= dnnl::cpu_isa::avx2 ? "avx2" : "sse41";
}

std::string onednn_version() {
  const dnnl::version_t* v = dnnl::version();
  return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

struct Convolution::State {
  memory::desc user_weights;
  memory::desc weights;
  memory::desc bias;
  memory::desc input;
  memory::desc output;
  memory::desc scratch;
  dnnl::primitive primitive;
  std::string layout;
  bool transposed = false;
};

bool Convolution::fuses(Activation::Kind kind) {
  return kind == Activation::Kind::none || eltwise(kind) != dnnl::algorithm::undef;
}

Convolution::Convolution(const Shape& s) : state_(std::make_unique<State>()) {
  const OneThread one;
  const memory::dims strides{s.y.stride, s.x.stride};
  const memory::dims dilations{s.y.dilation - 1, s.x.dilation - 1};  // oneDNN counts the gaps
  const memory::dims begin{s.y.pad_begin, s.x.pad_begin};
  const memory::dims end{s.y.pad_end, s.x.pad_end};
  const int g = s.groups;
  const memory::dims kernel =
      g > 1 ? memory::dims{g, s.out_channels / g, s.in_channels / g, s.y.kernel, s.x.kernel}
            : memory::dims{s.out_channels, s.in_channels, s.y.kernel, s.x.kernel};
  const memory::desc weights(kernel, Type::f32, Tag::any);
  const memory::desc bias = s.bias ? memory::desc({s.out_channels}, Type::f32, Tag::x) : memory::desc();
  state_->input = memory::desc({1, s.in_channels, s.in_height, s.in_width}, Type::f32,
                               s.plain_input ? Tag::nchw : blocked());
  state_->output = memory::desc({1, s.out_channels, s.out_height, s.out_width}, Type::f32, blocked());
  state_->bias = bias;
  state_->transposed = s.transposed;
  // ONNX stores transposed weights as [in, out, y, x]; oneDNN sees [out, in, y, x] through the strides.
  if (s.transposed) {
    state_->user_weights =
        g > 1 ? memory::desc(kernel, Type::f32, Tag::giohw) : memory::desc(kernel, Type::f32, Tag::iohw);
  } else {
    state_->user_weights =
        g > 1 ? memory::desc(kernel, Type::f32, Tag::goihw) : memory::desc(kernel, Type::f32, Tag::oihw);
  }

  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (s.activation != Activation::Kind::none) {
    dnnl::post_ops post;
    post.append_eltwise(1.0F, eltwise(s.activation), s.activation == Activation::Kind::relu ? 0.0F : s.alpha,
                        0.0F);
    attributes.set_post_ops(post);
  }
  if (s.transposed) {
    const dnnl::deconvolution_forward::desc desc(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::deconvolution_direct, state_->input, weights,
        bias, state_->output, strides, dilations, begin, end);
    const dnnl::deconvolution_forward::primitive_desc made(desc, attributes, cpu());
    state_->weights = made.weights_desc();
    state_->scratch = made.scratchpad_desc();
    state_->primitive = dnnl::deconvolution_forward(made);
  } else {
    const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_inference,
                                               dnnl::algorithm::convolution_direct, state_->input, weights,
                                               bias, state_->output, strides, dilations, begin, end);
    const dnnl::convolution_forward::primitive_desc made(desc, attributes, cpu());
    state_->weights = made.weights_desc();
    state_->scratch = made.scratchpad_desc();
    state_->primitive = dnnl::convolution_forward(made);
  }
  state_->layout = key_of(state_->weights);
}

Convolution::~Convolution() = default;

int Convolution::in_channels() const {
  return static_cast<int>(state_->input.dims()[1]);
}
const std::string& Convolution::weights_layout() const {
  return state_->layout;
}
std::size_t Convolution::weights_bytes() const {
  return state_->weights.get_size();
}
std::size_t Convolution::scratch_bytes() const {
  return state_->scratch.get_size();
}

void Convolution::arrange_weights(std::span<const float> weights, float* arranged) const {
  const OneThread one;
  memory from(state_->user_weights, cpu(), const_cast<float*>(weights.data()));
  memory to(state_->weights, cpu(), arranged);
  dnnl::reorder(from, to).execute(stream(), from, to);
  stream().wait();
}

void Convolution::execute(const float* input, const float* weights, const float* bias, float* output,
                          void* scratch) const {
  const OneThread one;
  std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, bind(state_->input, input)},
                                            {DNNL_ARG_WEIGHTS, bind(state_->weights, weights)},
                                            {DNNL_ARG_DST, bind(state_->output, output)},
                                            {DNNL_ARG_SCRATCHPAD, bind(state_->scratch, scratch)}};
  if (bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, bind(state_->bias, bias));
  state_->primitive.execute(stream(), arguments);
  stream().wait();
}

}  // namespace fibflow::model
