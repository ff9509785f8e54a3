#include "model/training/training_graph.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "model/engine/cpu.h"
#include "model/engine/kernels.h"
#include "model/training/training_layers.h"

namespace fibflow::model {
namespace {

MapView view_of(float* map, const MapSize& size) {
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(size.width) * channel_block();
  return {map, row, row * size.height};
}

Span span_of(const MapSize& size) {
  return {size.blocks, size.height, size.width, channel_block()};
}

std::size_t pixels_of(const MapSize& size) {
  return static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width);
}

std::size_t lanes_of(const MapSize& size) {
  return static_cast<std::size_t>(size.blocks) * static_cast<std::size_t>(channel_block());
}

/// The sum over images of one channel's entry.
double total_of(const std::vector<double>& by_image, std::size_t lanes, std::size_t channel) {
  double total = 0;
  for (std::size_t i = channel; i < by_image.size(); i += lanes) total += by_image[i];
  return total;
}

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

const TrainingGraph::Shape& checked(const TrainingGraph::Shape& shape) {
  require(shape.batch >= 1, "a batch has at least one image");
  tensors_of(shape.network);  // throws if the network makes no sense
  require(shape.network.input_channels <= 3, "training takes images of 1 to 3 channels");
  const int grid = 1 << shape.network.depth;
  if (shape.height < grid || shape.width < grid || shape.height % grid != 0 || shape.width % grid != 0) {
    throw std::invalid_argument("images of " + std::to_string(shape.height) + " x " +
                                std::to_string(shape.width) + " pixels, but a depth of " +
                                std::to_string(shape.network.depth) + " needs multiples of " +
                                std::to_string(grid));
  }
  return shape;
}

}  // namespace

struct TrainingGraph::State {
  State(const Shape& given, const LossOptions& options, TrainingLoop the_loop)
      : shape(checked(given)),
        loop(std::move(the_loop)),
        loss(options, shape.network.output_channels),
        layers(shape.network, shape.batch, shape.height, shape.width),
        images(static_cast<std::size_t>(shape.batch)) {
    const auto pixels = pixels_of({0, shape.height, shape.width});
    for (Image& image : images) {
      image.memory = AlignedFloats(layers.image_floats);
      image.scratch = AlignedFloats(layers.scratch_bytes / sizeof(float) + 1);
      image.gradient = AlignedFloats(layers.gradient_floats);
      image.up_gradient = AlignedFloats(layers.gradient_floats);
      image.logits.resize(pixels * static_cast<std::size_t>(shape.network.output_channels));
      image.head_weight_sums.resize(layers.head_weights.size());
      image.head_bias_sums.resize(layers.head_bias.size());
    }
    weight_sum = AlignedFloats(layers.gradient_floats);
  }

  /// What one image of the batch is computed in.
  struct Image {
    AlignedFloats memory;
    AlignedFloats scratch;
    AlignedFloats gradient;     // of the weights of the layer at hand
    AlignedFloats up_gradient;  // of those of the transposed convolution before it
    std::vector<float> logits;  // later probabilities, then their gradients
    std::vector<double> head_weight_sums;
    std::vector<double> head_bias_sums;
    LossSums loss;
    const float* pixels = nullptr;
    std::span<const std::uint8_t> labels;

    float* at(std::size_t place) const { return memory.data() + place; }
  };

  void load(const UNetValues& values, bool for_training);
  void set_images(std::span<const float> pixels);
  void run(int count, const std::function<void(std::size_t)>& body) const {
    loop(count, [&](int i) { body(static_cast<std::size_t>(i)); });
  }
  void for_each_image(const std::function<void(std::size_t)>& body) const { run(shape.batch, body); }

  // One image's share of the forward pass.
  void finish(const NormedLayer& layer, const Image& image) const;
  void convolve(std::size_t number, Image& image) const;
  void measure(NormedLayer& layer, std::size_t image) const;
  void head(Image& image) const;

  // And of the backward pass.
  void differentiate_layer(std::size_t number, std::size_t image);
  void differentiate_up(UpLayer& up, std::size_t image);
  void reduce(NormedLayer& layer, std::size_t image);

