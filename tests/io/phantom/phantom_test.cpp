#include "io/phantom/phantom.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/io/phantom/phantom_measures.h"

namespace fibflow::io {
namespace {

double share_of(const Phantom& phantom, Compartment kind, Compartment left_out_1, Compartment left_out_2,
                std::int64_t stride) {
  double chosen = 0, all = 0;
  for (std::int64_t z = 0; z < phantom.parameters().depth; z += stride) {
    for (const std::uint8_t v : bytes_of(phantom.compartments(z))) {
      const auto here = static_cast<Compartment>(v);
      chosen += here == kind;
      all += here == kind || (here != left_out_1 && here != left_out_2);
    }
  }
  return chosen / all;
}

std::uint64_t fnv1a(const Bytes& bytes) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const std::uint8_t b : bytes) {
    h = (h ^ b) * 0x100000001b3u;
  }
  return h;
}

class PhantomOfBoth : public ::testing::TestWithParam<Fixation> {};
INSTANTIATE_TEST_SUITE_P(Fixations, PhantomOfBoth, ::testing::Values(Fixation::chemical, Fixation::cryo),
                         [](const auto& one) { return name_of(one.param); });

TEST_P(PhantomOfBoth, SameSeedGivesSameBytes) {
  const Phantom a(small(GetParam())), b(small(GetParam()));
  for (const std::int64_t z : {0, 11, 23}) {
    EXPECT_EQ(bytes_of(a.image(z)), bytes_of(b.image(z)));
    EXPECT_EQ(bytes_of(a.labels(z)), bytes_of(b.labels(z)));
    EXPECT_EQ(bytes_of(a.compartments(z)), bytes_of(b.compartments(z)));
  }
}

TEST_P(PhantomOfBoth, AnotherSeedGivesAnotherCell) {
  PhantomParameters other = small(GetParam());
  other.seed += 1;
  const Phantom a(small(GetParam())), b(other);
  EXPECT_LT(iou(bytes_of(a.labels(11)), bytes_of(b.labels(11))), 0.5);
  EXPECT_NE(bytes_of(a.image(11)), bytes_of(b.image(11)));
}

TEST_P(PhantomOfBoth, SliceAloneEqualsSliceInSequence) {
  const Phantom in_sequence(small(GetParam()));
  std::vector<Bytes> images, labels;
  for (std::int64_t z = 0; z < 6; ++z) {
    images.push_back(bytes_of(in_sequence.image(z)));
    labels.push_back(bytes_of(in_sequence.labels(z)));
  }
  for (const std::int64_t z : {5, 0, 3}) {
    const Phantom alone(small(GetParam()));
    EXPECT_EQ(bytes_of(alone.labels(z)), labels[static_cast<std::size_t>(z)]);
    EXPECT_EQ(bytes_of(alone.image(z)), images[static_cast<std::size_t>(z)]);
  }
}

TEST_P(PhantomOfBoth, ParallelCallsGiveTheBytesOfSerialOnes) {
  const Phantom phantom(small(GetParam()));
  constexpr std::size_t slices = 8;
  std::vector<Bytes> serial, parallel(2 * slices);
  for (std::size_t z = 0; z < slices; ++z) {
    serial.push_back(bytes_of(phantom.image(static_cast<std::int64_t>(z))));
    serial.push_back(bytes_of(phantom.labels(static_cast<std::int64_t>(z))));
  }
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t z = t; z < slices; z += 4) {
        parallel[2 * z] = bytes_of(phantom.image(static_cast<std::int64_t>(z)));
        parallel[2 * z + 1] = bytes_of(phantom.labels(static_cast<std::int64_t>(z)));
      }
    });
  }
  for (std::thread& t : threads) {
    t.join();
  }
  EXPECT_EQ(parallel, serial);
}

