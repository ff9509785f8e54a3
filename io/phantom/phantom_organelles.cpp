#include "io/phantom/phantom_organelles.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace fibflow::io::phantom {
namespace {

constexpr double layer_nm = 500;
constexpr double step_nm = 70;  ///< between points of an axis: a small angle at the bends that occur

// Least distances between surfaces, nm.
constexpr double gap_to_cell = 70;
constexpr double gap_to_nucleus = 60;
constexpr double gap_between = 45;

std::int64_t layer_of(double z) {
  return static_cast<std::int64_t>(std::floor(z / layer_nm));
}

Vec3 point_in(Random& random, Vec3 extent, double margin) {
  const double x = random.uniform(-margin, extent.x + margin), y = random.uniform(-margin, extent.y + margin),
               z = random.uniform(-margin, extent.z + margin);
  return {x, y, z};
}

bool in_stack(Vec3 p, Vec3 extent) {
  return p.x >= 0 && p.x < extent.x && p.y >= 0 && p.y < extent.y && p.z >= 0 && p.z < extent.z;
}

/// A vector at right angles to a unit vector.
Vec3 perpendicular(Vec3 t) {
  const Vec3 helper = std::abs(t.x) < 0.7 ? Vec3{1, 0, 0} : Vec3{0, 1, 0};
  return normalized(cross(t, helper));
}

/// Lengths, tangents and rotation-minimizing frames (parallel transport) along an axis.
void finish_axis(std::vector<AxisPoint>& axis) {
  const std::size_t n = axis.size();
  for (std::size_t i = 0; i < n; ++i) {
    const Vec3 from = axis[i == 0 ? 0 : i - 1].centre, to = axis[i + 1 == n ? i : i + 1].centre;
    axis[i].tangent = normalized(to - from);
    axis[i].along = i == 0 ? 0 : axis[i - 1].along + length(axis[i].centre - axis[i - 1].centre);
    const Vec3 carried = i == 0 ? perpendicular(axis[i].tangent) : axis[i - 1].normal;
    axis[i].normal = normalized(carried - dot(carried, axis[i].tangent) * axis[i].tangent);
    axis[i].binormal = cross(axis[i].tangent, axis[i].normal);
  }
}

/// The volume of a tube that lies in the stack, in nm3, from eight points in each of its cross-sections.
double volume_in_stack(const Mitochondrion& tube, Vec3 extent, double skin) {
  // A sunflower: equal areas, directions by the golden angle.
  constexpr double sunflower[8][2] = {{0.2500, 0.0},     {-0.3193, 0.2925},  {0.0489, -0.5568},
                                      {0.4025, 0.5250},  {-0.7385, -0.1306}, {0.6996, -0.4450},
                                      {-0.2344, 0.8705}, {-0.4469, -0.8587}};
  double volume = 0;
  const std::size_t n = tube.axis.size();
  for (std::size_t i = 0; i < n; ++i) {
    const AxisPoint& a = tube.axis[i];
    const double radius = a.radius + skin;
    // Half of each neighbouring segment; a round end counts as two thirds of a radius.
    const double share = (i == 0 || i + 1 == n ? 0.5 * step_nm + 2.0 / 3.0 * radius : step_nm) / 8;
    for (const auto& s : sunflower) {
      if (in_stack(a.centre + (radius * s[0]) * a.normal + (radius * s[1]) * a.binormal, extent)) {
        volume += share * 3.14159265 * radius * radius;
      }
    }
  }
  return volume;
}

}  // namespace

double Mitochondrion::inside(Vec3 p) const {
  double best = -1e9;
  for (std::size_t i = 0; i + 1 < axis.size(); ++i) {
    const Vec3 a = axis[i].centre, ab = axis[i + 1].centre - a, ap = p - a;
    const double t = std::clamp(dot(ap, ab) / dot(ab, ab), 0.0, 1.0);
    const double radius = axis[i].radius + t * (axis[i + 1].radius - axis[i].radius);
    best = std::max(best, radius - length(ap - t * ab));
  }
  return best;
}

double Body::inside(Vec3 p) const {
  // First-order distance to an ellipsoid: k0 (1 - k0) / k1 with k0 = |q / r| and k1 = |q / r^2|.
  const Vec3 q = local(p);
  const Vec3 u{q.x / radii.x, q.y / radii.y, q.z / radii.z};
  const Vec3 w{u.x / radii.x, u.y / radii.y, u.z / radii.z};
  const double k0 = length(u), k1 = length(w);
  return k1 < 1e-9 ? std::min({radii.x, radii.y, radii.z}) : k0 * (1 - k0) / k1;
}

void LayerIndex::add(int object, double z_low, double z_high) {
  for (std::int64_t k = layer_of(z_low); k <= layer_of(z_high); ++k) {
    layers_[k].push_back(object);
  }
}