  // Between them, on the whole batch.
  LayerMoments normalize_by_batch(NormedLayer& layer, const UNetValues& values);
  void normalize_by_running(NormedLayer& layer, const UNetValues& values) const;
  void set_terms(NormedLayer& layer, const UNetValues& values, const LayerStatistics& by) const;
  void finish_batch_norm(NormedLayer& layer, UNetValues& gradients) const;
  void collect(ConvolutionLayer& layer, AlignedFloats Image::*gradient, UNetValues& gradients);
  void collect_head(UNetValues& gradients) const;
  void collect_bias(const UpLayer& up, UNetValues& gradients) const;

  Shape shape;
  TrainingLoop loop;
  Loss loss;
  TrainingLayers layers;
  std::vector<Image> images;
  AlignedFloats weight_sum;  // of the images' gradients of one layer's weights
};

void TrainingGraph::State::load(const UNetValues& values, bool for_training) {
  require(values.shape().channels == shape.network.channels && values.shape().depth == shape.network.depth &&
              values.shape().input_channels == shape.network.input_channels &&
              values.shape().output_channels == shape.network.output_channels &&
              values.shape().kernel == shape.network.kernel,
          "values of another network");
  const std::size_t normed = layers.normed.size();
  run(static_cast<int>(normed + layers.ups.size()), [&](std::size_t i) {
    if (i < normed) {
      NormedLayer& layer = layers.normed[i];
      layer.convolution.arrange(values);
      // Moments are taken around the running mean, which keeps small variances exact.
      const std::span<const float> running_mean = values[layer.gamma + 2];
      std::copy(running_mean.begin(), running_mean.end(), layer.mean.data());
      if (!for_training) normalize_by_running(layer, values);
    } else {
      UpLayer& up = layers.ups[i - normed];
      up.convolution.arrange(values);
      std::copy(values[up.bias].begin(), values[up.bias].end(), up.bias_values.data());
    }
  });
  const std::span<const float> weights = values[layers.head_weight];
  const auto channels = static_cast<std::size_t>(shape.network.channels);
  const std::size_t lanes = layers.head_weights.size() / layers.head_bias.size();
  for (std::size_t i = 0; i < weights.size(); ++i)
    layers.head_weights.data()[i / channels * lanes + i % channels] = weights[i];
  std::copy(values[layers.head_weight + 1].begin(), values[layers.head_weight + 1].end(),
            layers.head_bias.begin());
}

void TrainingGraph::State::set_images(std::span<const float> pixels) {
  const std::size_t each =
      pixels_of({0, shape.height, shape.width}) * static_cast<std::size_t>(shape.network.input_channels);
  require(pixels.size() == each * images.size(), "images of another size");
  for (std::size_t i = 0; i < images.size(); ++i) images[i].pixels = pixels.data() + i * each;
}

void TrainingGraph::State::finish(const NormedLayer& layer, const Image& image) const {
  if (layer.pooled) {
    training_kernels().normalize_pool(image.at(layer.x), image.at(layer.y), image.at(layer.pool), layer.size,
                                      layer.terms());
    return;
  }
  NormalizeArguments how;
  how.scale = layer.scale.data();
  how.shift = layer.shift.data();
  how.activation = Activation::Kind::relu;
  kernels().normalize(view_of(image.at(layer.x), layer.size), view_of(image.at(layer.y), layer.size),
                      span_of(layer.size), how);
}

void TrainingGraph::State::convolve(std::size_t number, Image& image) const {
  const NormedLayer& layer = layers.normed[number];
  if (number > 0) finish(layers.normed[number - 1], image);
  if (const UpLayer* up = const_cast<TrainingLayers&>(layers).up_before(number)) {
    up->convolution.primitive().forward(image.at(up->input), up->convolution.forward_weights(),
                                        image.at(up->parts), image.scratch.data());
    training_kernels().spread(image.at(up->parts), image.at(up->output), up->bias_values.data(), up->size);
  }
  layer.convolution.primitive().forward(number == 0 ? image.pixels : image.at(layer.input),
                                        layer.convolution.forward_weights(), image.at(layer.x),
                                        image.scratch.data());
}

void TrainingGraph::State::measure(NormedLayer& layer, std::size_t image) const {
  const std::size_t lanes = lanes_of(layer.size);
  NormalizeArguments how;
  how.share = {{0, layer.size.height}, {0, layer.size.width}};
  how.centre = layer.mean.data();
  how.sum = layer.sums.data() + image * lanes;
  how.squares = layer.products.data() + image * lanes;
  const MapView x = view_of(images[image].at(layer.x), layer.size);
  kernels().normalize(x, x, span_of(layer.size), how);
}

