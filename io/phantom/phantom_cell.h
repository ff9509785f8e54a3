#pragma once

#include <cstdint>

#include "io/phantom/phantom.h"
#include "io/phantom/phantom_noise.h"

namespace fibflow::io::phantom {

/// The large shapes: where the cell ends and its nucleus begins, as level sets of smooth functions whose
/// levels are chosen so that the shares come out. Immutable.
class Cell {
 public:
  explicit Cell(const PhantomParameters& parameters);

  /// Distance to the cell's surface in nm, positive inside the cell. Accurate near the surface.
  double inside_cell(Vec3 p) const;

  /// Distance to the outer nuclear membrane in nm, positive inside the nucleus.
  double inside_nucleus(Vec3 p) const;

  /// Whether p is in the cell but not in its nucleus; cheaper than the distances.
  bool in_cytoplasm(Vec3 p) const {
    return (!has_resin_ || surface(p) > 0) && (!has_nucleus_ || nucleus(p) < 0);
  }

  bool has_resin() const { return has_resin_; }
  bool has_nucleus() const { return has_nucleus_; }
  double resin_share() const { return resin_share_; }      ///< of the volume, estimated
  double nucleus_share() const { return nucleus_share_; }  ///< of the cell, estimated

  /// The stack's box in nm: from (0, 0, 0) to this corner.
  Vec3 extent() const { return extent_; }

 private:
  double smooth_surface(Vec3 p) const;
  double fold(Vec3 p) const;
  double surface(Vec3 p) const;
  double nucleus(Vec3 p) const;

  std::uint32_t surface_seed_;
  std::uint32_t nucleus_seed_;
  Vec3 extent_;
  Vec3 inward_;  ///< from the resin to the cell
  Vec3 nucleus_centre_;
  bool has_resin_;
  bool has_nucleus_;
  double surface_level_ = 0;
  double nucleus_level_ = 0;
  double resin_share_ = 0;
  double nucleus_share_ = 0;
};

}  // namespace fibflow::io::phantom