std::vector<int> LayerIndex::near(double z_low, double z_high) const {
  std::vector<int> found;
  for (auto layer = layers_.lower_bound(layer_of(z_low));
       layer != layers_.end() && layer->first <= layer_of(z_high); ++layer) {
    found.insert(found.end(), layer->second.begin(), layer->second.end());
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

Organelles::Organelles(const PhantomParameters& parameters, const Cell& cell) {
  // Mitochondria are bent around what is there already; bodies cannot be.
  place_bodies(parameters, cell);
  place_mitochondria(parameters, cell);
}

double Organelles::inside_mitochondrion(Vec3 p, double reach) const {
  double best = -reach;
  for (const int k : tubes_by_z_.near(p.z - reach, p.z + reach)) {
    const Mitochondrion& tube = mitochondria_[static_cast<std::size_t>(k)];
    if (tube.box.contains(p, reach)) {
      best = std::max(best, tube.inside(p));
    }
  }
  return best;
}

double Organelles::inside_body(Vec3 p, double reach) const {
  double best = -reach;
  for (const int k : bodies_by_z_.near(p.z - reach, p.z + reach)) {
    const Body& body = bodies_[static_cast<std::size_t>(k)];
    const Vec3 q = p - body.centre;
    if (dot(q, q) < (body.reach + reach) * (body.reach + reach)) {
      best = std::max(best, body.inside(p));
    }
  }
  return best;
}

bool Organelles::has_room(const Cell& cell, Vec3 p, double radius) const {
  if (cell.inside_cell(p) < radius + gap_to_cell || cell.inside_nucleus(p) > -(radius + gap_to_nucleus) ||
      inside_mitochondrion(p, radius + gap_between) > -(radius + gap_between) ||
      inside_body(p, radius + gap_between) > -(radius + gap_between)) {
    return false;
  }
  // Those distances are first-order ones: a fold of the surface may be nearer. The corners of an icosahedron
  // look.
  constexpr double u = 0.5257311121, v = 0.8506508084;
  constexpr Vec3 corners[12] = {{u, v, 0},  {-u, v, 0},  {u, -v, 0}, {-u, -v, 0}, {0, u, v},  {0, -u, v},
                                {0, u, -v}, {0, -u, -v}, {v, 0, u},  {v, 0, -u},  {-v, 0, u}, {-v, 0, -u}};
  return std::all_of(std::begin(corners), std::end(corners),
                     [&](Vec3 corner) { return cell.in_cytoplasm(p + (radius + gap_to_cell) * corner); });
}

void Organelles::place_mitochondria(const PhantomParameters& parameters, const Cell& cell) {
  const Look& look = look_of(parameters.fixation);
  const Vec3 extent = cell.extent();
  const double cytoplasm =
      extent.x * extent.y * extent.z * (1 - cell.resin_share()) * (1 - cell.nucleus_share());
  const double target = parameters.content.mitochondria_share * cytoplasm;
  const double skin = 0.5 * look.membrane_half_nm;
  double placed = 0;
  Random random(substream(parameters.seed, 10));
  int failures = 0;
  constexpr int give_up = 900;
  while (target > 0 && failures < give_up) {
    ++failures;
    // As room gets scarce, shorter and thinner ones of the fixation's range are tried.
    const double scarcity = static_cast<double>(failures) / give_up;
    const double radius_max =
        look.mitochondrion_radius_max_nm -
        scarcity * (look.mitochondrion_radius_max_nm - look.mitochondrion_radius_min_nm);
    const double radius = random.uniform(look.mitochondrion_radius_min_nm, radius_max);
    const double wanted = look.mitochondrion_length_min_nm +
                          (1 - scarcity) * random.uniform() *
                              (look.mitochondrion_length_max_nm - look.mitochondrion_length_min_nm);
    const Vec3 start = point_in(random, extent, radius);
    const Vec3 heading = random.direction();
    const double phase = random.uniform();
    if (!has_room(cell, start, radius)) {
      continue;
    }
    // The axis grows both ways from its start: a walk whose curvature wanders, turning where there is no
    // room.
    Mitochondrion tube;
    tube.seed = static_cast<std::uint32_t>(random.bits());
    const auto radius_at = [&](double s) {
      return radius * (1 + 0.14 * value_noise(tube.seed, s / (3 * radius), phase, 0.5));
    };
    std::vector<AxisPoint> ways[2];
    for (int way = 0; way < 2; ++way) {
      Vec3 direction = way == 0 ? heading : -1.0 * heading;
      Vec3 curvature{};
      Vec3 at = start;
      const double reach = 0.5 * wanted;
      for (double s = step_nm; s <= reach + 1; s += step_nm) {
        bool grown = false;
        for (int attempt = 0; attempt < 5 && !grown; ++attempt) {
          const Vec3 push = ((1 + attempt) * look.mitochondrion_bend / radius) * random.direction();
          const Vec3 bent = 0.75 * curvature + push;
          const Vec3 next_direction = normalized(direction + step_nm * bent);
          const Vec3 next = at + step_nm * next_direction;
          if (has_room(cell, next, 1.14 * radius)) {
            grown = true;
            at = next;
            curvature = bent - dot(bent, next_direction) * next_direction;
            direction = next_direction;
            AxisPoint point;
            point.centre = at;
            point.radius = radius_at(way == 0 ? s : -s);
            ways[way].push_back(point);
          }
        }
        if (!grown) {
          break;
        }
      }
    }
    std::vector<AxisPoint>& axis = tube.axis;
    axis.assign(ways[1].rbegin(), ways[1].rend());
    AxisPoint middle;
    middle.centre = start;
    middle.radius = radius_at(0);
    axis.push_back(middle);
    axis.insert(axis.end(), ways[0].begin(), ways[0].end());
    if (axis.size() < 3 ||
        static_cast<double>(axis.size() - 1) * step_nm < 0.9 * look.mitochondrion_length_min_nm) {
      continue;
    }
    // Ends are a little thinner.
    axis.front().radius *= 0.85;
    axis.back().radius *= 0.85;
    finish_axis(axis);
    tube.axis_length = axis.back().along;
    const double volume = volume_in_stack(tube, extent, skin);
    // One that overshoots by more than it helps is not taken.
    if (volume <= 0 || placed + volume - target > std::max(0.0, target - placed)) {
      continue;
    }
    tube.swollen = random.uniform() < look.swollen_share;
    tube.lengthwise = random.uniform() < 0.25;
    tube.spacing =
        static_cast<float>(random.uniform(look.crista_spacing_min_nm, look.crista_spacing_max_nm)) *
        (tube.swollen ? 1.6f : 1.0f);
    tube.half_lumen =
        static_cast<float>(tube.swollen ? 1.2 * look.crista_half_max_nm
                                        : random.uniform(look.crista_half_min_nm, look.crista_half_max_nm));
    tube.tilt = static_cast<float>(random.uniform(-0.4, 0.4));
    const Vec3 stacked = random.direction();
    const double flat = std::sqrt(stacked.x * stacked.x + stacked.y * stacked.y + 1e-6);
    tube.crista_direction_n = static_cast<float>(stacked.x / flat);
    tube.crista_direction_b = static_cast<float>(stacked.y / flat);
    tube.box = {axis.front().centre, axis.front().centre};
    for (const AxisPoint& a : axis) {
      tube.box.include(a.centre, a.radius);
    }
    tubes_by_z_.add(static_cast<int>(mitochondria_.size()), tube.box.low.z, tube.box.high.z);
    mitochondria_.push_back(std::move(tube));
    placed += volume;
    failures = 0;
    if (placed >= 0.99 * target) {
      break;
    }
  }
}

void Organelles::place_bodies(const PhantomParameters& parameters, const Cell& cell) {
  const Vec3 extent = cell.extent();
  constexpr double margin = 450;
  const double volume_um3 =
      (extent.x + 2 * margin) * (extent.y + 2 * margin) * (extent.z + 2 * margin) * 1e-9;
  const PhantomContent& content = parameters.content;
  const struct {
    BodyKind kind;
    double per_um3;
    double radius_min, radius_max;
  } wanted[] = {{BodyKind::golgi, content.golgi_per_um3, 280, 420},
                {BodyKind::lysosome, 0.6 * content.lysosomes_per_um3, 130, 330},
                {BodyKind::multivesicular, 0.4 * content.lysosomes_per_um3, 130, 260},
                {BodyKind::lipid_droplet, content.lipid_droplets_per_um3, 120, 380}};
  std::uint64_t stream = 20;
  for (const auto& [kind, per_um3, radius_min, radius_max] : wanted) {
    Random random(substream(parameters.seed, stream++));
    // A random remainder makes the mean right where fewer than one is expected.
    const auto count = static_cast<int>(per_um3 * volume_um3 + random.uniform());
    for (int k = 0; k < count; ++k) {
      Body body;
      body.kind = kind;
      body.centre = point_in(random, extent, margin);
      body.axis[0] = random.direction();
      body.axis[1] = perpendicular(body.axis[0]);
      body.axis[2] = cross(body.axis[0], body.axis[1]);
      const double radius = random.uniform(radius_min, radius_max);
      // Droplets are spheres by surface tension, Golgi stacks flat along axis 0.
      const double flatness = kind == BodyKind::golgi           ? random.uniform(0.35, 0.5)
                              : kind == BodyKind::lipid_droplet ? 0.98
                                                                : random.uniform(0.7, 1);
      body.radii = {flatness * radius, radius, (kind == BodyKind::golgi ? 0.8 : 0.95) * radius};
      body.reach = radius;
      body.seed = static_cast<std::uint32_t>(random.bits());
      if (has_room(cell, body.centre, radius)) {
        bodies_by_z_.add(static_cast<int>(bodies_.size()), body.centre.z - radius, body.centre.z + radius);
        bodies_.push_back(body);
      }
    }
  }
}

}  // namespace fibflow::io::phantom
