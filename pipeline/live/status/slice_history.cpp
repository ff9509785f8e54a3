#include "pipeline/live/status/slice_history.h"

#include <algorithm>

namespace fibflow::pipeline {
namespace {

HistoryPoint point_of(const LiveSlice& slice) {
  HistoryPoint point;
  point.first_z = point.last_z = slice.z;
  point.slices = 1;
  point.foreground = slice.foreground;
  point.entropy = slice.entropy;
  point.entropies = slice.entropy ? 1 : 0;
  point.drift = slice.drift;
  point.latency = slice.latency;
  return point;
}

double weighted_mean(double a, std::int64_t a_count, double b, std::int64_t b_count) {
  return (a * static_cast<double>(a_count) + b * static_cast<double>(b_count)) /
         static_cast<double>(a_count + b_count);
}

void merge(HistoryPoint& point, const HistoryPoint& next) {
  point.first_z = std::min(point.first_z, next.first_z);
  point.last_z = std::max(point.last_z, next.last_z);
  point.foreground = weighted_mean(point.foreground, point.slices, next.foreground, next.slices);
  point.slices += next.slices;
  if (next.entropy) {
    point.entropy = weighted_mean(point.entropy.value_or(0), point.entropies, *next.entropy, next.entropies);
    point.entropies += next.entropies;
  }
  if (next.drift) point.drift = std::max(point.drift.value_or(*next.drift), *next.drift);
  point.latency = std::max(point.latency, next.latency);
}

}  // namespace

void SliceHistory::add(const LiveSlice& slice) {
  recent_.push_back(slice);
  if (recent_.size() > kept_each) recent_.pop_front();
  if (!points_.empty() && points_.back().slices < slices_per_point_) {
    merge(points_.back(), point_of(slice));
    return;
  }
  if (points_.size() == capacity) halve();
  points_.push_back(point_of(slice));
}

void SliceHistory::halve() {
  for (std::size_t i = 0; i < points_.size() / 2; ++i) {
    points_[i] = points_[2 * i];
    merge(points_[i], points_[2 * i + 1]);
  }
  points_.resize(points_.size() / 2);
  slices_per_point_ *= 2;
}

double SliceHistory::rate(std::chrono::system_clock::time_point now) const {
  using Seconds = std::chrono::duration<double>;
  constexpr std::chrono::minutes window(5);
  const auto begin = std::find_if(recent_.begin(), recent_.end(),
                                  [&](const LiveSlice& slice) { return slice.finished >= now - window; });
  const auto slices = recent_.end() - begin;
  if (slices < 2) return slices > 0 ? 1 / Seconds(window).count() : 0;
  // From the first of them until now: a stream that has stopped is seen to slow down.
  const double seconds = Seconds(std::max(now, recent_.back().finished) - begin->finished).count();
  return seconds > 0 ? static_cast<double>(slices - 1) / seconds : 0;
}

}  // namespace fibflow::pipeline
