#include "pipeline/report/page/slice_points.h"

#include <algorithm>

namespace fibflow::pipeline {

void Extent::add(const Extent& other) {
  if (!other) return;
  least = count > 0 ? std::min(least, other.least) : other.least;
  largest = count > 0 ? std::max(largest, other.largest) : other.largest;
  sum += other.sum;
  count += other.count;
}

SlicePoint::SlicePoint(const RecordedSlice& slice)
    : first_z(slice.z),
      last_z(slice.z),
      slices(1),
      seconds(Extent::of(slice.seconds)),
      foreground(Extent::of(slice.foreground)),
      entropy(Extent::of(slice.entropy)),
      expected_iou(Extent::of(slice.expected_iou)),
      drift(Extent::of(slice.drift)),
      drift_from_source(Extent::of(slice.drift_from_source)),
      slice_drift(Extent::of(slice.slice_drift)) {}

void SlicePoint::add(const SlicePoint& next) {
  last_z = next.last_z;
  slices += next.slices;
  for (Extent SlicePoint::*figure :
       {&SlicePoint::seconds, &SlicePoint::foreground, &SlicePoint::entropy, &SlicePoint::expected_iou,
        &SlicePoint::drift, &SlicePoint::drift_from_source, &SlicePoint::slice_drift}) {
    (this->*figure).add(next.*figure);
  }
}

void SlicePoints::add(const RecordedSlice& slice) {
  ++count_;
  if (!points_.empty() && points_.back().slices < per_point_) {
    points_.back().add(SlicePoint(slice));
    return;
  }
  if (points_.size() == most) {
    for (std::size_t i = 0; i < most / 2; ++i) {
      SlicePoint both = points_[2 * i];
      both.add(points_[2 * i + 1]);
      points_[i] = both;
    }
    points_.erase(points_.begin() + most / 2, points_.end());
    per_point_ *= 2;
  }
  points_.emplace_back(slice);
}

Extent SlicePoints::over_all(Extent SlicePoint::*figure) const {
  Extent all;
  for (const SlicePoint& point : points_) all.add(point.*figure);
  return all;
}

}  // namespace fibflow::pipeline
