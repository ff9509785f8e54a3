#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/report/page/recorded_run.h"

namespace fibflow::pipeline {

/// A curve over z: one value for each slice, or nothing, where the curve has a gap.
struct ZCurve {
  std::string name;
  std::string tone;  ///< class of the style sheet: "orange", …
  Extent SlicePoint::*figure = nullptr;
  bool is_sampled = false;  ///< few slices have it: what lies between two is no gap
};

struct ZChart {
  std::string title;
  std::vector<ZCurve> curves;
  std::function<std::string(double)> spoken;  ///< a value in words, for axis and hover titles
  std::string note;                           ///< below the chart; may be empty
};

/// Draws charts over the slices of one run, as HTML with inline SVG. Text is HTML and keeps its size at any width.
///
/// A chart has at most `columns` points. With more slices than that, a column stands for neighbours: the line is their
/// mean, and a band reaches from the smallest to the largest, so that no extreme is lost. Slices that were segmented
/// with frozen statistics have a ground colour, and what happened to the statistics a line.
class ZCharts {
 public:
  static constexpr int columns = 240;

  /// The run outlives it and has slices.
  explicit ZCharts(const RecordedRun& run);

  /// Nothing to draw (no curve has a value): an empty text.
  std::string draw(const ZChart& chart) const;

  /// Whether columns stand for several slices.
  bool decimated() const { return slices_per_column_ > 1; }
  double slices_per_column() const { return slices_per_column_; }

 private:
  struct Column {
    std::size_t first = 0;  ///< numbers of points [first, end); none if empty
    std::size_t end = 0;
  };

  double x_of(double z) const;
  double middle_of(std::size_t column) const;
  Extent extent(const ZCurve& curve, const Column& column) const;
  std::string marks() const;
  std::string curve(const ZCurve& curve, double top) const;
  std::string hits(const ZChart& chart) const;
  std::string z_labels() const;

  const RecordedRun& run_;
  double first_z_ = 0;
  double span_ = 1;  ///< slices from the first to the last
  double slices_per_column_ = 1;
  std::vector<Column> columns_;
};

/// Round numbers from 0 to at least `largest`, about four steps.
std::vector<double> axis_ticks(double largest);

}  // namespace fibflow::pipeline
