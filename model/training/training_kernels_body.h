// The kernels' one source, included once per instruction set with FIBFLOW_ISA as the namespace and
// FIBFLOW_BLOCK as the block size that goes with it. As in kernels_body.h, nothing here may instantiate code that is shared
// with other translation units.

#include "model/training/training_kernels.h"

namespace fibflow::model::FIBFLOW_ISA {
namespace {

template <int B>
struct Lanes {
  typedef float V __attribute__((vector_size(B * sizeof(float))));
};

template <int B>
using VectorOf = typename Lanes<B>::V;

template <int B>
inline const VectorOf<B>& load(const float* p) {
  return *reinterpret_cast<const VectorOf<B>*>(p);
}
template <int B>
inline VectorOf<B>& at(float* p) {
  return *reinterpret_cast<VectorOf<B>*>(p);
}

template <int B>
inline void add_lanes(double* sums, const VectorOf<B>& v) {
  for (int l = 0; l < B; ++l) sums[l] += static_cast<double>(v[l]);
}

template <int B>
void normalize_pool(const float* x, float* y, float* pooled, MapSize size, BatchNormTerms norm) {
  using V = VectorOf<B>;
  const long row = static_cast<long>(size.width) * B;
  const V zero{};
  for (int cb = 0; cb < size.blocks; ++cb) {
    const V s = load<B>(norm.scale + cb * B);
    const V t = load<B>(norm.shift + cb * B);
    for (int i = 0; i < size.height; i += 2, x += 2 * row, y += 2 * row) {
      for (int j = 0; j < size.width; j += 2, pooled += B) {
        const long p = static_cast<long>(j) * B;
        V a = load<B>(x + p) * s + t;
        a = a > zero ? a : zero;
        V b = load<B>(x + p + B) * s + t;
        b = b > zero ? b : zero;
        V c = load<B>(x + p + row) * s + t;
        c = c > zero ? c : zero;
        V d = load<B>(x + p + row + B) * s + t;
        d = d > zero ? d : zero;
        at<B>(y + p) = a;
        at<B>(y + p + B) = b;
        at<B>(y + p + row) = c;
        at<B>(y + p + row + B) = d;
        a = a > b ? a : b;
        c = c > d ? c : d;
        at<B>(pooled) = a > c ? a : c;
      }
    }
  }
}

template <int B>
void reduce(const float* dy, const float* x, MapSize size, BatchNormTerms norm, double* sum,
            double* product) {
  using V = VectorOf<B>;
  const long row = static_cast<long>(size.width) * B;
  const V zero{};
  for (int cb = 0; cb < size.blocks; ++cb, sum += B, product += B) {
    const V s = load<B>(norm.scale + cb * B);
    const V t = load<B>(norm.shift + cb * B);
    const V m = load<B>(norm.mean + cb * B);
    double dots[B];
    for (int l = 0; l < B; ++l) sum[l] = dots[l] = 0;
    for (int i = 0; i < size.height; ++i, x += row, dy += row) {
      V total{};
      V dot{};
      for (long p = 0; p < row; p += B) {
        const V v = load<B>(x + p);
        const V dz = v * s + t > zero ? load<B>(dy + p) : zero;
        total += dz;
        dot += dz * (v - m);
      }
      add_lanes<B>(sum, total);
      add_lanes<B>(dots, dot);
    }
    for (int l = 0; l < B; ++l)
      product[l] = dots[l] * static_cast<double>(norm.inverse_deviation[cb * B + l]);
  }
}

template <int B>
void reduce_pool(float* dy, const float* x, const float* pooled_gradient, MapSize size, BatchNormTerms norm,
                 double* sum, double* product) {
  using V = VectorOf<B>;
  const long row = static_cast<long>(size.width) * B;
  const V zero{};
  for (int cb = 0; cb < size.blocks; ++cb, sum += B, product += B) {
    const V s = load<B>(norm.scale + cb * B);
    const V t = load<B>(norm.shift + cb * B);
    const V m = load<B>(norm.mean + cb * B);
    double dots[B];
    for (int l = 0; l < B; ++l) sum[l] = dots[l] = 0;
    for (int i = 0; i < size.height; i += 2, x += 2 * row, dy += 2 * row) {
      V total{};
      V dot{};
      for (int j = 0; j < size.width; j += 2, pooled_gradient += B) {
        const long p = static_cast<long>(j) * B;
        const V xa = load<B>(x + p), xb = load<B>(x + p + B);
        const V xc = load<B>(x + p + row), xd = load<B>(x + p + row + B);
        // Where all four are 0 after ReLU it does not matter which one gets the gradient: ReLU drops it.
        const V a = xa * s + t, b = xb * s + t, c = xc * s + t, d = xd * s + t;
        const V g = load<B>(pooled_gradient);
        const auto first = (a >= b) & (a >= c) & (a >= d);
        const auto second = ~first & (b >= c) & (b >= d);
        const auto third = ~first & ~second & (c >= d);
        const auto fourth = ~first & ~second & ~third;
        const V ga = a > zero ? load<B>(dy + p) + (first ? g : zero) : zero;
        const V gb = b > zero ? load<B>(dy + p + B) + (second ? g : zero) : zero;
        const V gc = c > zero ? load<B>(dy + p + row) + (third ? g : zero) : zero;
        const V gd = d > zero ? load<B>(dy + p + row + B) + (fourth ? g : zero) : zero;
        at<B>(dy + p) = ga;
        at<B>(dy + p + B) = gb;
        at<B>(dy + p + row) = gc;
        at<B>(dy + p + row + B) = gd;
        total += (ga + gb) + (gc + gd);
        dot += (ga * (xa - m) + gb * (xb - m)) + (gc * (xc - m) + gd * (xd - m));
      }
      add_lanes<B>(sum, total);
      add_lanes<B>(dots, dot);
    }
    for (int l = 0; l < B; ++l)
      product[l] = dots[l] * static_cast<double>(norm.inverse_deviation[cb * B + l]);
  }
}

template <int B>
void differentiate(const float* dy, float* x, MapSize size, BatchNormTerms norm, BatchNormGradient gradient) {
  using V = VectorOf<B>;
  const long plane = static_cast<long>(size.height) * size.width * B;
  const V zero{};
  for (int cb = 0; cb < size.blocks; ++cb, x += plane, dy += plane) {
    const V s = load<B>(norm.scale + cb * B);
    const V t = load<B>(norm.shift + cb * B);
    const V m = load<B>(norm.mean + cb * B);
    const V by = load<B>(gradient.by_deviation + cb * B);
    const V constant = load<B>(gradient.constant + cb * B);
    for (long p = 0; p < plane; p += B) {
      const V v = load<B>(x + p);
      const V dz = v * s + t > zero ? load<B>(dy + p) : zero;
      at<B>(x + p) = s * dz + (by * (v - m) + constant);
    }
  }
}

template <int B>
void head(const float* y, const float* weights, const float* bias, int outputs, float* logits, MapSize size) {
  using V = VectorOf<B>;
  const long pixels = static_cast<long>(size.height) * size.width;
  for (int k = 0; k < outputs; ++k, weights += static_cast<long>(size.blocks) * B, logits += pixels) {
    for (int cb = 0; cb < size.blocks; ++cb) {
      const V w = load<B>(weights + cb * B);
      const float* map = y + cb * pixels * B;
      for (long p = 0; p < pixels; ++p) {
        const V v = load<B>(map + p * B) * w;
        float total = cb == 0 ? bias[k] : logits[p];
        for (int l = 0; l < B; ++l) total += v[l];
        logits[p] = total;
      }
    }
  }
}

template <int B>
void head_gradient(float* y, const float* weights, const float* logit_gradients, int outputs,
                   double* weight_sums, double* bias_sums, MapSize size) {
  using V = VectorOf<B>;
  const long pixels = static_cast<long>(size.height) * size.width;
  const long channels = static_cast<long>(size.blocks) * B;
  for (int k = 0; k < outputs; ++k) {
    double total = 0;
    for (long p = 0; p < pixels; ++p) total += static_cast<double>(logit_gradients[k * pixels + p]);
    bias_sums[k] = total;
    for (long c = 0; c < channels; ++c) weight_sums[k * channels + c] = 0;
  }
  for (int cb = 0; cb < size.blocks; ++cb, y += pixels * B) {
    for (int i = 0; i < size.height; ++i) {
      const long first = static_cast<long>(i) * size.width;
      for (int k = 0; k < outputs; ++k) {
        const float* dz = logit_gradients + k * pixels + first;
        V dot{};
        for (int j = 0; j < size.width; ++j) dot += load<B>(y + (first + j) * B) * dz[j];
        add_lanes<B>(weight_sums + k * channels + cb * B, dot);
      }
      for (int j = 0; j < size.width; ++j) {
        V g{};
        for (int k = 0; k < outputs; ++k)
          g += load<B>(weights + k * channels + cb * B) * logit_gradients[k * pixels + first + j];
        at<B>(y + (first + j) * B) = g;
      }
    }
  }
}

template <int B>
void spread(const float* parts, float* up, const float* bias, MapSize size) {
  using V = VectorOf<B>;
  const long plane = static_cast<long>(size.height) * size.width * B;
  const long row = static_cast<long>(size.width) * B;
  for (int cb = 0; cb < size.blocks; ++cb) {
    const V b = load<B>(bias + cb * B);
    for (int i = 0; i < size.height; ++i) {
      for (int s = 0; s < 2; ++s, up += 2 * row) {
        const float* left = parts + (2L * s * size.blocks + cb) * plane + i * row;
        const float* right = left + size.blocks * plane;
        for (long p = 0; p < row; p += B) {
          at<B>(up + 2 * p) = load<B>(left + p) + b;
          at<B>(up + 2 * p + B) = load<B>(right + p) + b;
        }
      }
    }
  }
}

template <int B>
void gather(const float* up, float* parts, double* bias_sums, MapSize size) {
  using V = VectorOf<B>;
  const long plane = static_cast<long>(size.height) * size.width * B;
  const long row = static_cast<long>(size.width) * B;
  for (int cb = 0; cb < size.blocks; ++cb, bias_sums += B) {
    for (int l = 0; l < B; ++l) bias_sums[l] = 0;
    for (int i = 0; i < size.height; ++i) {
      for (int s = 0; s < 2; ++s, up += 2 * row) {
        float* left = parts + (2L * s * size.blocks + cb) * plane + i * row;
        float* right = left + size.blocks * plane;
        V total{};
        for (long p = 0; p < row; p += B) {
          const V a = load<B>(up + 2 * p);
          const V b = load<B>(up + 2 * p + B);
          at<B>(left + p) = a;
          at<B>(right + p) = b;
          total += a + b;
        }
        add_lanes<B>(bias_sums, total);
      }
    }
  }
}

template <int B>
constexpr TrainingKernels table_of() {
  return {normalize_pool<B>, reduce<B>,        reduce_pool<B>, differentiate<B>,
          head<B>,           head_gradient<B>, spread<B>,      gather<B>};
}

}  // namespace

extern const TrainingKernels training_table = table_of<FIBFLOW_BLOCK>();

}  // namespace fibflow::model::FIBFLOW_ISA
