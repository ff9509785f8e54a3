#pragma once

namespace fibflow::benchmarks {

/// Multiply-adds per second of one core in the widest vectors it has, counted as two operations each, in
/// GFLOP/s.
double peak_gflops();

}  // namespace fibflow::benchmarks
