#include "pipeline/report/page/z_chart.h"

#include <algorithm>
#include <cmath>

#include "pipeline/report/page/html.h"

namespace fibflow::pipeline {
namespace {

/// The drawing is 1000 units wide and high and stretched to whatever room there is.
constexpr double size = 1000;

std::string rectangle(const char* kind, double x0, double x1, const std::string& title) {
  return "<rect class=\"" + std::string(kind) + "\" x=\"" + coordinate(x0) + "\" y=\"0\" width=\"" +
         coordinate(x1 - x0) + "\" height=\"1000\"><title>" + html(title) + "</title></rect>";
}

}  // namespace

std::vector<double> axis_ticks(double largest) {
  const double rough = std::max(largest, 1e-12) / 4;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough * (1 - 1e-9)) step = factor * power;
  }
  std::vector<double> ticks{0};
  while (ticks.back() < largest * (1 - 1e-9)) ticks.push_back(step * static_cast<double>(ticks.size()));
  if (ticks.size() == 1) ticks.push_back(step);
  return ticks;
}

ZCharts::ZCharts(const RecordedRun& run) : run_(run) {
  const std::vector<SlicePoint>& points = run_.slices.points();
  first_z_ = static_cast<double>(points.front().first_z);
  span_ = static_cast<double>(points.back().last_z) - first_z_ + 1;
  const double count = std::min<double>(columns, span_);
  slices_per_column_ = span_ / count;
  columns_.resize(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double at = (static_cast<double>(points[i].first_z) - first_z_) * count / span_;
    Column& column = columns_[std::min(columns_.size() - 1, static_cast<std::size_t>(at))];
    if (column.first == column.end) column.first = i;
    column.end = i + 1;
  }
}

double ZCharts::x_of(double z) const {
  return size * (z - first_z_ + 0.5) / span_;
}

double ZCharts::middle_of(std::size_t column) const {
  return size * (static_cast<double>(column) + 0.5) / static_cast<double>(columns_.size());
}

Extent ZCharts::extent(const ZCurve& curve, const Column& column) const {
  Extent result;
  for (std::size_t i = column.first; i < column.end; ++i) result.add(run_.slices.points()[i].*curve.figure);
  return result;
}

std::string ZCharts::marks() const {
  std::string drawn;
  const auto line = [&](const std::string& kind, double x) {
    drawn += "<line class=\"" + kind + "\" x1=\"" + coordinate(x) + "\" x2=\"" + coordinate(x) +
             "\" y1=\"0\" y2=\"1000\"/>";
  };
  for (const RunEvent& event : run_.events) {
    if (event.event == event_names::looked_again || event.event == event_names::in_doubt) continue;
    const auto z = static_cast<double>(event.z);
    if (z >= first_z_ && z < first_z_ + span_)
      // "frozen" is an older fibflow's.
      line(event.event == "frozen" ? "event" : "event changed", x_of(z + 0.5));
  }
  return drawn;
}

std::string ZCharts::curve(const ZCurve& curve, double top) const {
  const auto point = [&](std::size_t column, double value) {
    return coordinate(middle_of(column)) + "," + coordinate(size * (1 - value / top));
  };
  std::string band;
  std::string line;
  std::string upper;
  std::string lower;
  const auto close_band = [&] {
    if (!upper.empty()) band.append("M").append(upper).append(lower).append("Z");
    upper.clear();
    lower.clear();
  };
  // A value between two gaps is a stroke of no length, which round ends make a dot.
  std::string dots;
  std::optional<std::string> alone;
  const auto close_line = [&] {
    if (alone) dots.append("M").append(*alone).append("h0");
    alone.reset();
  };
  bool before = false;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const auto values = extent(curve, columns_[c]);
    if (!values) {
      if (curve.is_sampled) continue;
      close_line();
      close_band();
      before = false;
      continue;
    }
    line.append(before ? "L" : "M").append(point(c, values.mean()));
    if (before) {
      alone.reset();
    } else {
      alone = point(c, values.mean());
    }
    upper.append(upper.empty() ? "" : "L").append(point(c, values.largest));
    std::string back("L");
    back.append(point(c, values.least)).append(lower);
    lower = std::move(back);
    before = true;
  }
  close_band();
  close_line();
  std::string drawn;
  if (decimated()) drawn += "<path class=\"band " + curve.tone + "\" d=\"" + band + "\"/>";
  if (!dots.empty()) drawn += "<path class=\"curve dots " + curve.tone + "\" d=\"" + dots + "\"/>";
  return drawn + "<path class=\"curve " + curve.tone + "\" d=\"" + line + "\"/>";
}

