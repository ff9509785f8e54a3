#include "model/engine/onednn_convolution.h"

#include <algorithm>
#include <unordered_map>

#include "model/engine/onednn.h"

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

/// What oneDNN is asked for.
struct Descriptors {
  memory::desc input;
  memory::desc output;
  memory::desc bias;
  memory::desc weights;  ///< in the layout that it likes best
  memory::desc user_weights;
  dnnl::primitive_attr attributes;
  memory::dims strides, dilations, begin, end;

  explicit Descriptors(const ConvolutionShape& s) {
    strides = {s.y.stride, s.x.stride};
    dilations = {s.y.dilation - 1, s.x.dilation - 1};  // oneDNN counts the gaps
    begin = {s.y.pad_begin, s.x.pad_begin};
    end = {s.y.pad_end, s.x.pad_end};
    const int g = s.groups;
    const memory::dims kernel =
        g > 1 ? memory::dims{g, s.out_channels / g, s.in_channels / g, s.y.kernel, s.x.kernel}
              : memory::dims{s.out_channels, s.in_channels, s.y.kernel, s.x.kernel};
    weights = memory::desc(kernel, Type::f32, Tag::any);
    if (s.bias) bias = memory::desc({s.out_channels}, Type::f32, Tag::x);
    input = memory::desc({1, s.in_channels, s.in_height, s.in_width}, Type::f32,
                         s.plain_input ? Tag::nchw : blocked());
    output = memory::desc({1, s.out_channels, s.out_height, s.out_width}, Type::f32, blocked());
    // ONNX stores transposed weights as [in, out, y, x]; oneDNN sees [out, in, y, x] through the strides.
    const Tag plain = s.transposed ? (g > 1 ? Tag::giohw : Tag::iohw) : (g > 1 ? Tag::goihw : Tag::oihw);
    user_weights = memory::desc(kernel, Type::f32, plain);
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (s.activation != Activation::Kind::none) {
      dnnl::post_ops post;
      post.append_eltwise(1.0F, eltwise(s.activation),
                          s.activation == Activation::Kind::relu ? 0.0F : s.alpha, 0.0F);
      attributes.set_post_ops(post);
    }
  }

  /// Choosing an implementation compiles nothing. Throws dnnl::error if there is none.
  dnnl::convolution_forward::primitive_desc forward() const {
    return {{dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, input, weights, bias,
             output, strides, dilations, begin, end},
            attributes,
            cpu()};
  }
  dnnl::deconvolution_forward::primitive_desc transposed() const {
    return {{dnnl::prop_kind::forward_inference, dnnl::algorithm::deconvolution_direct, input, weights, bias,
             output, strides, dilations, begin, end},
            attributes,
            cpu()};
  }
};

class OneDnnConvolution final : public Convolution {
 public:
  explicit OneDnnConvolution(const ConvolutionShape& s) : Convolution(s), wanted_(s) {
    const OneThread one;
    if (s.transposed) {
      const auto made = wanted_.transposed();
      primitive_ = dnnl::deconvolution_forward(made);
      take(made);
    } else {
      const auto made = wanted_.forward();
      primitive_ = dnnl::convolution_forward(made);
      take(made);
    }
  }

  std::size_t scratch_bytes() const override { return scratch_.get_size(); }
  const std::string& weights_layout() const override { return layout_; }
  std::size_t weights_bytes() const override { return weights_.get_size(); }

  void arrange_weights(std::span<const float> weights, float* arranged) const override {
    const OneThread one;
    memory from(wanted_.user_weights, cpu(), const_cast<float*>(weights.data()));
    memory to(weights_, cpu(), arranged);
    dnnl::reorder(from, to).execute(stream(), from, to);
    stream().wait();
  }

  void execute(const float* input, const float* weights, const float* bias, float* output,
               void* scratch) const override {
    const OneThread one;
    std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, bind(wanted_.input, input)},
                                              {DNNL_ARG_WEIGHTS, bind(weights_, weights)},
                                              {DNNL_ARG_DST, bind(wanted_.output, output)},
                                              {DNNL_ARG_SCRATCHPAD, bind(scratch_, scratch)}};
    if (bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, bind(wanted_.bias, bias));
    primitive_.execute(stream(), arguments);
    stream().wait();
  }

 private:
  template <typename Made>
  void take(const Made& made) {
    weights_ = made.weights_desc();
    scratch_ = made.scratchpad_desc();
    // Descriptors are plain C structs without padding surprises once zero-filled.
    layout_.assign(reinterpret_cast<const char*>(&weights_.data), sizeof(weights_.data));
  }

  Descriptors wanted_;
  memory::desc weights_;
  memory::desc scratch_;
  dnnl::primitive primitive_;
  std::string layout_;
};

std::optional<std::size_t> accepts(const ConvolutionShape& shape) {
  const OneThread one;
  try {
    const Descriptors wanted(shape);
    return shape.transposed ? wanted.transposed().scratchpad_desc().get_size()
                            : wanted.forward().scratchpad_desc().get_size();
  } catch (const dnnl::error& e) {
    if (e.status == dnnl_unimplemented || e.status == dnnl_invalid_arguments) return std::nullopt;
    throw;
  }
}

}  // namespace

const ConvolutionEngine onednn_convolutions = {
    "oneDNN", accepts, [](const ConvolutionShape& shape) -> std::unique_ptr<Convolution> {
      return std::make_unique<OneDnnConvolution>(shape);
    }};

}  // namespace fibflow::model
