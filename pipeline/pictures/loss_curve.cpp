#include "pipeline/pictures/loss_curve.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>

#include "io/png/png.h"
#include "pipeline/pictures/canvas.h"

namespace fibflow::pipeline {
namespace {

constexpr Color white{255, 255, 255};
constexpr Color ink{40, 40, 40};
constexpr Color grid_gray{222, 222, 222};
constexpr Color pale_blue{176, 205, 235};
constexpr Color blue{25, 90, 170};
constexpr Color orange{215, 95, 20};

std::string number(double value, const char* format = "%g") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// About five round numbers up to `largest`: 1, 2 or 5 times a power of ten apart.
double round_step(double largest) {
  const double rough = std::max(largest, 1e-9) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

/// A rectangle of the canvas with axes from 0.
class Plot {
 public:
  Plot(Canvas& canvas, int left, int top, int width, int height, double largest_x, double largest_y)
      : canvas_(canvas),
        left_(left),
        top_(top),
        width_(width),
        height_(height),
        largest_x_(largest_x),
        largest_y_(largest_y) {}

  void axes(const std::string& title, bool labels_x) {
    const double step_y = round_step(largest_y_);
    for (double y = 0; y <= largest_y_ * 1.0001; y += step_y) {
      canvas_.line(left_, at_y(y), left_ + width_, at_y(y), grid_gray);
      const std::string label = number(y);
      canvas_.text(left_ - 10 - Canvas::text_width(label), static_cast<int>(at_y(y)) - 7, label, ink);
    }
    const double step_x = std::max(1.0, round_step(largest_x_));
    for (double x = 0; x <= largest_x_ * 1.0001; x += step_x) {
      canvas_.line(at_x(x), top_, at_x(x), top_ + height_, grid_gray);
      if (!labels_x) continue;
      const std::string label = number(x, "%.0f");
      canvas_.text(static_cast<int>(at_x(x)) - Canvas::text_width(label) / 2, top_ + height_ + 10, label,
                   ink);
    }
    canvas_.line(left_, top_, left_, top_ + height_, ink);
    canvas_.line(left_, top_ + height_, left_ + width_, top_ + height_, ink);
    canvas_.text(left_ + width_ - Canvas::text_width(title), top_ - 20, title, ink);
  }

  void segment(double x0, double y0, double x1, double y1, Color color, int thickness) {
    canvas_.line(at_x(x0), at_y(y0), at_x(x1), at_y(y1), color, thickness);
  }

 private:
  double at_x(double x) const { return left_ + width_ * x / largest_x_; }
  /// What is above the plot is drawn at its edge.
  double at_y(double y) const { return top_ + height_ * (1 - std::min(1.0, y / largest_y_)); }

  Canvas& canvas_;
  int left_, top_, width_, height_;
  double largest_x_, largest_y_;
};

/// The mean of the last `window` values at each.
std::vector<double> running_mean(const std::vector<float>& values, std::size_t window) {
  std::vector<double> means;
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    sum += static_cast<double>(values[i]);
    if (i >= window) sum -= static_cast<double>(values[i - window]);
    means.push_back(sum / static_cast<double>(std::min(i + 1, window)));
  }
  return means;
}

}  // namespace

void write_loss_curve(const std::string& path, const TrainingHistory& history) {
  Canvas canvas(960, 640, white);
  const std::vector<float>& losses = history.losses;
  const double iterations = std::max<double>(1, static_cast<double>(losses.size()));
  const auto mean = running_mean(losses, std::max<std::size_t>(1, losses.size() / 50));
  const double largest = mean.empty() ? 1 : *std::max_element(mean.begin(), mean.end());

  Plot loss(canvas, 90, 40, 840, 290, iterations, 1.05 * largest);
  loss.axes("loss", false);
  for (std::size_t i = 1; i < losses.size(); ++i) {
    const auto x = static_cast<double>(i);
    loss.segment(x, losses[i - 1], x + 1, losses[i], pale_blue, 1);
  }
  for (std::size_t i = 1; i < mean.size(); ++i) {
    const auto x = static_cast<double>(i);
    loss.segment(x, mean[i - 1], x + 1, mean[i], blue, 2);
  }

  Plot iou(canvas, 90, 380, 840, 200, iterations, 1);
  iou.axes("validation IoU", true);
  for (std::size_t i = 0; i < history.validations.size(); ++i) {
    const auto& here = history.validations[i];
    const auto& before = history.validations[i == 0 ? 0 : i - 1];
    iou.segment(before.iteration, before.iou, here.iteration, here.iou, orange, 2);
    iou.segment(here.iteration, here.iou, here.iteration, here.iou, orange, 5);
  }
  const std::string title = "iterations";
  canvas.text(90 + 840 - Canvas::text_width(title), 612, title, ink);
  io::write_png(path, canvas.width(), canvas.height(), 3, canvas.pixels(), true);
}

}  // namespace fibflow::pipeline
