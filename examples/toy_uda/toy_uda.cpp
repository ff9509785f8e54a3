// Why adapting BatchNorm's statistics works, on points of the plane: the experiment of Stenger, Vedrenne et al. (their
// figures 3 and 4), with fibflow's own training, estimator and distance.
//
// A network of two layers learns which half of a standard normal distribution lies inside a circle. Then the points come
// from another Gaussian, where the inside is the same circle in that Gaussian's own coordinates, and only the BatchNorm
// statistics are estimated again, without labels. Hundreds of Gaussians, farther and farther away, show what the distance
// says beforehand: accuracy falls with its logarithm.
//
// Distance is the target-normalized squared Wasserstein-2 distance (model/statistics/drift.h) per channel, from the statistics that
// the trained network carries (estimated) to those that the target has inside the same network (true). Relative
// performance is the accuracy on the target divided by that on the source; chance is 0.5.
//
// Writes toy_boundaries.png and toy_distance.png into a folder.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "experiment.h"
#include "model/statistics/drift.h"
#include "pictures.h"

using namespace fibflow;

int main(int argc, char** argv) try {
  const std::string folder = argc > 1 ? argv[1] : ".";
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const auto begin = std::chrono::steady_clock::now();
  const toy::Experiment e = toy::run_experiment(seed, 400);

  std::printf("accuracy on the source                      %.3f\n", e.on_source);
  std::printf("on the target, with the source's statistics %.3f\n", e.on_target);
  std::printf("on the target, adapted                      %.3f\n", e.on_target_adapted);
  std::printf("distance of the target, per channel         %.3f\n\n",
              model::drift(e.classifier.source(), e.adapted).per_channel);

  const toy::LogLinearFit fit = e.before_by_distance();
  const toy::LogLinearFit plane = e.before_by_plane();
  std::printf("%zu Gaussians: relative accuracy = %.3f %+.3f log10(distance), R2 = %.3f\n", e.shifts.size(),
              fit.offset, fit.slope, fit.r_squared);
  std::printf("by the distance of the Gaussians themselves, with full covariances: R2 = %.3f\n",
              plane.r_squared);
  std::printf("mean relative accuracy after adaptation: %.3f\n", e.mean_after());

  toy::draw_boundaries(e, folder + "/toy_boundaries.png");
  toy::draw_scatter(e, folder + "/toy_distance.png");
  std::printf("%.1f s\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 70;
}
