#include "io/phantom/phantom_tissue.h"

#include <algorithm>
#include <cmath>

namespace fibflow::io::phantom {
namespace {

int step_of(const Plane& plane, double nm) {
  return std::max(1, static_cast<int>(nm / plane.voxel));
}

std::size_t pixels_of(const Plane& plane) {
  return static_cast<std::size_t>(plane.height) * static_cast<std::size_t>(plane.width);
}

/// Noise over its slope: the distance to where it is 0, nm, positive where the noise (less a level) is.
double distance_to_level(std::uint32_t seed, Vec3 p, double wavelength, float level) {
  const double h = 0.03 * wavelength;
  const float value = turned_noise(seed, p, wavelength);
  const Vec3 slope{(turned_noise(seed, {p.x + h, p.y, p.z}, wavelength) - value) / h,
                   (turned_noise(seed, {p.x, p.y + h, p.z}, wavelength) - value) / h,
                   (turned_noise(seed, {p.x, p.y, p.z + h}, wavelength) - value) / h};
  return (value - level) / std::max(0.5 / wavelength, length(slope));
}

/// Calls visit(centre, hash) for each point of a jittered lattice that lies within reach of the plane: one
/// point per cell of `pitch` nm, kept with a probability; `reach` at most one pitch.
template <typename Visit>
void for_scattered(const Plane& plane, std::uint32_t seed, double pitch, double reach, double probability,
                   double rim, Visit&& visit) {
  const auto cell = [pitch](double nm) { return static_cast<std::int32_t>(std::floor(nm / pitch)); };
  const double right = plane.x + plane.width * plane.voxel, bottom = plane.y + plane.height * plane.voxel;
  for (std::int32_t kz = cell(plane.z - reach); kz <= cell(plane.z + reach); ++kz) {
    for (std::int32_t ky = cell(plane.y - reach); ky <= cell(bottom + reach); ++ky) {
      for (std::int32_t kx = cell(plane.x - reach); kx <= cell(right + reach); ++kx) {
        const std::uint32_t h = lattice_hash(seed, kx, ky, kz);
        if (unit(h) >= probability) {
          continue;
        }
        const auto jitter = [&](std::uint32_t salt) {
          return rim + (1 - 2 * rim) * static_cast<double>(unit(lattice_hash(seed ^ salt, kx, ky, kz)));
        };
        const Vec3 centre{(kx + jitter(0x68bc21ebu)) * pitch, (ky + jitter(0x02e5be93u)) * pitch,
                          (kz + jitter(0x967a889bu)) * pitch};
        if (std::abs(centre.z - plane.z) < reach) {
          visit(centre, lattice_hash(seed ^ 0x51633e2du, kx, ky, kz));
        }
      }
    }
  }
}

/// Ribosomes as soft balls: 0 where there is none, 1 at the centre of one.
std::vector<float> splat_ribosomes(const Scene& scene, const Plane& plane) {
  std::vector<float> granules(pixels_of(plane), 0.0f);
  constexpr double pitch = 40, reach = 26;
  const double probability = scene.look.ribosomes_per_um3 * pitch * pitch * pitch * 1e-9;
  for_scattered(plane, scene.texture(3), pitch, reach, probability, 0, [&](Vec3 centre, std::uint32_t h) {
    const double radius = 17 + 9 * static_cast<double>(unit(h));
    const double dz = plane.z - centre.z;
    const float strength = 0.6f + 0.6f * unit(h * 0x9E3779B1u);
    const Window w(plane, centre, radius);
    const float scale = static_cast<float>(1 / (radius * radius));
    for (int r = w.top; r <= w.bottom; ++r) {
      float* row = granules.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(plane.width);
      const double dy = plane.y + r * plane.voxel - centre.y;
      for (int c = w.left; c <= w.right; ++c) {
        const double dx = plane.x + c * plane.voxel - centre.x;
        const float k = 1 - scale * static_cast<float>(dx * dx + dy * dy + dz * dz);
        if (k > 0) {
          row[c] += strength * k * k;
        }
      }
    }
  });
  return granules;
}

/// The minimum of two distances whose edge is rounded over `size` nm.
float rounded_minimum(float a, float b, float size) {
  const float h = std::max(size - std::abs(a - b), 0.0f) / size;
  return std::min(a, b) - 0.25f * size * h * h;
}

/// A noise and how far a nm goes in it, so that distances to any of its levels can be had.
struct LevelField {
  LevelField(const Plane& plane, std::uint32_t seed, double wavelength)
      : value(plane, step_of(plane, 24), [=](Vec3 p) { return turned_noise(seed, p, wavelength); }),
        nm_per_unit(plane, step_of(plane, 24), [=](Vec3 p) {
          const double h = 0.03 * wavelength;
          const float here = turned_noise(seed, p, wavelength);
          const Vec3 slope{(turned_noise(seed, {p.x + h, p.y, p.z}, wavelength) - here) / h,
                           (turned_noise(seed, {p.x, p.y + h, p.z}, wavelength) - here) / h,
                           (turned_noise(seed, {p.x, p.y, p.z + h}, wavelength) - here) / h};
          return 1 / std::max(0.5 / wavelength, length(slope));
        }) {}
  PlaneField value, nm_per_unit;
};

/// Endoplasmic reticulum. Sheets lie where a noise crosses one of several levels, which stacks them; tubules
/// where two noises cross theirs. Slow noises say where there are any. Distances to its membrane in nm,
/// positive in the lumen.
class Reticulum {
 public:
  Reticulum(const Scene& scene, const Plane& plane)
      : half_(scene.look.er_half_nm),
        sheet_(plane, scene.texture(4), 1100),
        crossing_(plane, scene.texture(5), 800),
        sheets_here_(plane, step_of(plane, 32),
                     [&](Vec3 p) {
                       return distance_to_level(
                           scene.texture(6), p, 1500,
                           static_cast<float>(0.38 - 0.3 * scene.parameters.content.er_density));
                     }),
        tubules_here_(plane, step_of(plane, 32), [&](Vec3 p) {
          return distance_to_level(scene.texture(7), p, 1300,
                                   static_cast<float>(0.1 - 0.3 * scene.parameters.content.er_density));
        }) {
    for (std::vector<float>& row : rows_) {
      row.resize(static_cast<std::size_t>(plane.width));
    }
  }

