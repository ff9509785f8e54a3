#include "io/phantom/phantom_cell.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace fibflow::io::phantom {
namespace {

// Far inside or outside: more than any structure asks for.
constexpr double far = 1e6;

/// First-order distance to the zero level of f (Taubin 1994): f over the length of its gradient.
template <typename Function>
double distance_to_zero(Function&& f, Vec3 p) {
  constexpr double h = 20;
  const double value = f(p);
  const Vec3 slope{(f({p.x + h, p.y, p.z}) - value) / h, (f({p.x, p.y + h, p.z}) - value) / h,
                   (f({p.x, p.y, p.z + h}) - value) / h};
  return value / std::max(0.4, length(slope));
}

/// Points spread over the box, one at random in each cell of a grid.
std::vector<Vec3> stratified_points(Vec3 extent, std::uint64_t seed) {
  constexpr int across = 40;
  const int along = static_cast<int>(std::clamp(extent.z / 250, 4.0, 160.0));
  Random random(seed);
  std::vector<Vec3> points;
  points.reserve(static_cast<std::size_t>(along) * across * across);
  for (int k = 0; k < along; ++k) {
    for (int j = 0; j < across; ++j) {
      for (int i = 0; i < across; ++i) {
        const double x = (i + random.uniform()) / across, y = (j + random.uniform()) / across,
                     z = (k + random.uniform()) / along;
        points.push_back({x * extent.x, y * extent.y, z * extent.z});
      }
    }
  }
  return points;
}

/// The level that a share of the values lies under.
double quantile(std::vector<double>& values, double share) {
  const auto rank =
      std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank), values.end());
  return values[rank];
}

/// Folds stand off the surface only near it.
constexpr double fold_reach = 1100;

double folded(double smooth, double fold) {
  return smooth + fold * bell(static_cast<float>(smooth / fold_reach));
}

/// The level that puts a share of the (smooth surface, fold) points outside, by bisection.
double level_for(const std::vector<std::pair<double, double>>& surfaces, double share) {
  double low = surfaces.front().first, high = low;
  for (const auto& [smooth, fold] : surfaces) {
    low = std::min(low, smooth);
    high = std::max(high, smooth + fold);
  }
  for (int k = 0; k < 24; ++k) {
    const double level = 0.5 * (low + high);
    const auto outside = std::count_if(surfaces.begin(), surfaces.end(),
                                       [&](const auto& s) { return folded(s.first - level, s.second) <= 0; });
    (static_cast<double>(outside) < share * static_cast<double>(surfaces.size()) ? low : high) = level;
  }
  return high;
}

}  // namespace

Cell::Cell(const PhantomParameters& parameters)
    : surface_seed_(static_cast<std::uint32_t>(substream(parameters.seed, 1))),
      nucleus_seed_(static_cast<std::uint32_t>(substream(parameters.seed, 2))),
      extent_{parameters.width * parameters.voxel_nm, parameters.height * parameters.voxel_nm,
              static_cast<double>(parameters.depth) * parameters.voxel_nm},
      has_resin_(parameters.content.resin_share > 0),
      has_nucleus_(parameters.content.nucleus_share > 0) {
  Random random(substream(parameters.seed, 3));
  const Vec3 any = random.direction();
  const Vec3 other = random.direction();
  // The surface runs along z, as the cell is taken to be longer than the stack is deep; noise tilts it.
  inward_ = normalized({any.x, any.y + (any.y < 0 ? -1e-6 : 1e-6), 0});
  const Vec3 middle = 0.5 * extent_;
  // A nucleus is larger than most fields of view: its centre is outside, opposite the resin.
  const Vec3 toward = normalized({inward_.x + 0.6 * other.x, inward_.y + 0.6 * other.y, 0});
  nucleus_centre_ = middle + (0.5 * std::max(extent_.x, extent_.y) + 2200) * toward;

  const std::vector<Vec3> points = stratified_points(extent_, substream(parameters.seed, 4));
  std::vector<double> values;
  values.reserve(points.size());
  if (has_resin_) {
    std::vector<std::pair<double, double>> surfaces;
    surfaces.reserve(points.size());
    for (const Vec3& p : points) {
      surfaces.emplace_back(smooth_surface(p), fold(p));
    }
    surface_level_ = level_for(surfaces, parameters.content.resin_share);
  }
  values.clear();
  for (const Vec3& p : points) {
    if (!has_resin_ || surface(p) > 0) {
      values.push_back(has_nucleus_ ? -nucleus(p) : far);
    }
  }
  resin_share_ = 1 - static_cast<double>(values.size()) / static_cast<double>(points.size());
  if (has_nucleus_) {
    nucleus_level_ = -quantile(values, parameters.content.nucleus_share);
    const auto in_nucleus =
        std::count_if(values.begin(), values.end(), [&](double v) { return -v > nucleus_level_; });
    nucleus_share_ = static_cast<double>(in_nucleus) / static_cast<double>(values.size());
  }
}

double Cell::smooth_surface(Vec3 p) const {
  return dot(p, inward_) + 420 * turned_noise(surface_seed_, p, 3600) +
         110 * turned_noise(surface_seed_ + 1, p, 950);
}

double Cell::fold(Vec3 p) const {
  // Walls along the zeros of a noise; a section shows them as fingers.
  const float wall = 1 - std::abs(turned_noise(surface_seed_ + 2, p, 1150)) / 0.2f;
  const float tall = 0.75f + 0.9f * turned_noise(surface_seed_ + 3, p, 1700);
  return 600 * std::max(0.0f, tall) * smooth_step(wall);
}

double Cell::surface(Vec3 p) const {
  const double smooth = smooth_surface(p) - surface_level_;
  return std::abs(smooth) < fold_reach ? folded(smooth, fold(p)) : smooth;
}

double Cell::nucleus(Vec3 p) const {
  const Vec3 q{p.x - nucleus_centre_.x, p.y - nucleus_centre_.y, 0};
  double value = -length(q) + 700 * value_noise(nucleus_seed_, p.z / 6000, 0.5, 0.5) +
                 260 * turned_noise(nucleus_seed_ + 1, p, 2600) +
                 70 * turned_noise(nucleus_seed_ + 2, p, 800);
  if (has_resin_) {
    // It keeps its distance to the cell's surface.
    value -= 3 * std::max(0.0, 450 - surface(p));
  }
  return value - nucleus_level_;
}

double Cell::inside_cell(Vec3 p) const {
  if (!has_resin_) {
    return far;
  }
  return distance_to_zero([this](Vec3 q) { return surface(q); }, p);
}

double Cell::inside_nucleus(Vec3 p) const {
  if (!has_nucleus_) {
    return -far;
  }
  return distance_to_zero([this](Vec3 q) { return nucleus(q); }, p);
}

}  // namespace fibflow::io::phantom
