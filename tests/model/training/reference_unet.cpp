#include "tests/model/training/reference_unet.h"

#include <algorithm>
#include <cmath>

namespace fibflow::model {

ReferenceValues reference_values(const UNetValues& values) {
  ReferenceValues result;
  for (const UNetTensor& tensor : values.tensors()) {
    const auto v = values[tensor.name];
    result[tensor.name] = std::vector<double>(v.begin(), v.end());
  }
  return result;
}

ReferenceMap reference_convolution(const ReferenceMap& x, const std::vector<double>& weights, int out,
                                   int kernel) {
  ReferenceMap y(x.images, out, x.height, x.width);
  const int pad = kernel / 2;
  for (int n = 0; n < y.images; ++n) {
    for (int o = 0; o < out; ++o) {
      for (int i = 0; i < y.height; ++i) {
        for (int j = 0; j < y.width; ++j) {
          double sum = 0;
          for (int c = 0; c < x.channels; ++c) {
            for (int a = std::max(0, pad - i); a < std::min(kernel, x.height + pad - i); ++a) {
              for (int b = std::max(0, pad - j); b < std::min(kernel, x.width + pad - j); ++b) {
                const int w = ((o * x.channels + c) * kernel + a) * kernel + b;
                sum += weights[static_cast<std::size_t>(w)] * x.at(n, c, i + a - pad, j + b - pad);
              }
            }
          }
          y.at(n, o, i, j) = sum;
        }
      }
    }
  }
  return y;
}

ReferenceMap reference_batch_norm(const ReferenceMap& x, const std::vector<double>& gamma,
                                  const std::vector<double>& beta, double epsilon) {
  ReferenceMap y = x;
  const double count = static_cast<double>(x.images) * x.height * x.width;
  for (int c = 0; c < x.channels; ++c) {
    const auto each = [&](auto&& body) {
      for (int n = 0; n < x.images; ++n) {
        for (int i = 0; i < x.height; ++i) {
          for (int j = 0; j < x.width; ++j) body(x.index(n, c, i, j));
        }
      }
    };
    double mean = 0;
    each([&](std::size_t k) { mean += x.values[k] / count; });
    double variance = 0;
    each([&](std::size_t k) { variance += (x.values[k] - mean) * (x.values[k] - mean) / count; });
    const auto channel = static_cast<std::size_t>(c);
    each([&](std::size_t k) {
      y.values[k] = gamma[channel] * (x.values[k] - mean) / std::sqrt(variance + epsilon) + beta[channel];
    });
  }
  return y;
}

ReferenceMap reference_relu(ReferenceMap x) {
  for (double& v : x.values) v = std::max(v, 0.0);
  return x;
}

ReferenceMap reference_pool(const ReferenceMap& x) {
  ReferenceMap y(x.images, x.channels, x.height / 2, x.width / 2);
  for (int n = 0; n < y.images; ++n) {
    for (int c = 0; c < y.channels; ++c) {
      for (int i = 0; i < y.height; ++i) {
        for (int j = 0; j < y.width; ++j) {
          y.at(n, c, i, j) =
              std::max(std::max(x.at(n, c, 2 * i, 2 * j), x.at(n, c, 2 * i, 2 * j + 1)),
                       std::max(x.at(n, c, 2 * i + 1, 2 * j), x.at(n, c, 2 * i + 1, 2 * j + 1)));
        }
      }
    }
  }
  return y;
}

ReferenceMap reference_up(const ReferenceMap& x, const std::vector<double>& weights,
                          const std::vector<double>& bias, int out) {
  ReferenceMap y(x.images, out, 2 * x.height, 2 * x.width);
  for (int n = 0; n < y.images; ++n) {
    for (int o = 0; o < out; ++o) {
      for (int i = 0; i < y.height; ++i) {
        for (int j = 0; j < y.width; ++j) {
          double sum = bias[static_cast<std::size_t>(o)];
          for (int c = 0; c < x.channels; ++c) {
            const int w = ((c * out + o) * 2 + i % 2) * 2 + j % 2;
            sum += weights[static_cast<std::size_t>(w)] * x.at(n, c, i / 2, j / 2);
          }
          y.at(n, o, i, j) = sum;
        }
      }
    }
  }
  return y;
}

ReferenceMap reference_join(const ReferenceMap& a, const ReferenceMap& b) {
  ReferenceMap y(a.images, a.channels + b.channels, a.height, a.width);
  for (int n = 0; n < y.images; ++n) {
    for (int c = 0; c < y.channels; ++c) {
      for (int i = 0; i < y.height; ++i) {
        for (int j = 0; j < y.width; ++j)
          y.at(n, c, i, j) = c < a.channels ? a.at(n, c, i, j) : b.at(n, c - a.channels, i, j);
      }
    }
  }
  return y;
}

double reference_loss(const ReferenceMap& logits, const std::vector<std::uint8_t>& labels) {
  const int classes = std::max(2, logits.channels);
  std::vector<double> both(static_cast<std::size_t>(classes));
  std::vector<double> probability = both;
  std::vector<double> truth = both;
  double entropy = 0;
  std::size_t pixel = 0;
  for (int n = 0; n < logits.images; ++n) {
    for (int i = 0; i < logits.height; ++i) {
      for (int j = 0; j < logits.width; ++j, ++pixel) {
        std::vector<double> z(static_cast<std::size_t>(classes));
        if (logits.channels == 1) {
          z[1] = logits.at(n, 0, i, j);
        } else {
          for (int c = 0; c < classes; ++c) z[static_cast<std::size_t>(c)] = logits.at(n, c, i, j);
        }
        double sum = 0;
        for (const double v : z) sum += std::exp(v);
        const std::uint8_t label = labels[pixel];
        entropy += std::log(sum) - z[label];
        truth[label] += 1;
        both[label] += std::exp(z[label]) / sum;
        for (std::size_t c = 0; c < z.size(); ++c) probability[c] += std::exp(z[c]) / sum;
      }
    }
  }
  double dice = 0;
  for (std::size_t c = 1; c < both.size(); ++c)
    dice += (1 - (2 * both[c] + 1) / (probability[c] + truth[c] + 1)) / (classes - 1);
  return entropy / static_cast<double>(pixel) + dice;
}

double reference_loss(const UNet& shape, const ReferenceValues& values, const ReferenceMap& images,
                      const std::vector<std::uint8_t>& labels) {
  const auto twice = [&](ReferenceMap x, const std::string& name, int out) {
    for (const int first : {0, 3}) {
      const std::string norm = name + "." + std::to_string(first + 1);
      x = reference_convolution(x, values.at(name + "." + std::to_string(first) + ".weight"), out,
                                shape.kernel);
      x = reference_relu(reference_batch_norm(x, values.at(norm + ".weight"), values.at(norm + ".bias"),
                                              static_cast<double>(shape.epsilon)));
    }
    return x;
  };
  std::vector<ReferenceMap> skips;
  ReferenceMap x = images;
  for (int k = 0; k <= shape.depth; ++k) {
    if (k > 0) x = reference_pool(x);
    x = twice(x, "enc." + std::to_string(k), shape.channels << k);
    skips.push_back(x);
  }
  for (int j = 0; j < shape.depth; ++j) {
    const int k = shape.depth - 1 - j;
    const std::string up = "up." + std::to_string(j);
    x = reference_up(x, values.at(up + ".weight"), values.at(up + ".bias"), shape.channels << k);
    x = reference_join(skips[static_cast<std::size_t>(k)], x);
    x = twice(x, "dec." + std::to_string(j), shape.channels << k);
  }
  ReferenceMap logits = reference_convolution(x, values.at("head.weight"), shape.output_channels, 1);
  for (int n = 0; n < logits.images; ++n) {
    for (int c = 0; c < logits.channels; ++c) {
      for (int i = 0; i < logits.height; ++i) {
        for (int j = 0; j < logits.width; ++j)
          logits.at(n, c, i, j) += values.at("head.bias")[static_cast<std::size_t>(c)];
      }
    }
  }
  return reference_loss(logits, labels);
}

}  // namespace fibflow::model
