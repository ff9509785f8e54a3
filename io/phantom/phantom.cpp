#include "io/phantom/phantom.h"

#include <cmath>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "io/phantom/phantom_acquisition.h"
#include "io/phantom/phantom_tissue.h"

namespace fibflow::io {
namespace {

using phantom::Scene;

void require(const char* name, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    std::ostringstream text;
    text.precision(12);
    text << "phantom: " << name << " is " << value << ", must be " << low << " to " << high;
    throw std::invalid_argument(text.str());
  }
}

const PhantomParameters& checked(const PhantomParameters& p) {
  if (p.fixation != Fixation::chemical && p.fixation != Fixation::cryo) {
    throw std::invalid_argument("phantom: fixation is neither chemical nor cryo");
  }
  require("depth", static_cast<double>(p.depth), 1, 1e6);
  require("height", p.height, 16, 16384);
  require("width", p.width, 16, 16384);
  require("voxel_nm", p.voxel_nm, 4, 16);
  require("resin_share", p.content.resin_share, 0, 0.7);
  require("nucleus_share", p.content.nucleus_share, 0, 0.6);
  require("mitochondria_share", p.content.mitochondria_share, 0, 0.3);
  require("er_density", p.content.er_density, 0, 2);
  require("vesicles_per_um3", p.content.vesicles_per_um3, 0, 60);
  require("lysosomes_per_um3", p.content.lysosomes_per_um3, 0, 2);
  require("lipid_droplets_per_um3", p.content.lipid_droplets_per_um3, 0, 2);
  require("golgi_per_um3", p.content.golgi_per_um3, 0, 1);
  require("shot_noise", p.acquisition.shot_noise, 0, 60);
  require("curtaining", p.acquisition.curtaining, 0, 0.3);
  require("charging", p.acquisition.charging, 0, 80);
  require("drift", p.acquisition.drift, 0, 100);
  require("jitter", p.acquisition.jitter, 0, 8);
  require("defocus", p.acquisition.defocus, 0, 4);
  return p;
}

PhantomCensus count(const Scene& scene) {
  PhantomCensus census;
  census.mitochondria = static_cast<int>(scene.organelles.mitochondria().size());
  for (const phantom::Body& body : scene.organelles.bodies()) {
    switch (body.kind) {
      case phantom::BodyKind::lysosome:
      case phantom::BodyKind::multivesicular:
        ++census.lysosomes;
        break;
      case phantom::BodyKind::lipid_droplet:
        ++census.lipid_droplets;
        break;
      case phantom::BodyKind::golgi:
        ++census.golgi_stacks;
        break;
    }
  }
  census.resin_share = scene.cell.resin_share();
  census.nucleus_share = scene.cell.nucleus_share();
  phantom::Random random(phantom::substream(scene.parameters.seed, 30));
  const phantom::Vec3 extent = scene.cell.extent();
  int cytoplasm = 0, mitochondria = 0;
  for (int k = 0; k < 30000; ++k) {
    const double x = random.uniform(0, extent.x), y = random.uniform(0, extent.y),
                 z = random.uniform(0, extent.z);
    const phantom::Vec3 p{x, y, z};
    if (scene.cell.inside_cell(p) > 0 && scene.cell.inside_nucleus(p) <= 0) {
      ++cytoplasm;
      const double reach = scene.look.membrane_half_nm;
      mitochondria += phantom::is_mitochondrion(
          scene.look, static_cast<float>(scene.organelles.inside_mitochondrion(p, reach)));
    }
  }
  census.mitochondria_share = cytoplasm > 0 ? static_cast<double>(mitochondria) / cytoplasm : 0;
  return census;
}

std::shared_ptr<std::byte[]> new_voxels(const PhantomParameters& p) {
  return std::shared_ptr<std::byte[]>(
      new std::byte[static_cast<std::size_t>(p.height) * static_cast<std::size_t>(p.width)]);
}

}  // namespace

const char* name_of(Fixation fixation) {
  return fixation == Fixation::chemical ? "chemical" : "cryo";
}