TEST_P(PhantomOfBoth, SlicesCarryTheirPlaceAndShape) {
  const Phantom phantom(small(GetParam()));
  for (const Slice& s : {phantom.image(9), phantom.labels(9), phantom.compartments(9)}) {
    EXPECT_EQ(s.z(), 9);
    EXPECT_EQ(s.height(), 160);
    EXPECT_EQ(s.width(), 200);
    EXPECT_EQ(s.type(), PixelType::u8);
  }
  EXPECT_THROW(phantom.image(24), std::out_of_range);
  EXPECT_THROW(phantom.labels(-1), std::out_of_range);
  EXPECT_THROW(phantom.compartments(24), std::out_of_range);
}

// The bytes shall not depend on the compiler, its options or the C library. Where the phantom itself is
// changed on purpose, new ones are recorded.
TEST(PhantomTest, BytesAreThoseRecorded) {
#if defined(__x86_64__)
  const Phantom chemical(small(Fixation::chemical)), cryo(small(Fixation::cryo));
  EXPECT_EQ(fnv1a(bytes_of(chemical.image(5))), 15004104352548147571u);
  EXPECT_EQ(fnv1a(bytes_of(chemical.labels(5))), 8251756252971498016u);
  EXPECT_EQ(fnv1a(bytes_of(cryo.image(5))), 13974107860024627545u);
  EXPECT_EQ(fnv1a(bytes_of(cryo.labels(5))), 6546745336240856354u);
#else
  GTEST_SKIP() << "recorded on x86-64";
#endif
}

TEST_P(PhantomOfBoth, MitochondriaTakeTheShareAskedFor) {
  for (const double wanted : {0.06, 0.12, 0.2}) {
    PhantomParameters p = roomy(GetParam());
    p.content.mitochondria_share = wanted;
    const Phantom phantom(p);
    const double found =
        share_of(phantom, Compartment::mitochondrion, Compartment::resin, Compartment::nucleus, 12);
    EXPECT_GT(found, 0.75 * wanted);
    EXPECT_LT(found, 1.25 * wanted);
    EXPECT_NEAR(phantom.census().mitochondria_share, found, 0.15 * wanted);
    EXPECT_GT(phantom.census().mitochondria, 0);
  }
}

TEST_P(PhantomOfBoth, NoMitochondriaGiveEmptyLabels) {
  PhantomParameters p = small(GetParam());
  p.content.mitochondria_share = 0;
  const Phantom phantom(p);
  EXPECT_EQ(phantom.census().mitochondria, 0);
  for (std::int64_t z = 0; z < p.depth; z += 5) {
    EXPECT_EQ(bytes_of(phantom.labels(z)), Bytes(std::size_t{160} * 200, 0));
  }
}

TEST_P(PhantomOfBoth, LabelsAreTheMitochondriaOfTheCompartments) {
  const Phantom phantom(roomy(GetParam()));
  for (std::int64_t z = 0; z < 128; z += 16) {
    const Bytes labels = bytes_of(phantom.labels(z)), compartments = bytes_of(phantom.compartments(z));
    for (std::size_t k = 0; k < labels.size(); ++k) {
      const bool mitochondrion = compartments[k] == static_cast<std::uint8_t>(Compartment::mitochondrion);
      ASSERT_EQ(labels[k], mitochondrion ? 255 : 0);
    }
  }
}

/// Checks that labels cover nothing but what is cytosol in the same cell without mitochondria.
void expect_labels_in_free_cytosol(PhantomParameters p) {
  const Phantom full(p);
  p.content.mitochondria_share = 0;
  const Phantom emptied(p);
  int labelled = 0;
  for (std::int64_t z = 0; z < p.depth; z += 8) {
    const Bytes labels = bytes_of(full.labels(z)), without = bytes_of(emptied.compartments(z));
    for (std::size_t k = 0; k < labels.size(); ++k) {
      if (labels[k] != 0) {
        ++labelled;
        ASSERT_EQ(without[k], static_cast<std::uint8_t>(Compartment::cytosol))
            << "slice " << z << ", voxel " << k;
      }
    }
  }
  EXPECT_GT(labelled, 1000);
}

