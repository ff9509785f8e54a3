#include "pictures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "io/png/png.h"
#include "pipeline/pictures/canvas.h"

namespace fibflow::toy {
namespace {

using pipeline::Canvas;
using pipeline::Color;

constexpr Color white{255, 255, 255};
constexpr Color ink{40, 40, 40};
constexpr Color grid{222, 222, 222};
constexpr Color pale_blue{205, 224, 245};
constexpr Color sky{145, 180, 220};
constexpr Color blue{25, 90, 170};
constexpr Color orange{215, 95, 20};

std::string number(double value, const char* format) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// A square of the plane on a square of the canvas.
class Panel {
 public:
  static constexpr int size = 300;
  static constexpr double radius = 3.6;  // of the plane, in each direction from the domain's mean

  Panel(Canvas& canvas, int left, int top, const Domain& domain)
      : canvas_(canvas), left_(left), top_(top), domain_(domain) {}

  void draw(const Experiment& e, const model::Statistics& statistics, const std::string& title) {
    draw_inside(e.classifier, statistics);
    draw_points();
    constexpr int steps = 200;
    const double r = std::sqrt(2 * std::numbers::ln2);
    for (int i = 0; i < steps; ++i) {
      const auto at = [&](int k) {
        const double angle = 2 * std::numbers::pi * k / steps;
        return domain_.at(r * std::cos(angle), r * std::sin(angle));
      };
      const auto [x0, y0] = at(i);
      const auto [x1, y1] = at(i + 1);
      canvas_.line(column(x0), row(y0), column(x1), row(y1), ink, 2);
    }
    canvas_.text(left_, top_ - 24, title, ink);
  }

 private:
  double column(double x) const { return left_ + size * (0.5 + (x - domain_.mean()[0]) / (2 * radius)); }
  double row(double y) const { return top_ + size * (0.5 - (y - domain_.mean()[1]) / (2 * radius)); }

  /// The panel's pixels as points: one image for the network.
  void draw_inside(const Classifier& classifier, const model::Statistics& statistics) {
    std::vector<float> plane(2 * size * size);
    for (int i = 0; i < size; ++i) {
      for (int j = 0; j < size; ++j) {
        const auto at = static_cast<std::size_t>(i * size + j);
        plane[at] = static_cast<float>(domain_.mean()[0] + ((j + 0.5) / size - 0.5) * 2 * radius);
        plane[size * size + at] =
            static_cast<float>(domain_.mean()[1] - ((i + 0.5) / size - 0.5) * 2 * radius);
      }
    }
    const std::vector<float> logits = classifier.logits(statistics, plane, size, size);
    for (int i = 0; i < size; ++i) {
      for (int j = 0; j < size; ++j) {
        const bool inside = logits[static_cast<std::size_t>(i * size + j)] > 0;
        const bool edge = i == 0 || j == 0 || i == size - 1 || j == size - 1;
        canvas_.line(left_ + j, top_ + i, left_ + j, top_ + i, edge ? grid : inside ? pale_blue : white);
      }
    }
  }

  void draw_points() {
    std::mt19937_64 random(5);
    const Points points = domain_.sample(random);
    for (std::size_t i = 0; i < 700; ++i) {
      const double x = column(static_cast<double>(points.image[i]));
      const double y = row(static_cast<double>(points.image[pixels + i]));
      if (x < left_ + 2 || x > left_ + size - 2 || y < top_ + 2 || y > top_ + size - 2) continue;
      canvas_.line(x, y, x, y, points.labels[i] == 1 ? blue : orange, 3);
    }
  }

  Canvas& canvas_;
  int left_, top_;
  const Domain& domain_;
};

}  // namespace

void draw_boundaries(const Experiment& e, const std::string& png) {
  constexpr int gap = 20;
  constexpr int top = 40;
  Canvas canvas(3 * Panel::size + 4 * gap, top + Panel::size + gap, white);
  const auto left = [](int panel) { return gap + panel * (Panel::size + gap); };
  Panel(canvas, left(0), top, e.source)
      .draw(e, e.classifier.source(), "source " + number(100 * e.on_source, "%.1f %%"));
  Panel(canvas, left(1), top, e.target)
      .draw(e, e.classifier.source(), "target " + number(100 * e.on_target, "%.1f %%"));
  Panel(canvas, left(2), top, e.target)
      .draw(e, e.adapted, "adapted " + number(100 * e.on_target_adapted, "%.1f %%"));
  io::write_png(png, canvas.width(), canvas.height(), 3, canvas.pixels(), true);
}

void draw_scatter(const Experiment& e, const std::string& png) {
  constexpr int left = 80;
  constexpr int top = 50;
  constexpr int width = 680;
  constexpr int height = 380;
  constexpr double lowest = 0.3;
  constexpr double highest = 1.05;
  Canvas canvas(left + width + 20, top + height + 70, white);
  double first = 0;
  double last = 0;
  for (const Shift& s : e.shifts) {
    first = std::min(first, std::floor(std::log10(s.distance)));
    last = std::max(last, std::ceil(std::log10(s.distance)));
  }
  const auto x_of = [&](double log_distance) {
    return left + width * (log_distance - first) / (last - first);
  };
  const auto y_of = [&](double value) { return top + height * (highest - value) / (highest - lowest); };
  for (double v = lowest; v < highest; v += 0.1) {
    canvas.line(left, y_of(v), left + width, y_of(v), grid);
    canvas.text(left - 46, static_cast<int>(y_of(v)) - 7, number(v, "%.1f"), ink);
  }
  for (double d = first; d <= last; ++d) {
    canvas.line(x_of(d), top, x_of(d), top + height, grid);
    const std::string label = number(std::pow(10, d), "%g");
    canvas.text(static_cast<int>(x_of(d)) - Canvas::text_width(label) / 2, top + height + 10, label, ink);
  }
  const auto dot = [&](double distance, double value, Color color) {
    const double x = x_of(std::log10(distance));
    canvas.line(x, y_of(value), x, y_of(value), color, 3);
  };
  for (const Shift& s : e.shifts) dot(s.distance, s.after, sky);
  for (const Shift& s : e.shifts) dot(s.distance, s.before, blue);
  // The line is drawn over the distances that there are, as far as it stays in the picture.
  const LogLinearFit fit = e.before_by_distance();
  const auto [near, far] = std::ranges::minmax(e.shifts, {}, &Shift::distance);
  const double to = std::min(std::log10(far.distance), (lowest - fit.offset) / fit.slope);
  const double from = std::max(std::log10(near.distance), (highest - fit.offset) / fit.slope);
  canvas.line(x_of(from), y_of(fit.offset + fit.slope * from), x_of(to), y_of(fit.offset + fit.slope * to),
              orange, 2);

  canvas.text(left, 14, "accuracy relative to the source: as it is", blue);
  canvas.text(left + Canvas::text_width("accuracy relative to the source: as it is "), 14, "adapted", sky);
  const std::string r = "R2 = " + number(fit.r_squared, "%.2f");
  canvas.text(left + 12, top + height - 28, r, orange);
  const std::string axis = "distance of the target, per channel";
  canvas.text(left + (width - Canvas::text_width(axis)) / 2, top + height + 40, axis, ink);
  io::write_png(png, canvas.width(), canvas.height(), 3, canvas.pixels(), true);
}

}  // namespace fibflow::toy
