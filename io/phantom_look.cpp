#include "io/phantom_look.h"

namespace fibflow::io::phantom {
namespace {

constexpr Look chemical_look{
    .resin = 214,
    .cytosol = 172,
    .cytosol_texture = 13,
    .ribosome = 58,
    .ribosomes_per_um3 = 9000,
    .membrane = 44,
    .membrane_opacity = 0.95f,
    .membrane_half_nm = 9,
    .matrix = 96,
    .matrix_texture = 9,
    .inner_membrane_nm = 26,
    .crista_membrane = 52,
    .crista_opacity = 0.85f,
    .crista_lumen = 158,
    .crista_half_min_nm = 6,
    .crista_half_max_nm = 16,
    .crista_spacing_min_nm = 75,
    .crista_spacing_max_nm = 120,
    .crista_waviness_nm = 34,
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
    .cytosol = 134,
    .cytosol_texture = 12,
    .ribosome = 34,
    .ribosomes_per_um3 = 15000,
    .membrane = 84,
    .membrane_opacity = 0.85f,
    .membrane_half_nm = 12,
    .matrix = 152,
    .matrix_texture = 7,
    .inner_membrane_nm = 24,
    .crista_membrane = 104,
    .crista_opacity = 0.8f,
    .crista_lumen = 168,
    .crista_half_min_nm = 2,
    .crista_half_max_nm = 5,
    .crista_spacing_min_nm = 55,
    .crista_spacing_max_nm = 80,
    .crista_waviness_nm = 18,
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

const Look& look_of(Fixation fixation) { return fixation == Fixation::chemical ? chemical_look : cryo_look; }

}  // namespace fibflow::io::phantom
