// Files of real microscopes and programs, intact and broken, that stand beside a checkout. What they should
// read as was computed by other decoders: tests/fixtures/io/make_checksums.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "io/formats/formats.h"
#include "io/stack.h"
#include "tests/fixtures/stack_failure.h"
#include "tests/fixtures/tiff_maker.h"

namespace fibflow::io {
namespace {

namespace fs = std::filesystem;

struct Expected {
  std::int64_t depth = 0;
  int height = 0, width = 0;
  std::string type, crc;
};

std::map<std::string, Expected> table(const std::string& name) {
  std::ifstream file(std::string(FIBFLOW_TEST_FIXTURES) + "/io/" + name);
  std::map<std::string, Expected> rows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string path;
    Expected row;
    words >> path >> row.depth >> row.height >> row.width >> row.type >> row.crc;
    rows[path] = row;
  }
  return rows;
}

void expect_as_recorded(const fs::path& root, const std::string& name, const Expected& expected) {
  const auto stack = open_stack((root / name).string());
  const StackInfo& info = stack->info();
  EXPECT_EQ(info.depth, expected.depth);
  EXPECT_EQ(info.height, expected.height);
  EXPECT_EQ(info.width, expected.width);
  EXPECT_EQ(name_of(info.type), expected.type);
  std::uint32_t crc = 0;
  for (std::int64_t z = 0; z < info.depth; ++z) crc = testing::crc32(stack->read(z), crc);
  std::ostringstream hexadecimal;
  hexadecimal << std::hex;
  hexadecimal.width(8);
  hexadecimal.fill('0');
  hexadecimal << crc;
  EXPECT_EQ(hexadecimal.str(), expected.crc);
}

class RealFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(variants_)) GTEST_SKIP() << "recorded data is not here: " << variants_;
  }
  const fs::path variants_ = fs::path(FIBFLOW_SHARED) / "data" / "variants";
};

TEST_F(RealFilesTest, GrayScaleFilesReadAsOtherDecodersReadThem) {
  const auto rows = table("variants.txt");
  ASSERT_GE(rows.size(), 40u);
  for (const auto& [name, expected] : rows) {
    SCOPED_TRACE(name);
    EXPECT_NO_THROW(expect_as_recorded(variants_, name, expected));
  }
}

TEST_F(RealFilesTest, EveryOtherFileIsRefusedWithItsNameAndAReason) {
  const auto readable = table("variants.txt");
  int refused = 0;
  for (const auto& entry : fs::recursive_directory_iterator(variants_)) {
    const std::string name = entry.path().lexically_relative(variants_).generic_string();
    if (!entry.is_regular_file() || readable.count(name) > 0) continue;
    SCOPED_TRACE(name);
    const std::string says =
        testing::failure(entry.path().string(), [](const std::string& path) { return open_stack(path); });
    EXPECT_TRUE(says.starts_with(entry.path().string() + ": ")) << says;
    EXPECT_GT(says.size(), entry.path().string().size() + 10) << says;
    ++refused;
  }
  EXPECT_GT(refused, 100);
}

TEST_F(RealFilesTest, VoxelSizesAreTheMicroscopes) {
  struct Row {
    const char* name;
    double z, y, x;
    const char* source;
  };
  const Row rows[] = {
      {"fei/FEI-Helios-Ebeam-16bits.tif", 0, 3372.4, 3372.4, "Thermo/FEI tag 34682"},
      {"fei/FEI-Helios-Ebeam-8bits.tif", 0, 3372.4, 3372.4, "Thermo/FEI tag 34682"},
      {"fei/FEI-Helios-navcam.tif", 0, 0, 0, ""},
      {"fei/FEI-Helios-navcam-with-no-IRBeam.tif", 0, 0, 0, ""},
      {"fei/FEI-Helios-navcam-with-no-IRBeam-bad-floats.tif", 0, 0, 0, ""},
      {"fei/fibsemos_test_image_2.tif", 0, 97.6562, 97.6562, "Thermo/FEI tag 34682"},
      {"zeiss_sem/test_tiff_Zeiss_SEM_1k.tif", 0, 2615, 2615, "Zeiss tag 34118"},
      {"zeiss_sem/test_tiff_Zeiss_SEM_512pix.tif", 0, 11.65, 11.65, "Zeiss tag 34118"},
      {"imagej/neubias_image_3D_calibrated.tif", 520, 130, 130, "ImageJ"},
      {"imagej/neubias_xy_16bit__two_values.tif", 0, 0, 0, ""},
      {"imagej/neubias_xy_8bit__em_mitochondria_er.tif", 0, 8, 8, "ImageJ"},
      {"imagej/neubias_xy_8bit_binary__em_mitochondria_er.tif", 0, 0, 0, ""},
      {"imagej/neubias_xyt_8bit__em_fly_eye.tif", 0, 0, 0, ""},
      {"imagej/neubias_xyz_8bit__mitotic_plate_badZcalibrated.tif", 0, 85.19643, 85.19643, "ImageJ"},
      {"imagej/test_loading_image_saved_with_imageJ.tif", 0, 168.67471, 168.67471, "ImageJ"},
      {"imagej/test_loading_image_saved_with_imageJ_no_scale.tif", 0, 0, 0, ""},
      {"imagej/test_loading_image_saved_with_imageJ_stack.tif", 2500, 168.67471, 168.67471, "ImageJ"},
      {"imagej/test_loading_image_saved_with_imageJ_stack_no_scale.tif", 0, 0, 0, ""},
      {"ome_tiff/multifile-Z1.ome.tiff", 0, 1000, 1000, "resolution tags"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto stack = open_stack((variants_ / row.name).string());
    const StackInfo& info = stack->info();
    EXPECT_NEAR(info.voxel_nm.z, row.z, 1e-6 * row.z);
    EXPECT_NEAR(info.voxel_nm.y, row.y, 1e-6 * row.y);
    EXPECT_NEAR(info.voxel_nm.x, row.x, 1e-6 * row.x);
    EXPECT_EQ(info.voxel_source, row.source);
  }
}

TEST_F(RealFilesTest, ASetOfOmeFilesReadsAsOneStack) {
  const auto rows = table("variants.txt");
  const auto stack = open_stack((variants_ / "ome_tiff" / "multifile-Z*.tiff").string());
  ASSERT_EQ(stack->info().depth, 5);
  EXPECT_TRUE(stack->info().remarks.empty());
  for (int z = 0; z < 5; ++z) {
    const auto alone =
        open_stack((variants_ / "ome_tiff" / ("multifile-Z" + std::to_string(z + 1) + ".ome.tiff")).string());
    EXPECT_EQ(testing::crc32(stack->read(z)), testing::crc32(alone->read(0))) << z;
  }
}

TEST(RealStacksTest, ReadAsOtherDecodersReadThem) {
  const fs::path stacks = fs::path(FIBFLOW_SHARED) / "data" / "stacks";
  if (!fs::exists(stacks)) GTEST_SKIP() << "recorded data is not here: " << stacks;
  const auto rows = table("stacks.txt");
  ASSERT_GE(rows.size(), 7u);
  for (const auto& [name, expected] : rows) {
    SCOPED_TRACE(name);
    EXPECT_NO_THROW(expect_as_recorded(stacks, name, expected));
  }
}

}  // namespace
}  // namespace fibflow::io
