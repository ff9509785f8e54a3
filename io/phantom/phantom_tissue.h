#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "io/phantom/phantom_cell.h"
#include "io/phantom/phantom_look.h"
#include "io/phantom/phantom_noise.h"
#include "io/phantom/phantom_organelles.h"

namespace fibflow::io::phantom {

/// All that a slice is cut from. Immutable.
struct Scene {
  explicit Scene(const PhantomParameters& p)
      : parameters(p), look(look_of(p.fixation)), cell(p), organelles(p, cell) {}

  PhantomParameters parameters;
  Look look;
  Cell cell;
  Organelles organelles;

  /// A seed for one kind of texture.
  std::uint32_t texture(std::uint64_t stream) const {
    return static_cast<std::uint32_t>(substream(parameters.seed, 100 + stream));
  }
};

/// Distances to the large shapes in nm, positive inside, [height, width].
struct LargeShapes {
  LargeShapes(const Scene& scene, const Plane& plane);

  /// The distance to an organelle's surface where the membranes of cell and nucleus press it in: they are
  /// first-order distances, and the placing of organelles looks at samples of them, so that one could
  /// otherwise reach through.
  float pressed_in(std::size_t pixel, float inside) const {
    constexpr float gap = 40;
    return std::min({inside, cell[pixel] - gap, -nucleus[pixel] - gap});
  }

  std::vector<float> cell;
  std::vector<float> nucleus;
};

/// The nearest mitochondrion of each pixel of a plane, [height, width].
struct TubeCut {
  std::vector<float> inside;  ///< distance to its surface in nm, positive inside; -reach where none is near
  std::vector<std::int32_t> tube;
  std::vector<std::int16_t> segment;
  std::vector<float> fraction;  ///< of the segment
};

/// How far around a mitochondrion a TubeCut is filled in, nm.
constexpr float tube_reach = 120;

TubeCut cut_tubes(const Scene& scene, const Plane& plane, const LargeShapes& shapes);

/// Whether a distance counts as the mitochondrion: the outer half of its outer membrane is part of it.
inline bool is_mitochondrion(const Look& look, float inside) {
  return inside >= -0.5f * look.membrane_half_nm;
}

/// A membrane as this voxel size can show it: not thinner than a voxel, then fainter.
struct Membrane {
  Membrane(float gray_, float opacity_, float half_nm, double voxel)
      : gray(gray_),
        half(std::max(half_nm, 0.85f * static_cast<float>(voxel))),
        opacity(opacity_ * half_nm / half) {}

  float gray;
  float half;  ///< nm
  float opacity;

  void paint(float& pixel, float distance, float strength = 1) const {
    pixel += strength * opacity * bell(distance / half) * (gray - pixel);
  }
};

/// How much of a pixel at this distance is inside, with an edge as soft as a voxel.
inline float coverage(float inside, double voxel) {
  return smooth_step(0.5f + inside / (1.6f * static_cast<float>(voxel)));
}

/// Paints the mitochondria of a cut over the gray levels of a plane.
void paint_tubes(const Scene& scene, const Plane& plane, const TubeCut& cut, const std::vector<float>& fine,
                 std::vector<float>& gray);

/// A plane as it is before the microscope.
struct Tissue {
  std::vector<float> gray;    ///< 0 to 255
  std::vector<float> charge;  ///< how much a pixel charges up, 0 to about 1; empty unless asked for
};

Tissue paint_tissue(const Scene& scene, const Plane& plane, bool with_charge);

}  // namespace fibflow::io::phantom