void TrainingGraph::State::head(Image& image) const {
  const NormedLayer& last = layers.normed.back();
  finish(last, image);
  training_kernels().head(image.at(last.y), layers.head_weights.data(), layers.head_bias.data(),
                          shape.network.output_channels, image.logits.data(), last.size);
}

LayerMoments TrainingGraph::State::normalize_by_batch(NormedLayer& layer, const UNetValues& values) {
  const auto pixels = static_cast<double>(pixels_of(layer.size));
  const std::size_t lanes = lanes_of(layer.size);
  const auto channels = static_cast<std::size_t>(layer.channels);
  LayerMoments batch;
  for (std::size_t n = 0; n < images.size(); ++n) {
    LayerMoments one{pixels, std::vector<double>(channels), std::vector<double>(channels)};
    for (std::size_t c = 0; c < channels; ++c) {
      const double sum = layer.sums[n * lanes + c];
      one.mean[c] = static_cast<double>(layer.mean.data()[c]) + sum / pixels;
      one.squares[c] = std::max(0.0, layer.products[n * lanes + c] - sum * sum / pixels);
    }
    if (n == 0) {
      batch = std::move(one);
    } else {
      batch.merge(one);
    }
  }
  set_terms(layer, values, batch.statistics());
  return batch;
}

void TrainingGraph::State::normalize_by_running(NormedLayer& layer, const UNetValues& values) const {
  const std::span<const float> mean = values[layer.gamma + 2];
  const std::span<const float> variance = values[layer.gamma + 3];
  set_terms(layer, values, {{mean.begin(), mean.end()}, {variance.begin(), variance.end()}});
}

void TrainingGraph::State::set_terms(NormedLayer& layer, const UNetValues& values,
                                     const LayerStatistics& by) const {
  const std::span<const float> gamma = values[layer.gamma];
  const std::span<const float> beta = values[layer.gamma + 1];
  for (std::size_t c = 0; c < gamma.size(); ++c) {
    const double inverse =
        1 / std::sqrt(static_cast<double>(by.variance[c]) + static_cast<double>(shape.network.epsilon));
    const double scale = static_cast<double>(gamma[c]) * inverse;
    layer.mean.data()[c] = by.mean[c];
    layer.inverse_deviation.data()[c] = static_cast<float>(inverse);
    layer.scale.data()[c] = static_cast<float>(scale);
    layer.shift.data()[c] =
        static_cast<float>(static_cast<double>(beta[c]) - static_cast<double>(by.mean[c]) * scale);
  }
}

void TrainingGraph::State::reduce(NormedLayer& layer, std::size_t n) {
  const Image& image = images[n];
  double* sums = layer.sums.data() + n * lanes_of(layer.size);
  double* products = layer.products.data() + n * lanes_of(layer.size);
  if (layer.pooled) {
    training_kernels().reduce_pool(image.at(layer.y), image.at(layer.x), image.at(layer.pool), layer.size,
                                   layer.terms(), sums, products);
  } else {
    training_kernels().reduce(image.at(layer.y), image.at(layer.x), layer.size, layer.terms(), sums,
                              products);
  }
}

// With z = gamma xhat + beta, xhat = (x - mean) / deviation and means over the batch (Ioffe and Szegedy 2015):
// dgamma = sum(dz xhat), dbeta = sum(dz), dx = gamma / deviation (dz - mean(dz) - xhat mean(dz xhat)).
void TrainingGraph::State::finish_batch_norm(NormedLayer& layer, UNetValues& gradients) const {
  const std::size_t lanes = lanes_of(layer.size);
  const double count = static_cast<double>(pixels_of(layer.size)) * static_cast<double>(images.size());
  const std::span<float> gamma = gradients[layer.gamma];
  const std::span<float> beta = gradients[layer.gamma + 1];
  for (std::size_t c = 0; c < gamma.size(); ++c) {
    const double sum = total_of(layer.sums, lanes, c);
    const double product = total_of(layer.products, lanes, c);
    const auto scale = static_cast<double>(layer.scale.data()[c]);
    gamma[c] = static_cast<float>(product);
    beta[c] = static_cast<float>(sum);
    layer.constant.data()[c] = static_cast<float>(-scale * sum / count);
    layer.by_deviation.data()[c] =
        static_cast<float>(-scale * static_cast<double>(layer.inverse_deviation.data()[c]) * product / count);
  }
}