std::string ZCharts::hits(const ZChart& chart) const {
  std::string drawn;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    if (column.first == column.end) continue;
    const SlicePoint& first = run_.slices.points()[column.first];
    const SlicePoint& last = run_.slices.points()[column.end - 1];
    std::string title = "slice " + std::to_string(first.first_z);
    if (last.last_z != first.first_z)
      title = "slices " + std::to_string(first.first_z) + " to " + std::to_string(last.last_z);
    for (const ZCurve& curve : chart.curves) {
      const auto values = extent(curve, column);
      if (!values) continue;
      title += "\n" + curve.name + ": ";
      if (values.least != values.largest) {
        title += chart.spoken(values.least) + " to " + chart.spoken(values.largest) + ", mean ";
      }
      title += chart.spoken(values.mean());
    }
    for (const RunEvent& event : run_.events) {
      if (event.z >= first.first_z && event.z <= last.last_z) title += "\n" + event.event + ": " + event.text;
    }
    const double half = size / static_cast<double>(columns_.size()) / 2;
    drawn += rectangle("hit", middle_of(c) - half, middle_of(c) + half, title);
  }
  return drawn;
}

std::string ZCharts::z_labels() const {
  std::string labels;
  const double step = std::max(1.0, axis_ticks(span_)[1]);
  for (double z = std::ceil(first_z_ / step) * step; z < first_z_ + span_; z += step) {
    labels += "<span style=\"left:" + coordinate(x_of(z) / 10) + "%\">" + short_number(z) + "</span>";
  }
  return labels;
}

std::string ZCharts::draw(const ZChart& chart) const {
  double largest = 0;
  std::string summary;
  for (const ZCurve& curve : chart.curves) {
    const auto all = run_.slices.over_all(curve.figure);
    if (!all) continue;
    largest = std::max(largest, all.largest);
    summary += "; " + curve.name + " from " + chart.spoken(all.least) + " to " + chart.spoken(all.largest) +
               ", mean " + chart.spoken(all.mean());
  }
  if (summary.empty()) return {};
  const std::vector<double> ticks = axis_ticks(largest);
  const double top = ticks.back();

  std::string keys;
  std::string drawn;
  std::string y_labels;
  for (const double tick : ticks) {
    const std::string y = coordinate(size * (1 - tick / top));
    drawn += "<line class=\"grid\" x1=\"0\" x2=\"1000\" y1=\"" + y + "\" y2=\"" + y + "\"/>";
    y_labels += "<span style=\"bottom:" + coordinate(100 * tick / top) + "%\">" + html(chart.spoken(tick)) +
                "</span>";
  }
  for (const ZCurve& c : chart.curves) {
    if (!run_.slices.over_all(c.figure)) continue;
    drawn += curve(c, top);
    keys += "<span class=\"key " + c.tone + "\">" + html(c.name) + "</span>";
  }
  drawn += marks() + hits(chart);
  return "<figure class=\"chart\"><figcaption><b>" + html(chart.title) + "</b>" + keys +
         "</figcaption>\n<div class=\"plot\"><div class=\"y\">" + y_labels +
         "</div><svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" +
         html(chart.title + summary) + "\">" + drawn + "</svg><div class=\"x\">" + z_labels() +
         "</div></div>" + (chart.note.empty() ? "" : "<p class=\"note\">" + html(chart.note) + "</p>") +
         "</figure>\n";
}

}  // namespace fibflow::pipeline