TEST_P(PhantomOfBoth, LabelsLieOutsideOtherBodies) {
  PhantomParameters p = roomy(GetParam());
  p.content.lysosomes_per_um3 = 1;
  p.content.lipid_droplets_per_um3 = 0.6;
  p.content.golgi_per_um3 = 0.4;
  const PhantomCensus census = Phantom(p).census();
  EXPECT_GT(census.lysosomes + census.lipid_droplets + census.golgi_stacks, 5);
  expect_labels_in_free_cytosol(p);
}

// Between a folded surface and a large nucleus mitochondria are pressed on from all sides.
TEST_P(PhantomOfBoth, LabelsLieOutsideResinAndNucleus) {
  PhantomParameters p = roomy(GetParam());
  p.depth = 64;
  p.height = p.width = 320;
  p.seed = 4;
  p.content.resin_share = 0.25;
  p.content.nucleus_share = 0.3;
  p.content.mitochondria_share = 0.25;
  expect_labels_in_free_cytosol(p);
}

TEST_P(PhantomOfBoth, ConsecutiveSlicesAreConsistent) {
  PhantomParameters p = roomy(GetParam());
  p.acquisition.jitter = 0.4;
  const Phantom phantom(p);
  Bytes last = bytes_of(phantom.labels(0));
  double sum = 0, smallest = 1;
  for (std::int64_t z = 1; z < 40; ++z) {
    Bytes next = bytes_of(phantom.labels(z));
    const double overlap = iou(last, next);
    sum += overlap;
    smallest = std::min(smallest, overlap);
    last = std::move(next);
  }
  EXPECT_GT(sum / 39, 0.9);
  EXPECT_GT(smallest, 0.82);
}

TEST_P(PhantomOfBoth, ResinTakesTheShareAskedFor) {
  for (const double wanted : {0.0, 0.2, 0.45, 0.7}) {
    PhantomParameters p = small(GetParam());
    p.height = p.width = 256;
    p.content.resin_share = wanted;
    const Phantom phantom(p);
    const double found = share_of(phantom, Compartment::resin, Compartment::resin, Compartment::resin, 3);
    EXPECT_NEAR(found, wanted, wanted == 0 ? 0 : 0.02);
    EXPECT_NEAR(phantom.census().resin_share, wanted, 0.005);
  }
}

TEST_P(PhantomOfBoth, NucleusTakesTheShareAskedFor) {
  for (const double wanted : {0.0, 0.2, 0.6}) {
    PhantomParameters p = small(GetParam());
    p.height = p.width = 256;
    p.content.nucleus_share = wanted;
    const Phantom phantom(p);
    const double found = share_of(phantom, Compartment::nucleus, Compartment::resin, Compartment::resin, 3);
    EXPECT_NEAR(found, wanted, wanted == 0 ? 0 : 0.03);
  }
}

TEST_P(PhantomOfBoth, GeometryIsInNanometres) {
  PhantomParameters fine = small(GetParam());
  fine.height = fine.width = 256;
  fine.depth = 32;
  fine.acquisition = no_effects;
  PhantomParameters coarse = fine;
  coarse.height = coarse.width = 128;
  coarse.depth = 16;
  coarse.voxel_nm = 16;
  // Slice 6 of 16 nm is centred between slices 12 and 13 of 8 nm.
  const Bytes large = bytes_of(Phantom(fine).labels(12)), little = bytes_of(Phantom(coarse).labels(6));
  Bytes halved(little.size());
  for (std::size_t r = 0; r < 128; ++r) {
    for (std::size_t c = 0; c < 128; ++c) {
      halved[r * 128 + c] = large[2 * r * 256 + 2 * c];
    }
  }
  EXPECT_GT(iou(halved, little), 0.88);
}

