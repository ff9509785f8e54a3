// The kernels' one source, included once per instruction set with FIBFLOW_ISA as the namespace. Nothing here
// may instantiate code that is shared with other translation units (no standard containers or algorithms):
// the linker would keep one copy, perhaps the one with instructions that the machine does not have.

#include "model/engine/kernels.h"

namespace fibflow::model::FIBFLOW_ISA {
namespace {

inline float larger(float a, float b) {
  return a > b ? a : b;
}
inline float smaller(float a, float b) {
  return a < b ? a : b;
}

// e^x to about 1 ulp: x = n ln 2 + r, a polynomial for e^r (Cephes' expf), n put into the exponent.
inline float exponential(float x) {
  x = smaller(larger(x, -87.0F), 88.0F);
  const float n = __builtin_floorf(x * 1.44269504F + 0.5F);
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  union {
    int i;
    float f;
  } power;
  power.i = (static_cast<int>(n) + 127) << 23;
  return p * power.f;
}

// Applied to n floats that share the parameters; slope differs per lane for PRelu.
template <int B>
void activate(float* row, long pixels, const NormalizeArguments& how, const float* slopes) {
  using Kind = Activation::Kind;
  const long n = pixels * B;
  const float a = how.a;
  const float b = how.b;
  switch (how.activation) {
    case Kind::none:
    case Kind::relu:
    case Kind::leaky_relu:
      return;  // done while normalizing
    case Kind::elu:
      for (long i = 0; i < n; ++i) row[i] = row[i] > 0 ? row[i] : a * (exponential(row[i]) - 1);
      return;
    case Kind::prelu:
      for (long p = 0; p < pixels; ++p) {
        for (int l = 0; l < B; ++l)
          row[p * B + l] = row[p * B + l] > 0 ? row[p * B + l] : slopes[l] * row[p * B + l];
      }
      return;
    case Kind::sigmoid:
      for (long i = 0; i < n; ++i) row[i] = 1 / (1 + exponential(-row[i]));
      return;
    case Kind::tanh:
      for (long i = 0; i < n; ++i) row[i] = 1 - 2 / (exponential(2 * row[i]) + 1);
      return;
    case Kind::clip:
      for (long i = 0; i < n; ++i) row[i] = smaller(larger(row[i], a), b);
      return;
    case Kind::hard_sigmoid:
      for (long i = 0; i < n; ++i) row[i] = smaller(larger(a * row[i] + b, 0), 1);
      return;
    case Kind::hard_swish:
      for (long i = 0; i < n; ++i) row[i] *= smaller(larger(row[i] * (1.0F / 6) + 0.5F, 0), 1);
      return;
  }
}

// One vector is one pixel's block of channels.
template <int B>
struct VectorOf {
  typedef float type __attribute__((vector_size(B * sizeof(float))));
};

template <int B>
void scale_row(const float* x, float* y, long pixels, const float* scale, const float* shift, float slope) {
  using V = typename VectorOf<B>::type;
  const V s = *reinterpret_cast<const V*>(scale);
  const V t = *reinterpret_cast<const V*>(shift);
  const V zero = V{};
  for (long p = 0; p < pixels; ++p) {
    const V v = reinterpret_cast<const V*>(x)[p] * s + t;
    reinterpret_cast<V*>(y)[p] = v > zero ? v : v * slope;
  }
}

// slope 1 is no activation, 0 is ReLU, else leaky ReLU.
template <int B, bool Write>
void measure_row(const float* x, float* y, long pixels, const float* scale, const float* shift, float slope,
                 const float* centre, double* sum, double* squares) {
  using V = typename VectorOf<B>::type;
  const V c = *reinterpret_cast<const V*>(centre);
  const V s = Write ? *reinterpret_cast<const V*>(scale) : V{};
  const V t = Write ? *reinterpret_cast<const V*>(shift) : V{};
  const V zero = V{};
  V sum0{}, sum1{}, sq0{}, sq1{};
  long p = 0;
  for (; p + 2 <= pixels; p += 2) {
    const V v0 = reinterpret_cast<const V*>(x)[p];
    const V v1 = reinterpret_cast<const V*>(x)[p + 1];
    const V d0 = v0 - c;
    const V d1 = v1 - c;
    sum0 += d0;
    sum1 += d1;
    sq0 += d0 * d0;
    sq1 += d1 * d1;
    if constexpr (Write) {
      const V w0 = v0 * s + t;
      const V w1 = v1 * s + t;
      reinterpret_cast<V*>(y)[p] = w0 > zero ? w0 : w0 * slope;
      reinterpret_cast<V*>(y)[p + 1] = w1 > zero ? w1 : w1 * slope;
    }
  }
  for (; p < pixels; ++p) {
    const V v = reinterpret_cast<const V*>(x)[p];
    const V d = v - c;
    sum0 += d;
    sq0 += d * d;
    if constexpr (Write) {
      const V w = v * s + t;
      reinterpret_cast<V*>(y)[p] = w > zero ? w : w * slope;
    }
  }
  // Floats over one row, doubles over rows: a row is short enough for both to stay exact to 1e-6.
  for (int l = 0; l < B; ++l) {
    sum[l] += static_cast<double>(sum0[l]) + static_cast<double>(sum1[l]);
    squares[l] += static_cast<double>(sq0[l]) + static_cast<double>(sq1[l]);
  }
}

template <>
void scale_row<1>(const float* x, float* y, long pixels, const float* scale, const float* shift,
                  float slope) {
  for (long p = 0; p < pixels; ++p) {
    const float v = x[p] * scale[0] + shift[0];
    y[p] = v > 0 ? v : v * slope;
  }
}

template <bool Write>
void measure_plain(const float* x, float* y, long pixels, const float* scale, const float* shift, float slope,
                   const float* centre, double* sum, double* squares) {
  double s = 0;
  double q = 0;
  for (long p = 0; p < pixels; ++p) {
    const double d = x[p] - centre[0];
    s += d;
    q += d * d;
  }
  sum[0] += s;
  squares[0] += q;
  if constexpr (Write) scale_row<1>(x, y, pixels, scale, shift, slope);
}

template <int B>
void normalize(MapView from, MapView to, Span span, const NormalizeArguments& how) {
  using Kind = Activation::Kind;
  const float slope = how.activation == Kind::relu ? 0.0F : how.activation == Kind::leaky_relu ? how.a : 1.0F;
  const bool write = how.scale != nullptr;
  const bool measured = how.share.y.begin < how.share.y.end && how.share.x.begin < how.share.x.end;
  for (int cb = 0; cb < span.blocks; ++cb) {
    const long lane = static_cast<long>(cb) * B;
    if (measured) {
      for (int l = 0; l < B; ++l) how.sum[lane + l] = how.squares[lane + l] = 0;
    }
    for (int y = 0; y < span.height; ++y) {
      const float* x_row = from.data + cb * from.plane + y * from.row;
      float* y_row = to.data + cb * to.plane + y * to.row;
      const float* scale = write ? how.scale + lane : nullptr;
      const float* shift = write ? how.shift + lane : nullptr;
      // Runs of measured pixels, and between them what is only normalized.
      Interval whole_share = how.share.x;
      const Interval* run = &whole_share;
      const Interval* last_run = run;
      if (measured && y >= how.share.y.begin && y < how.share.y.end) {
        const int row = y - how.share.y.begin;
        if (how.counted != nullptr) run = how.counted->runs + how.counted->first[row];
        last_run = how.counted != nullptr ? how.counted->runs + how.counted->last[row] : run + 1;
      }
      const int left = how.counted != nullptr ? how.share.x.begin : 0;
      int done = 0;
      for (; run != last_run; ++run) {
        const int begin = left + run->begin;
        const int end = left + run->end;
        if (write && begin > done) {
          scale_row<B>(x_row + static_cast<long>(done) * B, y_row + static_cast<long>(done) * B, begin - done,
                       scale, shift, slope);
        }
        done = end;
        const float* xs = x_row + static_cast<long>(begin) * B;
        float* ys = y_row + static_cast<long>(begin) * B;
        const long n = end - begin;
        if constexpr (B == 1) {
          if (write) {
            measure_plain<true>(xs, ys, n, scale, shift, slope, how.centre + lane, how.sum + lane,
                                how.squares + lane);
          } else {
            measure_plain<false>(xs, ys, n, scale, shift, slope, how.centre + lane, how.sum + lane,
                                 how.squares + lane);
          }
        } else if (write) {
          measure_row<B, true>(xs, ys, n, scale, shift, slope, how.centre + lane, how.sum + lane,
                               how.squares + lane);
        } else {
          measure_row<B, false>(xs, ys, n, scale, shift, slope, how.centre + lane, how.sum + lane,
                                how.squares + lane);
        }
      }
      if (!write) continue;
      if (done < span.width) {
        scale_row<B>(x_row + static_cast<long>(done) * B, y_row + static_cast<long>(done) * B,
                     span.width - done, scale, shift, slope);
      }
      activate<B>(y_row, span.width, how, how.slopes == nullptr ? nullptr : how.slopes + lane);
    }
  }
}

template <int B>
void pool(MapView from, MapView to, Span span, bool maximum, PoolAxis ya, PoolAxis xa) {
  for (int cb = 0; cb < span.blocks; ++cb) {
    for (int y = 0; y < span.height; ++y) {
      const float* rows = from.data + cb * from.plane + ya.first[y] * from.row;
      float* out = to.data + cb * to.plane + y * to.row;
      for (int x = 0; x < span.width; ++x, out += B) {
        const float* corner = rows + static_cast<long>(xa.first[x]) * B;
        float best[B];
        if (maximum) {
          for (int l = 0; l < B; ++l) best[l] = corner[l];
          for (int ky = 0; ky < ya.count[y]; ++ky) {
            const float* p = corner + ky * static_cast<long>(ya.step) * from.row;
            for (int kx = 0; kx < xa.count[x]; ++kx, p += static_cast<long>(xa.step) * B) {
              for (int l = 0; l < B; ++l) best[l] = p[l] > best[l] ? p[l] : best[l];
            }
          }
        } else {
          const float weight = ya.weight[y] * xa.weight[x];
          for (int l = 0; l < B; ++l) best[l] = 0;
          for (int ky = 0; ky < ya.count[y]; ++ky) {
            const float* p = corner + ky * static_cast<long>(ya.step) * from.row;
            for (int kx = 0; kx < xa.count[x]; ++kx, p += static_cast<long>(xa.step) * B) {
              for (int l = 0; l < B; ++l) best[l] += p[l];
            }
          }
          for (int l = 0; l < B; ++l) best[l] *= weight;
        }
        for (int l = 0; l < B; ++l) out[l] = best[l];
      }
    }
  }
}

template <int B>
void resize(MapView from, MapView to, Span span, bool linear, ResizeTaps ya, ResizeTaps xa) {
  for (int cb = 0; cb < span.blocks; ++cb) {
    for (int y = 0; y < span.height; ++y) {
      const float* top = from.data + cb * from.plane + ya.first[y] * from.row;
      const float* low = from.data + cb * from.plane + ya.second[y] * from.row;
      float* out = to.data + cb * to.plane + y * to.row;
      const float wy = ya.weight[y];
      for (int x = 0; x < span.width; ++x, out += B) {
        const long i = static_cast<long>(xa.first[x]) * B;
        const long j = static_cast<long>(xa.second[x]) * B;
        const float wx = xa.weight[x];
        if (!linear) {
          for (int l = 0; l < B; ++l) out[l] = top[i + l];
        } else {
          for (int l = 0; l < B; ++l) {
            const float a = top[i + l] * (1 - wx) + top[j + l] * wx;
            const float b = low[i + l] * (1 - wx) + low[j + l] * wx;
            out[l] = a * (1 - wy) + b * wy;
          }
        }
      }
    }
  }
}

inline float combine(Arithmetic kind, float a, float b) {
  switch (kind) {
    case Arithmetic::add:
      return a + b;
    case Arithmetic::subtract:
      return a - b;
    case Arithmetic::multiply:
      return a * b;
  }
  return 0;
}

template <int B, Arithmetic K>
void binary_of(MapView a, bool a_single, MapView b, bool b_single, MapView to, Span span) {
  for (int cb = 0; cb < span.blocks; ++cb) {
    for (int y = 0; y < span.height; ++y) {
      const float* p = a.data + (a_single ? 0 : cb * a.plane) + y * a.row;
      const float* q = b.data + (b_single ? 0 : cb * b.plane) + y * b.row;
      float* out = to.data + cb * to.plane + y * to.row;
      if (!a_single && !b_single) {
        for (long i = 0; i < static_cast<long>(span.width) * B; ++i) out[i] = combine(K, p[i], q[i]);
        continue;
      }
      for (int x = 0; x < span.width; ++x, p += B, q += B, out += B) {
        for (int l = 0; l < B; ++l) out[l] = combine(K, p[a_single ? 0 : l], q[b_single ? 0 : l]);
      }
    }
  }
}

template <int B>
void binary(Arithmetic kind, MapView a, bool a_single, MapView b, bool b_single, MapView to, Span span) {
  switch (kind) {
    case Arithmetic::add:
      return binary_of<B, Arithmetic::add>(a, a_single, b, b_single, to, span);
    case Arithmetic::subtract:
      return binary_of<B, Arithmetic::subtract>(a, a_single, b, b_single, to, span);
    case Arithmetic::multiply:
      return binary_of<B, Arithmetic::multiply>(a, a_single, b, b_single, to, span);
  }
}

template <int B>
void softmax(MapView from, MapView to, Span span, int channels) {
  for (int y = 0; y < span.height; ++y) {
    for (int x = 0; x < span.width; ++x) {
      const float* p = from.data + y * from.row + static_cast<long>(x) * B;
      float* q = to.data + y * to.row + static_cast<long>(x) * B;
      float highest = p[0];
      for (int c = 1; c < channels; ++c) highest = larger(highest, p[c / B * from.plane + c % B]);
      float total = 0;
      for (int c = 0; c < channels; ++c) {
        const float e = exponential(p[c / B * from.plane + c % B] - highest);
        q[c / B * to.plane + c % B] = e;
        total += e;
      }
      for (int c = 0; c < channels; ++c) q[c / B * to.plane + c % B] /= total;
      for (int c = channels; c < span.blocks * B; ++c) q[c / B * to.plane + c % B] = 0;
    }
  }
}

template <int B>
void pick(MapView from, MapView to, Span span, const int* ys, const int* xs, float constant) {
  for (int cb = 0; cb < span.blocks; ++cb) {
    for (int y = 0; y < span.height; ++y) {
      float* out = to.data + cb * to.plane + y * to.row;
      const float* row = ys[y] < 0 ? nullptr : from.data + cb * from.plane + ys[y] * from.row;
      for (int x = 0; x < span.width; ++x, out += B) {
        if (row == nullptr || xs[x] < 0) {
          for (int l = 0; l < B; ++l) out[l] = constant;
        } else {
          for (int l = 0; l < B; ++l) out[l] = row[static_cast<long>(xs[x]) * B + l];
        }
      }
    }
  }
}

template <int B>
void depth_to_space(MapView from, MapView to, Span span, int sub_y, int sub_x, int first_y, int first_x) {
  for (int cb = 0; cb < span.blocks; ++cb) {
    for (int y = 0; y < span.height; ++y) {
      const int gy = first_y + y;
      const long sy = gy % sub_y;
      const float* row = from.data + static_cast<long>(gy / sub_y) * from.row;
      float* out = to.data + cb * to.plane + y * to.row;
      for (int sx = 0; sx < sub_x; ++sx) {
        const float* sub = row + ((sy * sub_x + sx) * span.blocks + cb) * from.plane;
        int x = sx - first_x % sub_x;
        if (x < 0) x += sub_x;
        const float* p = sub + static_cast<long>((first_x + x) / sub_x) * B;
        for (; x < span.width; x += sub_x, p += B) {
          float* o = out + static_cast<long>(x) * B;
          for (int l = 0; l < B; ++l) o[l] = p[l];
        }
      }
    }
  }
}

// One entry per block size; others do not occur.
#define FIBFLOW_BY_BLOCK(name, span, ...) \
  switch ((span).block) {                 \
    case 16:                              \
      return name<16>(__VA_ARGS__);       \
    case 8:                               \
      return name<8>(__VA_ARGS__);        \
    default:                              \
      return name<1>(__VA_ARGS__);        \
  }

void any_normalize(MapView from, MapView to, Span span, const NormalizeArguments& how) {
  FIBFLOW_BY_BLOCK(normalize, span, from, to, span, how)
}
void any_pool(MapView from, MapView to, Span span, bool maximum, PoolAxis y, PoolAxis x) {
  FIBFLOW_BY_BLOCK(pool, span, from, to, span, maximum, y, x)
}
void any_resize(MapView from, MapView to, Span span, bool linear, ResizeTaps y, ResizeTaps x) {
  FIBFLOW_BY_BLOCK(resize, span, from, to, span, linear, y, x)
}
void any_binary(Arithmetic kind, MapView a, bool a_single, MapView b, bool b_single, MapView to, Span span) {
  FIBFLOW_BY_BLOCK(binary, span, kind, a, a_single, b, b_single, to, span)
}
void any_softmax(MapView from, MapView to, Span span, int channels) {
  FIBFLOW_BY_BLOCK(softmax, span, from, to, span, channels)
}
void any_pick(MapView from, MapView to, Span span, const int* y, const int* x, float constant) {
  FIBFLOW_BY_BLOCK(pick, span, from, to, span, y, x, constant)
}
void any_depth_to_space(MapView from, MapView to, Span span, int sub_y, int sub_x, int first_y, int first_x) {
  FIBFLOW_BY_BLOCK(depth_to_space, span, from, to, span, sub_y, sub_x, first_y, first_x)
}

}  // namespace

extern const Kernels table = {any_normalize, any_pool, any_resize,        any_binary,
                              any_softmax,   any_pick, any_depth_to_space};

}  // namespace fibflow::model::FIBFLOW_ISA