  void row(int r, std::vector<float>& inside) {
    sheet_.value.row(r, rows_[0].data());
    sheet_.nm_per_unit.row(r, rows_[1].data());
    crossing_.value.row(r, rows_[2].data());
    crossing_.nm_per_unit.row(r, rows_[3].data());
    sheets_here_.row(r, rows_[4].data());
    tubules_here_.row(r, rows_[5].data());
    for (std::size_t k = 0; k < inside.size(); ++k) {
      const float a = to_level(rows_[0][k], 0.3f) * rows_[1][k],
                  b = to_level(rows_[2][k], 0.42f) * rows_[3][k];
      const float sheet = rounded_minimum(half_ - std::abs(a), rows_[4][k], 2 * half_);
      const float tubule = rounded_minimum(1.4f * half_ - std::sqrt(a * a + b * b), rows_[5][k], 2 * half_);
      inside[k] = std::max(sheet, tubule);
    }
  }

 private:
  static float to_level(float value, float spacing) {
    return value - spacing * std::floor(value / spacing + 0.5f);
  }

  float half_;
  LevelField sheet_, crossing_;
  PlaneField sheets_here_, tubules_here_;
  std::vector<float> rows_[6];
};

/// The nucleus: double envelope with pores, chromatin, nucleolus.
class NucleusPainter {
 public:
  NucleusPainter(const Scene& scene, const Plane& plane)
      : look_(scene.look),
        voxel_(plane.voxel),
        membrane_(look_.membrane, look_.membrane_opacity, look_.membrane_half_nm, plane.voxel),
        clumps_(plane, step_of(plane, 24),
                [&](Vec3 p) {
                  return turned_noise(scene.texture(8), p, 620) +
                         0.5f * turned_noise(scene.texture(9), p, 210);
                }),
        nucleolus_(plane, step_of(plane, 48),
                   [&](Vec3 p) { return turned_noise(scene.texture(10), p, 2200); }),
        pores_(plane, step_of(plane, 16), [&](Vec3 p) { return turned_noise(scene.texture(11), p, 190); }),
        a_(static_cast<std::size_t>(plane.width)),
        b_(a_.size()),
        c_(a_.size()) {}

  void start_row(int r) {
    clumps_.row(r, a_.data());
    nucleolus_.row(r, b_.data());
    pores_.row(r, c_.data());
  }

