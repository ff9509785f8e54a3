#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/region.h"
#include "io/slice.h"

namespace fibflow::io {

/// How a page stores the samples of its voxels.
struct SampleForm {
  enum class Kind { whole, negative_too, floating };
  Kind kind = Kind::whole;
  int bits = 8;     ///< of a sample
  int samples = 1;  ///< of a voxel, next to each other
  /// The one that is read; without it, several are colours, which must be equal in each voxel: gray.
  std::optional<int> sample;
  int planes = 1;  ///< samples of a voxel in planes of their own, one after the other
  int plane = 0;   ///< the one that is read

  /// Bytes of a row of so many voxels.
  std::size_t row_bytes(std::int64_t width) const;
  /// Whether a voxel is whole bytes.
  bool is_packed() const { return bits * samples % 8 != 0; }
  /// The type in which voxels of this form are given out; nothing if there is none.
  std::optional<PixelType> type() const;
  /// Whether the decoded bytes are those of type() as they are.
  bool is_plain() const;
  /// The stored 0 as type() has it: signed samples are moved up by half of their range. 0 for labels, which may not be below 0.
  double zero(bool labels) const;
};

/// What is done with samples that are no gray values as they are.
struct SampleConversion {
  SampleForm form;
  bool inverted = false;  ///< a stored v stands for maximum - v
  bool labels = false;    ///< negative ones are refused, and those above 65535 are 65535
};

/// What the user should know of it, as sentences.
std::vector<std::string> remarks_of(const SampleConversion& conversion);

/// Turns rows of stored samples, which begin with column `stored_begin`, into gray values of form.type(), [height, width] of
/// the region. Throws std::runtime_error that names the voxel: one in 32 or 64 bits that is beyond 0 to 65535, a colour that is
/// not gray.
void convert_samples(const SampleConversion& conversion, const std::byte* stored, std::int64_t stored_begin,
                     std::size_t stored_row, const Region& region, std::byte* voxels);

}  // namespace fibflow::io
