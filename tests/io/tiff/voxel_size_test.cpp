#include "io/tiff/voxel_size.h"

#include <gtest/gtest.h>
#include <tiff.h>

#include "tests/fixtures/tiff_maker.h"
#include "tests/io/tiff/open_tiff.h"

namespace fibflow::io {
namespace {

using testing::PageSpec;

class VoxelSizeTest : public ::testing::Test {
 protected:
  StackInfo info(const PageSpec& page) {
    testing::make_tiff(folder_.path("a.tif"), page, 1);
    return testing::open_tiff(folder_.path("a.tif"))->info();
  }
  const testing::TemporaryFolder folder_;
};

#define EXPECT_VOXEL(information, z_nm, y_nm, x_nm, from)    \
  do {                                                       \
    const StackInfo voxel_info = information;                \
    EXPECT_NEAR(voxel_info.voxel_nm.z, z_nm, 1e-6 * (z_nm)); \
    EXPECT_NEAR(voxel_info.voxel_nm.y, y_nm, 1e-6 * (y_nm)); \
    EXPECT_NEAR(voxel_info.voxel_nm.x, x_nm, 1e-6 * (x_nm)); \
    EXPECT_EQ(voxel_info.voxel_source, from);                \
  } while (false)

PageSpec resolution(int unit, double x, double y) {
  PageSpec page;
  page.resolution_unit = unit;
  page.x_resolution = x;
  page.y_resolution = y;
  return page;
}

constexpr const char* fei =
    "[User]\r\nDate=1\r\n[System]\r\nPixelWidth=7\r\n[Scan]\r\nPixelWidth=4.5e-009\r\nPixelHeight=5e-009\r\n"
    "[EScan]\r\nPixelWidth=1\r\nPixelHeight=1\r\n";

TEST_F(VoxelSizeTest, IsUnknownWithoutTags) {
  EXPECT_VOXEL(info(PageSpec()), 0, 0, 0, "");
}

TEST_F(VoxelSizeTest, ComesFromResolutionPerCentimetreOrInch) {
  EXPECT_VOXEL(info(resolution(RESUNIT_CENTIMETER, 1e6, 2e6)), 0, 5, 10, "resolution tags");
  EXPECT_VOXEL(info(resolution(RESUNIT_INCH, 25.4e5, 25.4e5)), 0, 10, 10, "resolution tags");
}

TEST_F(VoxelSizeTest, DoesNotComeFromTheResolutionOfScreensAndPrinters) {
  for (const double dpi : {1., 72., 96., 150., 300., 600., 1200.}) {
    EXPECT_VOXEL(info(resolution(RESUNIT_INCH, dpi, dpi)), 0, 0, 0, "");
  }
  EXPECT_VOXEL(info(resolution(RESUNIT_NONE, 5, 5)), 0, 0, 0, "");
}

TEST_F(VoxelSizeTest, ComesFromImageJsUnitAndSpacing) {
  PageSpec page = resolution(RESUNIT_NONE, 0.125, 0.25);
  page.description = "ImageJ=1.53t\nunit=nm\nspacing=40\n";
  EXPECT_VOXEL(info(page), 40, 4, 8, "ImageJ");
  page.description = "ImageJ=1.53t\nunit=\\u00B5m\n";
  EXPECT_VOXEL(info(page), 0, 4000, 8000, "ImageJ");
}

TEST_F(VoxelSizeTest, OfImageJMayStandPerCentimetre) {
  PageSpec page = resolution(RESUNIT_CENTIMETER, 1e6, 1e6);
  page.description = "ImageJ=1.53t\nunit=nm\nspacing=50\n";
  EXPECT_VOXEL(info(page), 50, 10, 10, "ImageJ");
}

TEST_F(VoxelSizeTest, OfImageJInPixelsIsUnknown) {
  PageSpec page = resolution(RESUNIT_NONE, 1, 1);
  page.description = "ImageJ=1.53t\nunit=pixel\nspacing=2\n";
  EXPECT_VOXEL(info(page), 0, 0, 0, "");
}

TEST_F(VoxelSizeTest, ComesFromOmeBeforeTheResolution) {
  PageSpec page = resolution(RESUNIT_CENTIMETER, 1e6, 1e6);
  page.description =
      "<OME><Image><Pixels SizeZ=\"1\" PhysicalSizeX=\"3\" PhysicalSizeXUnit=\"nm\" PhysicalSizeY=\"4\" "
      "PhysicalSizeYUnit=\"nm\" PhysicalSizeZ=\"0.02\"/></Image></OME>";
  EXPECT_VOXEL(info(page), 20, 4, 3, "OME-XML");
}

TEST_F(VoxelSizeTest, ComesFromTheMicroscopeFirst) {
  PageSpec page = resolution(RESUNIT_CENTIMETER, 1e6, 1e6);
  page.fei = fei;
  EXPECT_VOXEL(info(page), 0, 5, 4.5, "Thermo/FEI tag 34682");
  page.description = "ImageJ=1.53t\nunit=nm\nspacing=8\n";
  EXPECT_VOXEL(info(page), 8, 5, 4.5, "Thermo/FEI tag 34682, z from ImageJ");
}

TEST_F(VoxelSizeTest, OfThermoMayStandWithTheBeam) {
  PageSpec page;
  page.fei = "[Scan]\nInternalScan=true\n[IScan]\nPixelWidth=2e-9\nPixelHeight=2e-9\n";
  EXPECT_VOXEL(info(page), 0, 2, 2, "Thermo/FEI tag 34682");
}

TEST_F(VoxelSizeTest, OfThermoThatIsNoNumberIsUnknown) {
  PageSpec page;
  page.fei = "[Scan]\nPixelWidth=\nPixelHeight=abc\n[EScan]\nPixelWidth=-1\nPixelHeight=nan\n";
  EXPECT_VOXEL(info(page), 0, 0, 0, "");
}

TEST_F(VoxelSizeTest, OfZeissHasItsUnit) {
  PageSpec page;
  page.zeiss = "0\r\n0\r\nAP_IMAGE_PIXEL_SIZE\r\nPixel Size = 5.825 nm\r\nAP_MAG\r\nMag = 20 K X\r\n";
  EXPECT_VOXEL(info(page), 0, 5.825, 5.825, "Zeiss tag 34118");
  page.zeiss =
      "AP_PIXEL_SIZE\r\nPixel Size = 1 nm\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 2.615 \xb5m\r\n";
  EXPECT_VOXEL(info(page), 0, 2615, 2615, "Zeiss tag 34118");
}

}  // namespace
}  // namespace fibflow::io
