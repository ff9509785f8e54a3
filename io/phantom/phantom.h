#pragma once

#include <cstdint>
#include <memory>

#include "io/slice.h"

namespace fibflow::io {

/// How the cell was fixed and stained before it was imaged. It decides two things: the look (gray levels and
/// sharpness) and the shape of the mitochondria. The amounts of everything are the same for both.
///
/// Gray levels before acquisition (0 black, 255 white; stained is dark), lengths in nm:
///
///                               chemical    cryo  why
///     empty resin                    214     200  no stain: the brightest large area in both
///     cytosol                        184     132  freezing keeps the soluble proteins that aldehydes let go
///     ribosomes, depth below it       70      36  osmium and uranyl pile up on them; after freeze substitution
///                                                 they stand in a ground nearly as dense as they are
///     ribosomes per cubic um       10000   15000  extraction against retention: cryo has the denser texture
///     membranes                       38      74  reduced osmium stains lipids strongly, freeze substitution weakly
///     half width of a membrane        12      15  sharp against smooth
///     mitochondrial matrix           100     106  dense in both, but against an extracted cytosol it stands out
///                                                 (84 levels), against a retained one hardly (26)
///     cristae: membranes              44      76
///     cristae: lumen                 166     148
///     cristae: half width of lumen  5-13     2-5  aldehydes dilate cristae, freezing keeps them narrow
///     cristae: spacing             58-95   46-66
///     cristae: waviness               50      26  wrinkled against taut
///     ER and vesicles: lumen         196     158  aldehydes swell the ER (half width 30 against 20)
///     nucleoplasm / chromatin    178/112 146/118  chromatin clumps under aldehydes and stays spread when frozen
///     lysosomes                       62      88
///     lipid droplets                  78     176  osmium blackens unsaturated lipids, freeze substitution leaves
///                                                 them pale
///
///     mitochondria: radius       170-300 110-180  swollen and rounded against slender
///     mitochondria: axis, um    0.15-1.6 0.9-4.5  fragmented against long
///     mitochondria: wobble            18       8  of the surface: wrinkled against turgid
///     mitochondria: swollen       1 in 5    none  paler matrix, fewer and wider cristae
///
/// Motivation: Murk et al. 2003 and Kellenberger et al. 1992 on what chemical fixation does to membranes and to the
/// cytosol; Frey and Mannella 2000 on the shapes of cristae. The numbers are chosen to look like such cells; they are
/// fitted neither to a data set nor to a network.
enum class Fixation { chemical, cryo };

/// "chemical" or "cryo".
const char* name_of(Fixation fixation);

/// What is in the volume. Shares are of volumes, over the whole stack; one slice has more or less.
struct PhantomContent {
  /// Empty resin outside the cell, as a share of the volume. 0 to 0.7; 0 means no resin at all.
  double resin_share = 0.15;
  /// Nucleus with its envelope, as a share of the cell (the volume without the resin). 0 to 0.6; 0 means
  /// none.
  double nucleus_share = 0.12;
  /// Mitochondria with both membranes, as a share of the cytoplasm (the cell without the nucleus). 0 to 0.3.
  /// Reached within the volume of about one mitochondrion, as far as whole ones find room: a field of view
  /// narrower than about 1 um has less. PhantomCensus says what was reached.
  double mitochondria_share = 0.12;
  /// Endoplasmic reticulum, sheets and tubules, relative to the usual amount (1). 0 to 2.
  double er_density = 1;
  /// Vesicles (20-60 nm in radius) per cubic micrometre of cytoplasm. 0 to 60.
  double vesicles_per_um3 = 25;
  /// Lysosomes and multivesicular bodies (130-330 nm in radius): round, dark or membrane-filled, not
  /// mitochondria. Per cubic micrometre of cytoplasm, 0 to 2.
  double lysosomes_per_um3 = 0.2;
  /// Lipid droplets (120-380 nm in radius): smooth and round, not mitochondria. Per cubic micrometre of
  /// cytoplasm, 0 to 2.
  double lipid_droplets_per_um3 = 0.12;
  /// Golgi stacks (lamellae that resemble cristae, not mitochondria). Per cubic micrometre of cytoplasm, 0
  /// to 1.
  double golgi_per_um3 = 0.08;
};

/// What the microscope adds. 0 switches an effect off exactly; each draws from a noise of its own, so that
/// switching one does not change the others.
struct PhantomAcquisition {
  /// Standard deviation of the noise at gray 128, in gray levels; its variance is proportional to the gray
  /// level, as counted electrons have it. 0 to 60.
  double shot_noise = 9;
  /// Standard deviation of the vertical stripes that milling leaves, relative to the brightness. They begin
  /// at some height and change from slice to slice. 0 to 0.3.
  double curtaining = 0.015;
  /// Brightness of the halos along resin and around lipid droplets, and of the slow gradients in the resin,
  /// in gray levels at their peak. Stronger in some slices than in others. 0 to 80.
  double charging = 10;
  /// Change of brightness from the first slice to the last, in gray levels, with a wander of half of it on
  /// top; the contrast changes along, by half of drift/128 either way. 0 to 100.
  double drift = 8;
  /// Standard deviation of each slice's translation in y and in x, in voxels (sub-pixel, at most 3 times
  /// that). The labels move along. 0 to 8.
  double jitter = 0.4;
  /// Standard deviation of the Gaussian blur, in voxels; the focus wanders by 30 % of it over z. 0 to 4.
  double defocus = 0.6;
};

/// All that a phantom is made from. Equal parameters make equal bytes.
struct PhantomParameters {
  Fixation fixation = Fixation::chemical;
  std::int64_t depth = 64;  ///< slices, 1 to 1000000
  int height = 512;         ///< voxels, 16 to 16384
  int width = 512;          ///< voxels, 16 to 16384
  std::uint64_t seed = 1;   ///< any; another seed is another cell and another acquisition of it
  double voxel_nm = 8;      ///< isotropic size of a voxel in nanometres, 4 to 16
  PhantomContent content;
  PhantomAcquisition acquisition;
};

/// What a voxel of a phantom is, in Phantom::compartments().
enum class Compartment : std::uint8_t {
  resin = 0,
  cytosol = 1,  ///< with the ER and vesicles
  nucleus = 2,
  mitochondrion = 3,
  lysosome = 4,  ///< or multivesicular body
  lipid_droplet = 5,
  golgi = 6,
};

/// What a phantom came to hold, known without making a slice.
struct PhantomCensus {
  int mitochondria = 0;  ///< whole ones, those that leave the volume included
  int lysosomes = 0;
  int lipid_droplets = 0;
  int golgi_stacks = 0;
  double resin_share = 0;         ///< estimated from samples, of the volume
  double nucleus_share = 0;       ///< the same, of the cell
  double mitochondria_share = 0;  ///< the same, of the cytoplasm
};

/// A synthetic FIB-SEM stack of a cell with exact ground truth: an unlimited, deterministic source of test
/// and training data that can be shipped, because it is made.
///
/// The cell is 3-D geometry (tubes, ellipsoids, level sets of noise) that each slice cuts; texture and noise
/// are functions of position and seed. So any slice can be made alone, in any order, from any thread, with
/// the same bytes: every member is const and may be called in parallel. Only + - * / and sqrt are computed,
/// without contraction, so that compilers and C libraries agree on the bytes too.
///
/// Memory: the objects, 1 to 4 KB each and about one per cubic micrometre (a thousand slices of 1024x1024
/// voxels of 8 nm are 540 cubic micrometres); a call takes about 50 bytes per voxel of its slice besides and
/// gives them back. Nothing grows with the slices made. Time: about 0.1 s for an image of 512x512 on one
/// core, three times that at 16 nm.
class Phantom {
 public:
  /// Places the objects (milliseconds to seconds, proportional to the volume).
  /// Throws std::invalid_argument naming the parameter and its range.
  explicit Phantom(PhantomParameters parameters);

  const PhantomParameters& parameters() const;
  const PhantomCensus& census() const;

  /// The micrograph, u8 [height, width]. Throws std::out_of_range unless 0 <= z < depth; so do the others.
  Slice image(std::int64_t z) const;

  /// The ground truth, u8 [height, width]: 255 where a mitochondrion is, its outer membrane included, else 0.
  Slice labels(std::int64_t z) const;

  /// What each voxel is, u8 [height, width] of Compartment. Its mitochondria are those of labels().
  Slice compartments(std::int64_t z) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace fibflow::io
