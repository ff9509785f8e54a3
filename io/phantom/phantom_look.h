#pragma once

#include "io/phantom/phantom.h"

namespace fibflow::io::phantom {

/// Gray levels (0 to 255, before acquisition) and lengths (nm) of one fixation; the table in phantom.h in
/// numbers.
struct Look {
  float resin;
  float cytosol;
  float cytosol_texture;  ///< amplitude of the protein texture, gray levels
  float ribosome;         ///< gray levels that a ribosome takes away at its centre
  double ribosomes_per_um3;
  float membrane;          ///< gray of a membrane at its core
  float membrane_opacity;  ///< how much of that gray shows, 0 to 1
  float membrane_half_nm;
  float matrix;
  float matrix_texture;
  float inner_membrane_nm;  ///< depth of the inner mitochondrial membrane below the outer one
  float crista_membrane;
  float crista_opacity;
  float crista_lumen;
  float crista_half_min_nm;  ///< half width of the lumen
  float crista_half_max_nm;
  double crista_spacing_min_nm;
  double crista_spacing_max_nm;
  float crista_waviness_nm;
  float lumen;  ///< of ER and vesicles
  float er_half_nm;
  float nucleoplasm;
  float chromatin;
  float chromatin_clumping;  ///< 0 spread, 1 in sharp clumps
  float lysosome;
  float lipid;

  double mitochondrion_radius_min_nm;
  double mitochondrion_radius_max_nm;
  double mitochondrion_length_min_nm;  ///< of the axis, without the round ends
  double mitochondrion_length_max_nm;
  double mitochondrion_bend;  ///< curvature of the axis relative to 1 / radius
  float mitochondrion_wobble_nm;
  double swollen_share;
};

const Look& look_of(Fixation fixation);

}  // namespace fibflow::io::phantom
