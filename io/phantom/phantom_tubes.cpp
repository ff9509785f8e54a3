#include <algorithm>
#include <cmath>

#include "io/phantom/phantom_tissue.h"

namespace fibflow::io::phantom {
namespace {

/// The place of a point in the coordinates of a mitochondrion: along its axis and in its cross-section, nm.
struct TubePlace {
  float along;
  float across_n;
  float across_b;
  float radius;
};

TubePlace place_in(const Mitochondrion& tube, std::size_t segment, double t, Vec3 p) {
  const AxisPoint &a = tube.axis[segment], &b = tube.axis[segment + 1];
  const auto between = [t](Vec3 from, Vec3 to) { return from + t * (to - from); };
  const Vec3 q = p - between(a.centre, b.centre);
  return {static_cast<float>(a.along + t * (b.along - a.along) + dot(q, between(a.tangent, b.tangent))),
          static_cast<float>(dot(q, between(a.normal, b.normal))),
          static_cast<float>(dot(q, between(a.binormal, b.binormal))),
          static_cast<float>(a.radius + t * (b.radius - a.radius))};
}

/// Distance to the nearest crista's surface in nm, positive in its lumen. Cristae are sheets, stacked along
/// the axis or across it, each of which grows from one side and ends somewhere in the matrix.
float inside_crista(const Mitochondrion& tube, const TubePlace& place, float warp) {
  float stack = 0, half_length = 0;
  if (tube.lengthwise) {
    stack = tube.crista_direction_n * place.across_n + tube.crista_direction_b * place.across_b + warp;
    half_length = 0.5f * static_cast<float>(tube.axis_length) + place.radius;
  } else {
    stack = place.along + tube.tilt * place.across_n + warp;
    half_length = place.radius;
  }
  const float cell = stack / tube.spacing;
  const auto first = static_cast<std::int32_t>(std::floor(cell - 0.5f));
  float best = -1e6f;
  for (std::int32_t k = first; k <= first + 1; ++k) {
    const std::uint32_t h = lattice_hash(tube.seed, k, 1, 2);
    const std::uint32_t g = lattice_hash(tube.seed, k, 3, 4);
    if (g % 13 == 0) {
      continue;  // one is missing here and there
    }
    const float centre = (static_cast<float>(k) + 0.5f + 0.4f * (unit(h) - 0.5f)) * tube.spacing;
    // Most cross half to nearly all of the matrix.
    const float end = half_length * (0.15f - 1.2f * unit(lattice_hash(tube.seed, k, 5, 6)));
    float from_side = 0;
    if (tube.lengthwise) {
      const float middle = place.along - 0.5f * static_cast<float>(tube.axis_length);
      from_side = (h & 1) != 0 ? middle : -middle;
    } else {
      const float x = unit(g) - 0.5f, y = unit(lattice_hash(tube.seed, k, 7, 8)) - 0.5f;
      from_side = (x * place.across_n + y * place.across_b) / std::sqrt(x * x + y * y + 1e-4f);
    }
    best = std::max(best, std::min(tube.half_lumen - std::abs(stack - centre), from_side - end));
  }
  return best;
}

}  // namespace

TubeCut cut_tubes(const Scene& scene, const Plane& plane, const LargeShapes& shapes) {
  const std::size_t pixels = static_cast<std::size_t>(plane.height) * static_cast<std::size_t>(plane.width);
  TubeCut cut{std::vector<float>(pixels, -tube_reach), std::vector<std::int32_t>(pixels, -1),
              std::vector<std::int16_t>(pixels, 0), std::vector<float>(pixels, 0)};
  for (const int index : scene.organelles.mitochondria_near(plane.z - tube_reach, plane.z + tube_reach)) {
    const Mitochondrion& tube = scene.organelles.mitochondria()[static_cast<std::size_t>(index)];
    for (std::size_t s = 0; s + 1 < tube.axis.size(); ++s) {
      const AxisPoint &a = tube.axis[s], &b = tube.axis[s + 1];
      Box box{a.centre, a.centre};
      box.include(a.centre, a.radius + tube_reach);
      box.include(b.centre, b.radius + tube_reach);
      if (plane.z < box.low.z || plane.z > box.high.z) {
        continue;
      }
      const int left = std::max(0, static_cast<int>(std::ceil((box.low.x - plane.x) / plane.voxel)));
      const int right =
          std::min(plane.width - 1, static_cast<int>(std::floor((box.high.x - plane.x) / plane.voxel)));
      const int top = std::max(0, static_cast<int>(std::ceil((box.low.y - plane.y) / plane.voxel)));
      const int bottom =
          std::min(plane.height - 1, static_cast<int>(std::floor((box.high.y - plane.y) / plane.voxel)));
      const Vec3 ab = b.centre - a.centre;
      const double per_length = 1 / dot(ab, ab);
      const double thickening = b.radius - a.radius;
      for (int r = top; r <= bottom; ++r) {
        for (int c = left; c <= right; ++c) {
          const Vec3 ap = plane.at(r, c) - a.centre;
          const double t = std::clamp(dot(ap, ab) * per_length, 0.0, 1.0);
          const float inside = static_cast<float>(a.radius + t * thickening - length(ap - t * ab));
          const std::size_t k = static_cast<std::size_t>(r) * static_cast<std::size_t>(plane.width) +
                                static_cast<std::size_t>(c);
          if (inside > cut.inside[k]) {
            cut.inside[k] = inside;
            cut.tube[k] = index;
            cut.segment[k] = static_cast<std::int16_t>(s);
            cut.fraction[k] = static_cast<float>(t);
          }
        }
      }
    }
  }
  // The surface is not that of a perfect tube.
  const std::uint32_t seed = scene.texture(1);
  const int step = std::max(1, static_cast<int>(24 / plane.voxel));
  const PlaneField wobble(plane, step, [&](Vec3 p) { return turned_noise(seed, p, 260); });
  std::vector<float> row(static_cast<std::size_t>(plane.width));
  for (int r = 0; r < plane.height; ++r) {
    wobble.row(r, row.data());
    const std::size_t k = static_cast<std::size_t>(r) * static_cast<std::size_t>(plane.width);
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (cut.tube[k + c] >= 0) {
        cut.inside[k + c] =
            shapes.pressed_in(k + c, cut.inside[k + c] + scene.look.mitochondrion_wobble_nm * row[c]);
      }
    }
  }
  return cut;
}

