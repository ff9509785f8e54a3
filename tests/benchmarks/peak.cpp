#include "tests/benchmarks/peak.h"

#include <immintrin.h>

#include <chrono>

namespace fibflow::benchmarks {
namespace {

// Twelve independent chains hide the latency of the multiply-add units.
#define FIBFLOW_CHAINS(step) \
  step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7) step(8) step(9) step(10) step(11)

__attribute__((target("avx512f"), noinline)) float chains_512(long rounds) {
  const __m512 b = _mm512_set1_ps(0.999F);
  const __m512 c = _mm512_set1_ps(1e-3F);
#define FIBFLOW_STEP(i) __m512 a##i = _mm512_set1_ps(0.1F * i);
  FIBFLOW_CHAINS(FIBFLOW_STEP)
#undef FIBFLOW_STEP
  for (long r = 0; r < rounds; ++r) {
#define FIBFLOW_STEP(i) a##i = _mm512_fmadd_ps(a##i, b, c);
    FIBFLOW_CHAINS(FIBFLOW_STEP)
#undef FIBFLOW_STEP
    asm volatile(""
                 : "+v"(a0), "+v"(a1), "+v"(a2), "+v"(a3), "+v"(a4), "+v"(a5), "+v"(a6), "+v"(a7), "+v"(a8),
                   "+v"(a9), "+v"(a10), "+v"(a11));
  }
  float total = 0;
#define FIBFLOW_STEP(i) total += a##i[0];
  FIBFLOW_CHAINS(FIBFLOW_STEP)
#undef FIBFLOW_STEP
  return total;
}

__attribute__((target("avx2,fma"), noinline)) float chains_256(long rounds) {
  const __m256 b = _mm256_set1_ps(0.999F);
  const __m256 c = _mm256_set1_ps(1e-3F);
#define FIBFLOW_STEP(i) __m256 a##i = _mm256_set1_ps(0.1F * i);
  FIBFLOW_CHAINS(FIBFLOW_STEP)
#undef FIBFLOW_STEP
  for (long r = 0; r < rounds; ++r) {
#define FIBFLOW_STEP(i) a##i = _mm256_fmadd_ps(a##i, b, c);
    FIBFLOW_CHAINS(FIBFLOW_STEP)
#undef FIBFLOW_STEP
    asm volatile(""
                 : "+x"(a0), "+x"(a1), "+x"(a2), "+x"(a3), "+x"(a4), "+x"(a5), "+x"(a6), "+x"(a7), "+x"(a8),
                   "+x"(a9), "+x"(a10), "+x"(a11));
  }
  float total = 0;
#define FIBFLOW_STEP(i) total += a##i[0];
  FIBFLOW_CHAINS(FIBFLOW_STEP)
#undef FIBFLOW_STEP
  return total;
}

}  // namespace

double peak_gflops() {
  const bool wide = __builtin_cpu_supports("avx512f") != 0;
  constexpr long kRounds = 6'000'000;
  const auto begin = std::chrono::steady_clock::now();
  const float result = wide ? chains_512(kRounds) : chains_256(kRounds);
  asm volatile("" : : "x"(result));
  const double t = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return 1e-9 * static_cast<double>(kRounds) * 12 * 2 * (wide ? 16 : 8) / t;
}

}  // namespace fibflow::benchmarks