void TrainingGraph::State::differentiate_layer(std::size_t number, std::size_t n) {
  NormedLayer& layer = layers.normed[number];
  Image& image = images[n];
  training_kernels().differentiate(image.at(layer.y), image.at(layer.x), layer.size, layer.terms(),
                                   {layer.by_deviation.data(), layer.constant.data()});
  const TrainingConvolution& convolution = layer.convolution.primitive();
  convolution.backward_weights(number == 0 ? image.pixels : image.at(layer.input), image.at(layer.x),
                               image.gradient.data(), image.scratch.data());
  if (number == 0) return;
  // The input is not needed any more: its gradient takes its place.
  convolution.backward_data(image.at(layer.x), layer.convolution.backward_weights(), image.at(layer.input),
                            image.scratch.data());
  if (UpLayer* up = layers.up_before(number)) differentiate_up(*up, n);
  reduce(layers.normed[number - 1], n);
}

void TrainingGraph::State::differentiate_up(UpLayer& up, std::size_t n) {
  Image& image = images[n];
  training_kernels().gather(image.at(up.output), image.at(up.parts),
                            up.bias_sums.data() + n * lanes_of(up.size), up.size);
  const TrainingConvolution& convolution = up.convolution.primitive();
  convolution.backward_weights(image.at(up.input), image.at(up.parts), image.up_gradient.data(),
                               image.scratch.data());
  convolution.backward_data(image.at(up.parts), up.convolution.backward_weights(), image.at(up.input),
                            image.scratch.data());
}

void TrainingGraph::State::collect(ConvolutionLayer& layer, AlignedFloats Image::*gradient,
                                   UNetValues& gradients) {
  const std::size_t floats = layer.primitive().gradient_floats();
  constexpr std::size_t piece = 16384;
  run(static_cast<int>((floats + piece - 1) / piece), [&](std::size_t i) {
    const std::size_t begin = i * piece;
    const std::size_t end = std::min(begin + piece, floats);
    std::copy((images[0].*gradient).data() + begin, (images[0].*gradient).data() + end,
              weight_sum.data() + begin);
    for (std::size_t n = 1; n < images.size(); ++n) {
      const float* add = (images[n].*gradient).data();
      float* to = weight_sum.data();
      for (std::size_t j = begin; j < end; ++j) to[j] += add[j];
    }
  });
  layer.collect(weight_sum.data(), gradients);
}

void TrainingGraph::State::collect_bias(const UpLayer& up, UNetValues& gradients) const {
  const std::span<float> bias = gradients[up.bias];
  for (std::size_t c = 0; c < bias.size(); ++c)
    bias[c] = static_cast<float>(total_of(up.bias_sums, lanes_of(up.size), c));
}

void TrainingGraph::State::collect_head(UNetValues& gradients) const {
  const std::span<float> weights = gradients[layers.head_weight];
  const std::span<float> bias = gradients[layers.head_weight + 1];
  const auto channels = static_cast<std::size_t>(shape.network.channels);
  const std::size_t lanes = layers.head_weights.size() / layers.head_bias.size();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    double total = 0;
    for (const Image& image : images) total += image.head_weight_sums[i / channels * lanes + i % channels];
    weights[i] = static_cast<float>(total);
  }
  for (std::size_t k = 0; k < bias.size(); ++k) {
    double total = 0;
    for (const Image& image : images) total += image.head_bias_sums[k];
    bias[k] = static_cast<float>(total);
  }
}

TrainingGraph::TrainingGraph(const Shape& shape, const LossOptions& loss, TrainingLoop loop)
    : state_(std::make_unique<State>(shape, loss, std::move(loop))) {}

TrainingGraph::~TrainingGraph() = default;

const TrainingGraph::Shape& TrainingGraph::shape() const {
  return state_->shape;
}

std::size_t TrainingGraph::memory() const {
  const State::Image& image = state_->images.front();
  std::size_t floats = image.memory.size() + image.scratch.size() + image.gradient.size() +
                       image.up_gradient.size() + image.logits.size();
  floats = floats * state_->images.size() + state_->weight_sum.size();
  std::size_t bytes = floats * sizeof(float);
  for (const NormedLayer& layer : state_->layers.normed) bytes += layer.convolution.memory();
  for (const UpLayer& layer : state_->layers.ups) bytes += layer.convolution.memory();
  return bytes;
}

