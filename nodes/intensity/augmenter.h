#pragma once

#include <cstdint>
#include <span>

#include "io/slice.h"
#include "nodes/intensity/normalization.h"
#include "nodes/intensity/random.h"

namespace fibflow::nodes {

/// How patches for training are varied; everything is drawn anew for each patch. Lengths are in pixels,
/// intensities in those of the normalized image (standard deviations of the stack). 0 or false switches a
/// variation off exactly.
struct Augmentation {
  bool flips = true;
  bool quarter_turns = true;
  /// By a factor between 1 / (1 + zoom) and 1 + zoom; 0 to 1. Zoom and elastic deformation come together, in
  /// every other patch only: between pixels an image is smoother than its noise is, and a network that never
  /// saw a patch as the microscope made it would be at a loss with one.
  double zoom = 0.15;
  double elastic = 3;           ///< standard deviation of the displacements; 0 to 50
  double elastic_spacing = 32;  ///< of the grid, smooth between its points; 4 to 1000
  double brightness = 0.3;      ///< added: between -brightness and brightness; 0 to 10
  double contrast = 0.3;        ///< factor between 1 / (1 + contrast) and 1 + contrast; 0 to 10
  double blur = 1;              ///< Gaussian, standard deviation up to this, in every third patch; 0 to 10
  double noise = 0.2;           ///< Gaussian, standard deviation up to this, in every other patch; 0 to 10

  /// None at all.
  static Augmentation none();
};

/// Where a patch is taken and which random numbers vary it.
struct PatchPlace {
  int y = 0;  ///< its first row and column in the slice, before it is varied
  int x = 0;
  std::uint64_t seed = 0;
  std::uint64_t iteration = 0;
  std::uint64_t sample = 0;
};

/// Cuts varied patches out of slices, for training.
/// In:     a slice, its labels (u8, [height, width], of the same size) and a place.
/// Out:    dense patches: the image, normalized and varied, and the labels, moved along with it (nearest
///         neighbour, the image linear). What sticks out of the slice is mirrored without repeating the
///         border pixel.
/// Immutable; may be called in parallel. Depends on its arguments only.
class Augmenter {
 public:
  /// height, width: of the patches; square if there are quarter turns. Throws std::invalid_argument naming
  /// the variation that is outside its range.
  Augmenter(const Augmentation& augmentation, int height, int width);

  /// Throws std::logic_error if the slices or spans have other sizes or types.
  void operator()(const io::Slice& image, const Affine& affine, const io::Slice& labels,
                  const PatchPlace& place, std::span<float> image_patch,
                  std::span<std::uint8_t> label_patch) const;

 private:
  struct Geometry;
  Geometry draw_geometry(Random& random) const;
  template <typename Voxel>
  void cut(const io::Slice& image, const Affine& affine, const io::Slice& labels, const PatchPlace& place,
           const Geometry& geometry, std::span<float> image_patch, std::span<std::uint8_t> label_patch) const;
  void vary_intensity(Random& random, std::span<float> patch) const;
  void blur(std::span<float> patch, double sigma) const;

  Augmentation augmentation_;
  int height_;
  int width_;
};

}  // namespace fibflow::nodes