  void paint(float& pixel, std::size_t column, float inside, float fine, float mottled,
             float granules) const {
    constexpr float cistern = 30;
    if (inside < -membrane_.half) {
      return;
    }
    const float deep = inside - cistern;
    const float pore = 1 - smooth_step((c_[column] - 0.38f) / 0.12f);
    const float rim = 0.75f * bell(deep / 170);
    const float softness = 0.2f + 0.9f * (1 - look_.chromatin_clumping);
    const float clumped = smooth_step((a_[column] + rim + 0.15f * mottled - 0.22f) / softness +
                                      0.5f * (1 - look_.chromatin_clumping));
    const float nucleolus = smooth_step((b_[column] - 0.42f) / 0.08f) * smooth_step((deep - 250) / 100);
    float ground = look_.nucleoplasm + clumped * (look_.chromatin - look_.nucleoplasm);
    ground += nucleolus * (look_.chromatin - 22 - ground);
    ground += look_.cytosol_texture * (0.7f * fine - 0.8f * mottled) -
              look_.ribosome * granules * (0.3f + 0.3f * nucleolus);
    float content = look_.lumen;
    content += std::max(coverage(deep, voxel_), 1 - pore) * (ground - content);
    membrane_.paint(content, deep, pore);
    pixel += coverage(inside, voxel_) * (content - pixel);
    membrane_.paint(pixel, inside, pore);
  }

