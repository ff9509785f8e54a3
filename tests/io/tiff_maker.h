#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/error.h"
#include "io/slice.h"

namespace fibflow::io::testing {

/// A folder of its own for each test, gone with it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string path(const std::string& name = "") const;
  /// Names of everything in it, hidden files too, sorted.
  std::vector<std::string> contents() const;

 private:
  std::filesystem::path path_;
};

/// One page as libtiff is told to write it. The voxel at (y, x) of page z is pattern(z, y, x).
struct PageSpec {
  int width = 20;
  int height = 12;
  int bits = 8;
  int format = 1;
  int samples = 1;
  int photometric = 1;
  int compression = 1;
  int predictor = 1;
  int rows_per_strip = 5;
  int tile = 0;  ///< edge of square tiles; 0 for strips
  int subfile = 0;
  int orientation = 1;
  int resolution_unit = 0;  ///< 0: not written
  double x_resolution = 0;
  double y_resolution = 0;
  std::string description;
  std::string fei;
  std::string zeiss;
  std::vector<std::uint16_t> palette;  ///< of one channel: gray
};

std::uint32_t pattern(int z, int y, int x);

/// `mode`: libtiff's, as "w", "w8" (BigTIFF), "wb" (big-endian).
void make_tiff(const std::string& path, const std::vector<PageSpec>& pages, const std::string& mode = "w");
void make_tiff(const std::string& path, const PageSpec& page, int pages, const std::string& mode = "w");

/// How many voxels of the slice are not what make_tiff wrote on page z.
int wrong_voxels(const Slice& slice, int z);

std::vector<unsigned char> read_bytes(const std::string& path);
void write_bytes(const std::string& path, const std::vector<unsigned char>& bytes);
/// A little-endian number in the bytes.
std::uint64_t get(const std::vector<unsigned char>& bytes, std::size_t at, int width);
void put(std::vector<unsigned char>& bytes, std::size_t at, int width, std::uint64_t value);
/// File offsets of the directories of a little-endian classic TIFF.
std::vector<std::size_t> directories(const std::vector<unsigned char>& bytes);
/// File offset of the 12-byte entry of a tag in the directory, in a little-endian classic TIFF.
std::size_t entry(const std::vector<unsigned char>& bytes, std::size_t directory, int tag);

/// What the error says if the stack cannot be opened or one of its slices not be read; empty if all is well.
std::string failure(const std::string& path);
/// Its kind. Requires that there is one.
ErrorKind failure_kind(const std::string& path);

/// Of all voxels in order, little-endian, as zlib computes it. `crc`: of what came before.
std::uint32_t crc32(const Slice& slice, std::uint32_t crc = 0);

}  // namespace fibflow::io::testing