std::size_t TrainingGraph::memory_of(const Shape& shape) {
  const UNet& network = checked(shape).network;
  const auto padded = [](int channels) {
    const int block = channel_block();
    const int whole = (channels + block - 1) / block * block;
    return static_cast<double>(whole);
  };
  // Per level the inputs and outputs of four BatchNorms, their skip being part of the join, and what is pooled;
  // see TrainingLayers. Weights in four layouts, one of them for each image, of the largest layer only.
  double floats = 0;
  double weights = 0;
  const double taps = network.kernel * network.kernel;
  for (int k = 0; k <= network.depth; ++k) {
    const double channels = padded(network.channels << k);
    const double pixels = static_cast<double>(shape.height >> k) * (shape.width >> k);
    floats += channels * pixels * (k == network.depth ? 4 : 9.25);
    weights += taps * channels * channels * (k == network.depth ? 1.5 : 5);
  }
  const double first = static_cast<double>(shape.height) * shape.width;
  floats += first * ((network.depth > 0 ? padded(network.channels) : 0) + network.output_channels);
  const double bottom = padded(network.channels << network.depth);
  const double above = network.depth > 0 ? padded(network.channels << (network.depth - 1)) : 0;
  const double largest = taps * std::max(bottom * bottom, 2 * above * above);
  return static_cast<std::size_t>(sizeof(float) * (shape.batch * (floats + 2 * largest) + 3 * weights));
}

TrainingGraph::Result TrainingGraph::differentiate(const UNetValues& values, std::span<const float> images,
                                                   std::span<const std::uint8_t> labels,
                                                   UNetValues& gradients) {
  State& s = *state_;
  const std::size_t pixels = pixels_of({0, s.shape.height, s.shape.width});
  require(labels.size() == pixels * s.images.size(), "labels of another size");
  require(gradients.all().size() == values.all().size(), "gradients of another network");
  s.set_images(images);
  s.load(values, true);
  std::fill(gradients.all().begin(), gradients.all().end(), 0.0F);
  for (std::size_t n = 0; n < s.images.size(); ++n) s.images[n].labels = labels.subspan(n * pixels, pixels);

  Result result;
  std::vector<NormedLayer>& layers = s.layers.normed;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    s.for_each_image([&](std::size_t n) {
      s.convolve(i, s.images[n]);
      s.measure(layers[i], n);
    });
    result.moments.layers.push_back(s.normalize_by_batch(layers[i], values));
  }
  s.for_each_image([&](std::size_t n) {
    State::Image& image = s.images[n];
    s.head(image);
    image.loss = s.loss.measure(image.logits, image.labels);
  });
  LossSums sums;
  for (const State::Image& image : s.images) sums.merge(image.loss);
  result.loss = s.loss.value(sums);

  s.for_each_image([&](std::size_t n) {
    State::Image& image = s.images[n];
    s.loss.differentiate(sums, image.logits, image.labels);
    training_kernels().head_gradient(image.at(layers.back().y), s.layers.head_weights.data(),
                                     image.logits.data(), s.shape.network.output_channels,
                                     image.head_weight_sums.data(), image.head_bias_sums.data(),
                                     layers.back().size);
    s.reduce(layers.back(), n);
  });
  s.collect_head(gradients);
  for (std::size_t i = layers.size(); i-- > 0;) {
    s.finish_batch_norm(layers[i], gradients);
    s.for_each_image([&](std::size_t n) { s.differentiate_layer(i, n); });
    s.collect(layers[i].convolution, &State::Image::gradient, gradients);
    if (UpLayer* up = s.layers.up_before(i)) {
      s.collect(up->convolution, &State::Image::up_gradient, gradients);
      s.collect_bias(*up, gradients);
    }
  }
  return result;
}

void TrainingGraph::evaluate(const UNetValues& values, std::span<const float> images,
                             std::span<float> logits) {
  State& s = *state_;
  s.set_images(images);
  const std::size_t each = s.images.front().logits.size();
  require(logits.size() == each * s.images.size(), "logits of another size");
  s.load(values, false);
  s.for_each_image([&](std::size_t n) {
    State::Image& image = s.images[n];
    for (std::size_t i = 0; i < s.layers.normed.size(); ++i) s.convolve(i, image);
    s.head(image);
    std::copy(image.logits.begin(), image.logits.end(),
              logits.begin() + static_cast<std::ptrdiff_t>(n * each));
  });
}

}  // namespace fibflow::model