TEST(PhantomTest, FixationsShareTheCellAndItsAmounts) {
  const Phantom chemical(roomy(Fixation::chemical)), cryo(roomy(Fixation::cryo));
  EXPECT_EQ(chemical.census().resin_share, cryo.census().resin_share);
  EXPECT_EQ(chemical.census().nucleus_share, cryo.census().nucleus_share);
  EXPECT_NEAR(chemical.census().mitochondria_share, cryo.census().mitochondria_share, 0.03);
  const Bytes a = bytes_of(chemical.compartments(64)), b = bytes_of(cryo.compartments(64));
  for (std::size_t k = 0; k < a.size(); ++k) {
    for (const Compartment shared : {Compartment::resin, Compartment::nucleus}) {
      ASSERT_EQ(a[k] == static_cast<std::uint8_t>(shared), b[k] == static_cast<std::uint8_t>(shared));
    }
  }
}

TEST(PhantomTest, RejectsParametersOutOfRangeByName) {
  using Change = std::function<void(PhantomParameters&)>;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::pair<std::string, Change>> wrong = {
      {"depth", [](auto& p) { p.depth = 0; }},
      {"depth", [](auto& p) { p.depth = 1000001; }},
      {"height", [](auto& p) { p.height = 15; }},
      {"width", [](auto& p) { p.width = 16385; }},
      {"voxel_nm", [](auto& p) { p.voxel_nm = 3; }},
      {"voxel_nm", [nan](auto& p) { p.voxel_nm = nan; }},
      {"resin_share", [](auto& p) { p.content.resin_share = 0.71; }},
      {"resin_share", [](auto& p) { p.content.resin_share = -0.1; }},
      {"nucleus_share", [](auto& p) { p.content.nucleus_share = 0.61; }},
      {"mitochondria_share", [](auto& p) { p.content.mitochondria_share = 0.31; }},
      {"er_density", [](auto& p) { p.content.er_density = 2.1; }},
      {"vesicles_per_um3", [](auto& p) { p.content.vesicles_per_um3 = -1; }},
      {"lysosomes_per_um3", [](auto& p) { p.content.lysosomes_per_um3 = 2.1; }},
      {"lipid_droplets_per_um3", [](auto& p) { p.content.lipid_droplets_per_um3 = 2.1; }},
      {"golgi_per_um3", [](auto& p) { p.content.golgi_per_um3 = 1.1; }},
      {"shot_noise", [](auto& p) { p.acquisition.shot_noise = 61; }},
      {"curtaining", [nan](auto& p) { p.acquisition.curtaining = nan; }},
      {"charging", [](auto& p) { p.acquisition.charging = 81; }},
      {"drift", [](auto& p) { p.acquisition.drift = -1; }},
      {"jitter", [](auto& p) { p.acquisition.jitter = 8.1; }},
      {"defocus", [](auto& p) { p.acquisition.defocus = 4.1; }},
      {"fixation", [](auto& p) { p.fixation = static_cast<Fixation>(2); }},
  };
  for (const auto& [name, change] : wrong) {
    PhantomParameters p = small();
    change(p);
    try {
      const Phantom phantom(p);
      FAIL() << name << " was taken";
    } catch (const std::invalid_argument& e) {
      EXPECT_NE(std::string(e.what()).find(name), std::string::npos) << e.what();
    }
  }
}

TEST(PhantomTest, SmallestAndDeepestVolumesCanBeMade) {
  PhantomParameters tiny;
  tiny.depth = 1;
  tiny.height = tiny.width = 16;
  for (const double resin : {0.0, 0.7}) {
    tiny.content.resin_share = resin;
    EXPECT_EQ(Phantom(tiny).image(0).size_bytes(), 256u);
  }
  PhantomParameters deep;
  deep.depth = 50000;
  deep.height = deep.width = 96;
  deep.content.mitochondria_share = 0.05;
  const Phantom phantom(deep);
  EXPECT_GT(moments(bytes_of(phantom.image(49999))).variance, 10);
}

}  // namespace
}  // namespace fibflow::io
