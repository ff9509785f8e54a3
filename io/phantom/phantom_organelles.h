#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "io/phantom/phantom_cell.h"
#include "io/phantom/phantom_look.h"
#include "io/phantom/phantom_noise.h"

namespace fibflow::io::phantom {

/// An axis-parallel box in nm.
struct Box {
  Vec3 low;
  Vec3 high;

  void include(Vec3 p, double margin) {
    low = {std::min(low.x, p.x - margin), std::min(low.y, p.y - margin), std::min(low.z, p.z - margin)};
    high = {std::max(high.x, p.x + margin), std::max(high.y, p.y + margin), std::max(high.z, p.z + margin)};
  }
  bool contains(Vec3 p, double margin) const {
    return p.x > low.x - margin && p.x < high.x + margin && p.y > low.y - margin && p.y < high.y + margin &&
           p.z > low.z - margin && p.z < high.z + margin;
  }
};

/// One point of a mitochondrion's axis with the frame that its cristae are laid out in.
struct AxisPoint {
  Vec3 centre;
  Vec3 tangent;
  Vec3 normal;
  Vec3 binormal;
  double radius = 0;
  double along = 0;  ///< nm from the axis' beginning
};

/// A bent tube with round ends; its surface is the outer membrane.
struct Mitochondrion {
  std::vector<AxisPoint> axis;
  Box box;
  double axis_length = 0;  ///< nm
  std::uint32_t seed = 0;
  bool swollen = false;
  bool lengthwise = false;       ///< cristae along the axis instead of across
  float spacing = 80;            ///< of the cristae, nm
  float half_lumen = 5;          ///< of the cristae, nm
  float tilt = 0;                ///< of the cristae against the cross-section
  float crista_direction_n = 1;  ///< for lengthwise cristae: the direction they are stacked in
  float crista_direction_b = 0;

  /// Distance to the surface in nm, positive inside.
  double inside(Vec3 p) const;
};

enum class BodyKind { lysosome, multivesicular, lipid_droplet, golgi };

/// An ellipsoid.
struct Body {
  BodyKind kind;
  Vec3 centre;
  Vec3 axis[3];      ///< orthonormal
  Vec3 radii;        ///< nm, along the axes
  double reach = 0;  ///< nm, the largest radius
  std::uint32_t seed = 0;

  /// p in the body's axes, nm from its centre.
  Vec3 local(Vec3 p) const {
    const Vec3 q = p - centre;
    return {dot(q, axis[0]), dot(q, axis[1]), dot(q, axis[2])};
  }
  /// Distance to the surface in nm, positive inside.
  double inside(Vec3 p) const;
};

/// Which objects are near a z: lists by layers of 500 nm.
class LayerIndex {
 public:
  void add(int object, double z_low, double z_high);
  /// Objects that may reach [z_low, z_high], ascending, each once.
  std::vector<int> near(double z_low, double z_high) const;

 private:
  std::map<std::int64_t, std::vector<int>> layers_;
};

/// The objects of the cytoplasm, placed so that none touches another, the nucleus or the cell's surface.
/// Immutable.
class Organelles {
 public:
  Organelles(const PhantomParameters& parameters, const Cell& cell);

  const std::vector<Mitochondrion>& mitochondria() const { return mitochondria_; }
  const std::vector<Body>& bodies() const { return bodies_; }
  std::vector<int> mitochondria_near(double z_low, double z_high) const {
    return tubes_by_z_.near(z_low, z_high);
  }
  std::vector<int> bodies_near(double z_low, double z_high) const { return bodies_by_z_.near(z_low, z_high); }

  /// Distance from p to the nearest mitochondrion's surface in nm, negative outside of all, at most `reach`
  /// away.
  double inside_mitochondrion(Vec3 p, double reach) const;
  /// The same for bodies.
  double inside_body(Vec3 p, double reach) const;

 private:
  void place_mitochondria(const PhantomParameters& parameters, const Cell& cell);
  void place_bodies(const PhantomParameters& parameters, const Cell& cell);
  bool has_room(const Cell& cell, Vec3 p, double radius) const;

  std::vector<Mitochondrion> mitochondria_;
  std::vector<Body> bodies_;
  LayerIndex tubes_by_z_;
  LayerIndex bodies_by_z_;
};

}  // namespace fibflow::io::phantom