 private:
  const Look& look_;
  double voxel_;
  Membrane membrane_;
  PlaneField clumps_, nucleolus_, pores_;
  std::vector<float> a_, b_, c_;
};

/// Resin, cytosol, ER and nucleus, with the membranes between them.
void paint_ground(const Scene& scene, const Plane& plane, const LargeShapes& shapes, const TubeCut& tubes,
                  const std::vector<float>& fine, std::vector<float>& gray) {
  const Look& look = scene.look;
  const bool has_er = scene.parameters.content.er_density > 0;
  const Membrane membrane(look.membrane, look.membrane_opacity, look.membrane_half_nm, plane.voxel);
  const Membrane er_membrane(look.membrane + 0.15f * (look.cytosol - look.membrane), look.membrane_opacity,
                             0.85f * look.membrane_half_nm, plane.voxel);
  const std::vector<float> granules = splat_ribosomes(scene, plane);
  const PlaneField density(plane, step_of(plane, 40), [&](Vec3 p) {
    return 0.6f * turned_noise(scene.texture(12), p, 1100) + 0.4f * turned_noise(scene.texture(13), p, 330);
  });
  const PlaneField mottle(plane, 1, [&](Vec3 p) {
    return 0.8f * value_noise(scene.texture(17), p.x / 44, p.y / 44, p.z / 44) +
           0.9f * turned_noise(scene.texture(18), p, 105);
  });
  const PlaneField unevenness(plane, step_of(plane, 64),
                              [&](Vec3 p) { return turned_noise(scene.texture(14), p, 2400); });
  Reticulum reticulum(scene, plane);
  NucleusPainter nucleus(scene, plane);
  const auto columns = static_cast<std::size_t>(plane.width);
  std::vector<float> in_er(columns), dense(columns), mottled(columns), uneven(columns);
  std::size_t k = 0;
  for (int r = 0; r < plane.height; ++r) {
    density.row(r, dense.data());
    mottle.row(r, mottled.data());
    unevenness.row(r, uneven.data());
    reticulum.row(r, in_er);
    nucleus.start_row(r);
    for (std::size_t c = 0; c < columns; ++c, ++k) {
      float pixel = look.resin + 1.5f * uneven[c];
      const float in_cell = shapes.cell[k], in_nucleus = shapes.nucleus[k];
      if (in_cell > -2 * membrane.half) {
        float er = -1e6f;
        if (has_er) {
          const float room = std::min({in_cell - 85, -in_nucleus - 40, -tubes.inside[k] - 32});
          er = rounded_minimum(in_er[c], room, look.er_half_nm);
        }
        // Fewer ribosomes under the surface, more on the ER.
        const float crowd = std::max(0.15f, 0.8f + 0.4f * dense[c] + 0.8f * mottled[c]) *
                                (0.35f + 0.65f * smooth_step((in_cell - 20) / 90)) +
                            0.6f * bell((er + 24) / 22);
        float cell = look.cytosol + look.cytosol_texture * (0.7f * fine[k] - 0.6f * dense[c] - mottled[c]) -
                     look.ribosome * crowd * granules[k];
        if (er > -2 * er_membrane.half) {
          cell += coverage(er, plane.voxel) * (look.lumen + 0.4f * look.cytosol_texture * fine[k] - cell);
          er_membrane.paint(cell, er);
        }
        nucleus.paint(cell, c, in_nucleus, fine[k], mottled[c], granules[k]);
        pixel += coverage(in_cell, plane.voxel) * (cell - pixel);
        membrane.paint(pixel, in_cell);
      }
      gray[k] = pixel;
    }
  }
}

/// Vesicles are too many for a list: each is a point of a jittered lattice, kept where the cytoplasm has room
/// for it.
void paint_vesicles(const Scene& scene, const Plane& plane, std::vector<float>& gray) {
  const Look& look = scene.look;
  const Membrane membrane(look.membrane, look.membrane_opacity, look.membrane_half_nm, plane.voxel);
  constexpr double pitch = 240, radius_max = 60;
  const double probability = scene.parameters.content.vesicles_per_um3 * pitch * pitch * pitch * 1e-9;
  // They keep 65 nm from the lattice's faces, so that no two overlap.
  for_scattered(
      plane, scene.texture(15), pitch, radius_max + 15, probability, 0.28, [&](Vec3 centre, std::uint32_t h) {
        const double radius = 20 + 40 * static_cast<double>(unit(h) * unit(h));
        const double room = radius + 40;
        if (std::abs(centre.z - plane.z) > radius + 15 || scene.cell.inside_cell(centre) < room ||
            scene.cell.inside_nucleus(centre) > -room ||
            scene.organelles.inside_mitochondrion(centre, room) > -room ||
            scene.organelles.inside_body(centre, room) > -room) {
          return;
        }
        const bool dense_core = (h & 7) == 0;
        const Window w(plane, centre, radius + 15);
        for (int r = w.top; r <= w.bottom; ++r) {
          for (int c = w.left; c <= w.right; ++c) {
            float& pixel = gray[static_cast<std::size_t>(r) * static_cast<std::size_t>(plane.width) +
                                static_cast<std::size_t>(c)];
            const auto inside = static_cast<float>(radius - length(plane.at(r, c) - centre));
            float content = look.lumen;
            if (dense_core) {
              content += smooth_step((inside - 14) / 12) * (look.lysosome - content);
            }
            pixel += coverage(inside, plane.voxel) * (content - pixel);
            membrane.paint(pixel, inside);
          }
        }
      });
}

float paint_body_content(const Look& look, const Body& body, Vec3 p, float inside, float fine, double voxel) {
  switch (body.kind) {
    case BodyKind::lipid_droplet:
      return look.lipid + 0.15f * look.cytosol_texture * fine - 10 * bell(inside / 25);
    case BodyKind::lysosome: {
      // Dense and uneven: clumps, and here and there a pale inclusion.
      const float clump = turned_noise(body.seed, p, 120);
      const float pale = smooth_step((turned_noise(body.seed + 1, p, 150) - 0.34f) / 0.15f);
      const float ground = look.lysosome + 22 * clump + look.cytosol_texture * fine;
      return ground + 0.8f * pale * (look.lumen - ground);
    }
    case BodyKind::multivesicular: {
      const Membrane membrane(look.membrane, 0.8f * look.membrane_opacity, 0.85f * look.membrane_half_nm,
                              voxel);
      float content = look.lumen + 0.5f * look.cytosol_texture * fine;
      const auto ball = static_cast<float>(distance_to_level(body.seed, p, 95, 0.22f));
      membrane.paint(content, std::min(ball, inside - 18));
      return content;
    }
    case BodyKind::golgi:
      break;
  }
  return look.cytosol;
}

/// A Golgi stack: curved flat cisternae with swollen rims, on the cytosol that is there.
void paint_golgi(const Scene& scene, const Plane& plane, const LargeShapes& shapes, const Body& body, Vec3 p,
                 std::size_t k, std::vector<float>& gray) {
  const Look& look = scene.look;
  const Membrane membrane(look.membrane, look.membrane_opacity, 0.85f * look.membrane_half_nm, plane.voxel);
  const Vec3 q = body.local(p);
  const double across = std::sqrt(q.y * q.y + q.z * q.z);
  const double bent = q.x + 0.25 * body.radii.x * (across / body.radii.y) * (across / body.radii.y) +
                      14 * turned_noise(body.seed, p, 260);
  constexpr double pitch = 58;
  const double number = std::floor(bent / pitch);
  const double centre = (number + 0.5) * pitch;
  const auto cisterna = static_cast<std::int32_t>(number);
  if (std::abs(centre) > body.radii.x - 30) {
    return;
  }
  const double reach =
      body.radii.z * (0.72 + 0.22 * static_cast<double>(unit(lattice_hash(body.seed, cisterna, 0, 0))));
  const double rim = 7 * static_cast<double>(smooth_step(static_cast<float>((across - reach + 70) / 60)));
  const auto flat = static_cast<float>(std::min(9 + rim - std::abs(bent - centre), reach - across));
  const float inside = shapes.pressed_in(k, flat);
  gray[k] += coverage(inside, plane.voxel) * (look.lumen - gray[k]);
  membrane.paint(gray[k], inside);
}

void paint_bodies(const Scene& scene, const Plane& plane, const LargeShapes& shapes,
                  const std::vector<float>& fine, std::vector<float>& gray, std::vector<float>& charge) {
  const Look& look = scene.look;
  const Membrane membrane(look.membrane, look.membrane_opacity, look.membrane_half_nm, plane.voxel);
  constexpr double halo = 350;
  const double reach = charge.empty() ? 30 : halo;
  for (const int index : scene.organelles.bodies_near(plane.z - reach, plane.z + reach)) {
    const Body& body = scene.organelles.bodies()[static_cast<std::size_t>(index)];
    const bool charges = !charge.empty() && body.kind == BodyKind::lipid_droplet;
    const double around = body.reach + (charges ? halo : 30);
    if (std::abs(body.centre.z - plane.z) > around) {
      continue;
    }
    const Window w(plane, body.centre, around);
    const bool enclosed = body.kind == BodyKind::lysosome || body.kind == BodyKind::multivesicular;
    for (int r = w.top; r <= w.bottom; ++r) {
      for (int c = w.left; c <= w.right; ++c) {
        const std::size_t k =
            static_cast<std::size_t>(r) * static_cast<std::size_t>(plane.width) + static_cast<std::size_t>(c);
        const Vec3 p = plane.at(r, c);
        if (body.kind == BodyKind::golgi) {
          paint_golgi(scene, plane, shapes, body, p, k, gray);
          continue;
        }
        const float inside = shapes.pressed_in(k, static_cast<float>(body.inside(p)));
        if (inside > -membrane.half) {
          const float content = paint_body_content(look, body, p, inside, fine[k], plane.voxel);
          gray[k] += coverage(inside, plane.voxel) * (content - gray[k]);
          if (enclosed) {
            membrane.paint(gray[k], inside);
          }
        }
        if (charges) {
          charge[k] += 0.7f * bell(std::max(0.0f, -inside) / static_cast<float>(halo));
        }
      }
    }
  }
}

/// Where the surface charges up: most at the border of the insulating resin, fading over half a micrometre.
std::vector<float> charge_along_resin(const Scene& scene, const Plane& plane, const LargeShapes& shapes) {
  std::vector<float> charge(pixels_of(plane), 0.0f);
  if (!scene.cell.has_resin()) {
    return charge;
  }
  for (std::size_t k = 0; k < charge.size(); ++k) {
    const float far = shapes.cell[k] / (shapes.cell[k] > 0 ? 260.0f : 700.0f);
    charge[k] = 1 / (1 + far * far);
  }
  return charge;
}

}  // namespace

LargeShapes::LargeShapes(const Scene& scene, const Plane& plane)
    : cell(pixels_of(plane)), nucleus(pixels_of(plane)) {
  const PlaneField cell_field(plane, step_of(plane, 32), [&](Vec3 p) { return scene.cell.inside_cell(p); });
  const PlaneField nucleus_field(plane, step_of(plane, 32),
                                 [&](Vec3 p) { return scene.cell.inside_nucleus(p); });
  for (int r = 0; r < plane.height; ++r) {
    const std::size_t k = static_cast<std::size_t>(r) * static_cast<std::size_t>(plane.width);
    cell_field.row(r, cell.data() + k);
    nucleus_field.row(r, nucleus.data() + k);
  }
}

Tissue paint_tissue(const Scene& scene, const Plane& plane, bool with_charge) {
  const LargeShapes shapes(scene, plane);
  const TubeCut tubes = cut_tubes(scene, plane, shapes);
  // The grain of stained protein, finer than any structure.
  std::vector<float> fine(pixels_of(plane));
  const std::uint32_t seed = scene.texture(16);
  std::size_t k = 0;
  for (int r = 0; r < plane.height; ++r) {
    for (int c = 0; c < plane.width; ++c) {
      const Vec3 p = plane.at(r, c);
      fine[k++] = value_noise(seed, p.x / 21, p.y / 21, p.z / 21);
    }
  }
  Tissue tissue;
  tissue.gray.resize(pixels_of(plane));
  if (with_charge) {
    tissue.charge = charge_along_resin(scene, plane, shapes);
  }
  paint_ground(scene, plane, shapes, tubes, fine, tissue.gray);
  paint_vesicles(scene, plane, tissue.gray);
  paint_bodies(scene, plane, shapes, fine, tissue.gray, tissue.charge);
  paint_tubes(scene, plane, tubes, fine, tissue.gray);
  return tissue;
}

}  // namespace fibflow::io::phantom