void paint_tubes(const Scene& scene, const Plane& plane, const TubeCut& cut, const std::vector<float>& fine,
                 std::vector<float>& gray) {
  const Look& look = scene.look;
  const Membrane outer(look.membrane, look.membrane_opacity, look.membrane_half_nm, plane.voxel);
  const Membrane crista(look.crista_membrane, look.crista_opacity, 0.85f * look.membrane_half_nm,
                        plane.voxel);
  const std::uint32_t seed = scene.texture(2);
  std::size_t k = 0;
  for (int r = 0; r < plane.height; ++r) {
    for (int c = 0; c < plane.width; ++c, ++k) {
      const float inside = cut.inside[k];
      if (cut.tube[k] < 0 || inside < -outer.half) {
        continue;
      }
      const Mitochondrion& tube = scene.organelles.mitochondria()[static_cast<std::size_t>(cut.tube[k])];
      // Space between the membranes, then the matrix.
      const float in_matrix = inside - look.inner_membrane_nm;
      float pixel = 0.5f * (look.crista_lumen + look.matrix);
      if (in_matrix > -outer.half) {
        const Vec3 p = plane.at(r, c);
        const float swelling = tube.swollen ? 0.45f : 0.12f * value_noise(tube.seed, 0.5, 0.5, 0.5);
        float matrix = look.matrix + look.matrix_texture * fine[k] + swelling * (look.lumen - look.matrix);
        const TubePlace place = place_in(tube, static_cast<std::size_t>(cut.segment[k]), cut.fraction[k], p);
        const float warp = look.crista_waviness_nm * turned_noise(seed, p, 230);
        const float lumen = inside_crista(tube, place, warp);
        matrix += coverage(lumen, plane.voxel) * (look.crista_lumen - matrix);
        crista.paint(matrix, lumen);
        pixel += coverage(in_matrix, plane.voxel) * (matrix - pixel);
      }
      outer.paint(pixel, in_matrix);
      gray[k] += coverage(inside, plane.voxel) * (pixel - gray[k]);
      outer.paint(gray[k], inside);
    }
  }
}

}  // namespace fibflow::io::phantom
