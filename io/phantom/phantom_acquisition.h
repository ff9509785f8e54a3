#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/phantom/phantom.h"
#include "io/phantom/phantom_tissue.h"

namespace fibflow::io::phantom {

/// What the microscope does to one slice. Immutable.
class Acquisition {
 public:
  explicit Acquisition(const PhantomParameters& parameters) : parameters_(parameters) {}

  /// Where the pixels of slice z are, with `margin` more on every side. The jitter is in here.
  Plane plane(std::int64_t z, int margin) const;

  /// Pixels beyond the slice that its blur needs.
  int margin(std::int64_t z) const;

  bool charges() const { return parameters_.acquisition.charging > 0; }

  /// Blurs the tissue of plane(z, margin(z)), cuts it to the slice, adds every other effect and digitizes to
  /// u8.
  void expose(std::int64_t z, Tissue tissue, std::byte* pixels) const;

 private:
  double focus(std::int64_t z) const;
  void drift(std::int64_t z, std::vector<float>& gray) const;
  void charge(std::int64_t z, const std::vector<float>& where, std::vector<float>& gray) const;
  void curtain(std::int64_t z, std::vector<float>& gray) const;
  std::uint32_t seed(std::uint64_t effect) const {
    return static_cast<std::uint32_t>(substream(parameters_.seed, 200 + effect));
  }

  PhantomParameters parameters_;
};

}  // namespace fibflow::io::phantom
