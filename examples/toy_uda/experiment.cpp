#include "experiment.h"

#include <cmath>

#include "model/statistics/drift.h"
#include "model/statistics/gaussian_distance.h"

namespace fibflow::toy {
namespace {

LogLinearFit fit(const std::vector<Shift>& shifts, double Shift::*distance, double Shift::*value) {
  const auto n = static_cast<double>(shifts.size());
  double mean_x = 0;
  double mean_y = 0;
  for (const Shift& s : shifts) {
    mean_x += std::log10(s.*distance) / n;
    mean_y += s.*value / n;
  }
  double xx = 0;
  double xy = 0;
  double yy = 0;
  for (const Shift& s : shifts) {
    const double x = std::log10(s.*distance) - mean_x;
    const double y = s.*value - mean_y;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  return {mean_y - xy / xx * mean_x, xy / xx, xy * xy / (xx * yy)};
}

}  // namespace

LogLinearFit Experiment::before_by_distance() const {
  return fit(shifts, &Shift::distance, &Shift::before);
}
LogLinearFit Experiment::before_by_plane() const {
  return fit(shifts, &Shift::plane, &Shift::before);
}

double Experiment::mean_after() const {
  double sum = 0;
  for (const Shift& s : shifts) sum += s.after;
  return sum / static_cast<double>(shifts.size());
}

Experiment run_experiment(std::uint64_t seed, int gaussians) {
  const Domain source({0, 0}, {1, 0, 0, 1});
  Experiment e{.classifier = Classifier(train(source, seed)), .adapted = {}, .shifts = {}};
  std::mt19937_64 random(seed + 1000);
  const auto samples = [&random](const Domain& domain, int images) {
    std::vector<Points> points;
    for (int i = 0; i < images; ++i) points.push_back(domain.sample(random));
    return points;
  };
  constexpr int adapted_to = 4;  // images of 4096 points, without their labels
  e.on_source = e.classifier.accuracy(e.classifier.source(), samples(e.source, 8));
  e.adapted = e.classifier.adapt(e.target, adapted_to, random);
  const std::vector<Points> on_target = samples(e.target, 8);
  e.on_target = e.classifier.accuracy(e.classifier.source(), on_target);
  e.on_target_adapted = e.classifier.accuracy(e.adapted, on_target);

  constexpr double nearest = 0.1;
  constexpr double farthest = 1.5;
  for (int i = 0; i < gaussians; ++i) {
    const double share = gaussians > 1 ? static_cast<double>(i) / (gaussians - 1) : 0;
    const Domain domain = Domain::random(nearest * std::pow(farthest / nearest, share), random);
    const model::Statistics statistics = e.classifier.adapt(domain, adapted_to, random);
    const std::vector<Points> points = samples(domain, 2);
    e.shifts.push_back({model::drift(e.classifier.source(), statistics).per_channel,
                        model::normalized_squared_wasserstein(e.source.gaussian(), domain.gaussian()),
                        e.classifier.accuracy(e.classifier.source(), points) / e.on_source,
                        e.classifier.accuracy(statistics, points) / e.on_source});
  }
  return e;
}

}  // namespace fibflow::toy
