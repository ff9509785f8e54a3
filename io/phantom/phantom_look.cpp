#include "io/phantom/phantom_look.h"

namespace fibflow::io::phantom {
namespace {

constexpr Look chemical_look{
    .resin = 214,
    .cytosol = 184,
    .cytosol_texture = 15,
    .ribosome = 70,
    .ribosomes_per_um3 = 10000,
    .membrane = 38,
    .membrane_opacity = 0.95f,
    .membrane_half_nm = 12,
    .matrix = 100,
    .matrix_texture = 14,
    .inner_membrane_nm = 22,
    .crista_membrane = 44,
    .crista_opacity = 0.95f,
    .crista_lumen = 166,
    .crista_half_min_nm = 5,
    .crista_half_max_nm = 13,
    .crista_spacing_min_nm = 58,
    .crista_spacing_max_nm = 95,
    .crista_waviness_nm = 50,
    .lumen = 196,
    .er_half_nm = 30,
    .nucleoplasm = 178,
    .chromatin = 112,
    .chromatin_clumping = 0.8f,
    .lysosome = 62,
    .lipid = 78,
    .mitochondrion_radius_min_nm = 170,
    .mitochondrion_radius_max_nm = 300,
    .mitochondrion_length_min_nm = 150,
    .mitochondrion_length_max_nm = 1600,
    .mitochondrion_bend = 0.22,
    .mitochondrion_wobble_nm = 18,
    .swollen_share = 0.2,
};

constexpr Look cryo_look{
    .resin = 200,
    .cytosol = 132,
    .cytosol_texture = 12,
    .ribosome = 36,
    .ribosomes_per_um3 = 15000,
    .membrane = 74,
    .membrane_opacity = 0.85f,
    .membrane_half_nm = 15,
    .matrix = 106,
    .matrix_texture = 12,
    .inner_membrane_nm = 23,
    .crista_membrane = 76,
    .crista_opacity = 0.9f,
    .crista_lumen = 148,
    .crista_half_min_nm = 2,
    .crista_half_max_nm = 5,
    .crista_spacing_min_nm = 46,
    .crista_spacing_max_nm = 66,
    .crista_waviness_nm = 26,
    .lumen = 158,
    .er_half_nm = 20,
    .nucleoplasm = 146,
    .chromatin = 118,
    .chromatin_clumping = 0.15f,
    .lysosome = 88,
    .lipid = 176,
    .mitochondrion_radius_min_nm = 110,
    .mitochondrion_radius_max_nm = 180,
    .mitochondrion_length_min_nm = 900,
    .mitochondrion_length_max_nm = 4500,
    .mitochondrion_bend = 0.16,
    .mitochondrion_wobble_nm = 8,
    .swollen_share = 0,
};

}  // namespace

const Look& look_of(Fixation fixation) {
  return fixation == Fixation::chemical ? chemical_look : cryo_look;
}

}  // namespace fibflow::io::phantom
