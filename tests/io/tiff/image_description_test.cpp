#include "io/tiff/image_description.h"

#include <gtest/gtest.h>

namespace fibflow::io {
namespace {

TEST(ImageJDescriptionTest, IsReadFromItsLines) {
  const auto read =
      parse_imagej("ImageJ=1.53t\nimages=6\nchannels=2\nslices=3\nunit=nm\nspacing=-12.5\nloop=false\n");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->images, 6);
  EXPECT_EQ(read->channels, 2);
  EXPECT_EQ(read->slices, 3);
  EXPECT_EQ(read->frames, 1);
  EXPECT_EQ(read->x_unit_nm, 1);
  EXPECT_EQ(read->z_nm, 12.5);
}

TEST(ImageJDescriptionTest, MayGiveEachAxisItsUnit) {
  const auto read = parse_imagej("ImageJ=1.53t\nunit=nm\nyunit=um\nzunit=mm\nspacing=2\n");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->y_unit_nm, 1e3);
  EXPECT_EQ(read->z_nm, 2e6);
}

TEST(ImageJDescriptionTest, IsNotSeenInOtherText) {
  EXPECT_FALSE(parse_imagej(""));
  EXPECT_FALSE(parse_imagej("made with ImageJ=1.53t"));
}

TEST(ImageJDescriptionTest, DoesNotWrapHugeCounts) {
  EXPECT_EQ(parse_imagej("ImageJ=1\nimages=1e300\n")->images, 0);
  EXPECT_EQ(parse_imagej("ImageJ=1\nimages=-4\n")->images, 0);
}

std::string ome(const std::string& pixels, const std::string& inside = "") {
  return "<?xml version=\"1.0\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\"><Image "
         "ID=\"Image:0\">"
         "<Pixels ID=\"Pixels:0\" " +
         pixels + ">" + inside + "</Pixels></Image></OME>";
}

TEST(OmeDescriptionTest, GivesSizesAndPhysicalSizes) {
  const auto read =
      parse_ome(ome("SizeC=\"1\" SizeZ=\"7\" SizeT=\"2\" PhysicalSizeX=\"4.5\" PhysicalSizeXUnit=\"nm\" "
                    "PhysicalSizeY=\"0.0045\" PhysicalSizeZ=\"0.05\""),
                "a.tif");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->images, 1);
  EXPECT_EQ(read->slices, 7);
  EXPECT_EQ(read->frames, 2);
  EXPECT_DOUBLE_EQ(read->voxel_nm.x, 4.5);
  EXPECT_DOUBLE_EQ(read->voxel_nm.y, 4.5);
  EXPECT_DOUBLE_EQ(read->voxel_nm.z, 50);
}

TEST(OmeDescriptionTest, MayHaveANamespacePrefix) {
  const auto read = parse_ome(
      "<ome:OME xmlns:ome=\"x\"><ome:Image><ome:Pixels SizeC=\"3\" SizeZ=\"4\"/></ome:Image></ome:OME>",
      "a.tif");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->channels, 3);
  EXPECT_EQ(read->slices, 4);
}

TEST(OmeDescriptionTest, NoticesPagesOutOfOrder) {
  const std::string straight = "<TiffData IFD=\"0\" FirstZ=\"0\"/><TiffData IFD=\"1\" FirstZ=\"1\"/>";
  const std::string swapped = "<TiffData IFD=\"0\" FirstZ=\"1\"/><TiffData IFD=\"1\" FirstZ=\"0\"/>";
  EXPECT_FALSE(parse_ome(ome("SizeZ=\"2\"", straight), "a.tif")->reordered);
  EXPECT_TRUE(parse_ome(ome("SizeZ=\"2\"", swapped), "a.tif")->reordered);
}

TEST(OmeDescriptionTest, LooksOnlyAtThePagesOfItsOwnFile) {
  const std::string of_set =
      "<TiffData IFD=\"0\" FirstZ=\"0\"><UUID FileName=\"a.tif\">u</UUID></TiffData>"
      "<TiffData IFD=\"0\" FirstZ=\"1\"><UUID FileName=\"b.tif\">v</UUID></TiffData>"
      "<TiffData IFD=\"1\" FirstZ=\"2\"><UUID FileName=\"b.tif\">v</UUID></TiffData>";
  EXPECT_FALSE(parse_ome(ome("SizeZ=\"3\"", of_set), "b.tif")->reordered);
}

TEST(OmeDescriptionTest, IsNotSeenInOtherText) {
  EXPECT_FALSE(parse_ome("", "a.tif"));
  EXPECT_FALSE(parse_ome("<html>OME</html>", "a.tif"));
  EXPECT_FALSE(parse_ome("<OME", "a.tif"));
}

TEST(OmeDescriptionTest, MayPointToAnotherFile) {
  const auto read = parse_ome("<OME><BinaryOnly MetadataFile=\"set.companion.ome\"/></OME>", "a.tif");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->images, 0);
}

}  // namespace
}  // namespace fibflow::io