struct Phantom::State {
  explicit State(const PhantomParameters& p) : scene(checked(p)), acquisition(p), census(count(scene)) {}

  void require_slice(std::int64_t z) const {
    if (z < 0 || z >= scene.parameters.depth) {
      throw std::out_of_range("phantom: slice " + std::to_string(z) + " of " +
                              std::to_string(scene.parameters.depth));
    }
  }

  Scene scene;
  phantom::Acquisition acquisition;
  PhantomCensus census;
};

Phantom::Phantom(PhantomParameters parameters) : state_(std::make_shared<const State>(parameters)) {}

const PhantomParameters& Phantom::parameters() const {
  return state_->scene.parameters;
}

const PhantomCensus& Phantom::census() const {
  return state_->census;
}

Slice Phantom::image(std::int64_t z) const {
  state_->require_slice(z);
  const PhantomParameters& p = parameters();
  const phantom::Acquisition& acquisition = state_->acquisition;
  const phantom::Plane plane = acquisition.plane(z, acquisition.margin(z));
  auto voxels = new_voxels(p);
  acquisition.expose(z, phantom::paint_tissue(state_->scene, plane, acquisition.charges()), voxels.get());
  return Slice(z, p.height, p.width, PixelType::u8, std::move(voxels));
}

Slice Phantom::labels(std::int64_t z) const {
  state_->require_slice(z);
  const PhantomParameters& p = parameters();
  const phantom::Plane plane = state_->acquisition.plane(z, 0);
  const phantom::TubeCut cut =
      phantom::cut_tubes(state_->scene, plane, phantom::LargeShapes(state_->scene, plane));
  auto voxels = new_voxels(p);
  for (std::size_t k = 0; k < cut.inside.size(); ++k) {
    voxels[k] = std::byte{phantom::is_mitochondrion(state_->scene.look, cut.inside[k]) ? std::uint8_t{255}
                                                                                       : std::uint8_t{0}};
  }
  return Slice(z, p.height, p.width, PixelType::u8, std::move(voxels));
}

Slice Phantom::compartments(std::int64_t z) const {
  state_->require_slice(z);
  const PhantomParameters& p = parameters();
  const Scene& scene = state_->scene;
  const phantom::Plane plane = state_->acquisition.plane(z, 0);
  const phantom::LargeShapes shapes(scene, plane);
  const phantom::TubeCut cut = phantom::cut_tubes(scene, plane, shapes);
  auto voxels = new_voxels(p);
  for (std::size_t k = 0; k < cut.inside.size(); ++k) {
    voxels[k] = static_cast<std::byte>(phantom::is_mitochondrion(scene.look, cut.inside[k])
                                           ? Compartment::mitochondrion
                                       : shapes.cell[k] <= 0   ? Compartment::resin
                                       : shapes.nucleus[k] > 0 ? Compartment::nucleus
                                                               : Compartment::cytosol);
  }
  for (const int index : scene.organelles.bodies_near(plane.z, plane.z)) {
    const phantom::Body& body = scene.organelles.bodies()[static_cast<std::size_t>(index)];
    const Compartment kind = body.kind == phantom::BodyKind::golgi           ? Compartment::golgi
                             : body.kind == phantom::BodyKind::lipid_droplet ? Compartment::lipid_droplet
                                                                             : Compartment::lysosome;
    const phantom::Window window(plane, body.centre, body.reach);
    for (int r = window.top; r <= window.bottom; ++r) {
      for (int c = window.left; c <= window.right; ++c) {
        const std::size_t k =
            static_cast<std::size_t>(r) * static_cast<std::size_t>(p.width) + static_cast<std::size_t>(c);
        if (shapes.pressed_in(k, static_cast<float>(body.inside(plane.at(r, c)))) > 0) {
          voxels[k] = static_cast<std::byte>(kind);
        }
      }
    }
  }
  return Slice(z, p.height, p.width, PixelType::u8, std::move(voxels));
}

}  // namespace fibflow::io
