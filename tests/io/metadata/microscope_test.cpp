#include "io/metadata/microscope.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/fixtures/test_files.h"

namespace fibflow::io {
namespace {

TEST(MicroscopeTest, FeiSaysWhereTheImageEnds) {
  const std::string text =
      "[Scan]\r\nPixelWidth=4e-009\r\nPixelHeight=5e-009\r\n[Image]\r\nResolutionX=1536\r\nResolutionY="
      "1024\r\n"
      "[PrivateFei]\r\nDatabarHeight=79\r\n";
  const MicroscopeFacts facts = read_fei(text, 1103, 1536);
  EXPECT_EQ(facts.data_bar, 79);
  EXPECT_NEAR(facts.nm.x, 4, 1e-9);
  EXPECT_NEAR(facts.nm.y, 5, 1e-9);
  EXPECT_EQ(facts.source, "Thermo/FEI tag 34682");
  EXPECT_EQ(read_fei(text, 1024, 1536).data_bar, 0) << "exported without it";
  EXPECT_EQ(read_fei(text, 1103, 768).data_bar, 0) << "another image than the one that is described";
  EXPECT_EQ(read_fei("[PrivateFei]\nDatabarHeight=29\n", 471, 512).data_bar, 29);
  EXPECT_EQ(read_fei("[PrivateFei]\nDatabarHeight=300\n", 471, 512).data_bar, 0)
      << "no bar is most of an image";
  EXPECT_EQ(read_fei("nonsense", 471, 512).source, "");
}

TEST(MicroscopeTest, ZeissPixelsAreThoseOfItsScreenUnlessTheImageIsNamed) {
  const auto nm = [](const std::string& text, int width) { return read_zeiss(text, 100, width).nm.x; };
  const std::string screen = "AP_PIXEL_SIZE\r\nPixel Size = 5.825 nm\r\nAP_WIDTH\r\nWidth = 5.965 \xb5m\r\n";
  EXPECT_NEAR(nm(screen, 512), 11.65, 1e-9);
  EXPECT_NEAR(nm(screen, 1024), 5.825, 1e-9);
  EXPECT_NEAR(nm("AP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 4 nm\r\n" + screen, 512), 4, 1e-9);
  EXPECT_NEAR(nm("AP_WIDTH\r\nWidth = 5.12 \xb5m\r\n", 512), 10, 1e-9);
  EXPECT_EQ(nm("DP_SCAN\r\nScan = 5 nm\r\n", 512), 0);
}

TEST(MicroscopeTest, TescanHasAStripInATagOrBeside) {
  const std::string block =
      std::string("\x02\x00\x30\x00", 4) +
      "Device=LYRA\r\nPixelSizeX=9.7e-009\r\nPixelSizeY=9.8e-009\r\nImageStripSize=64\r\n" +
      std::string("\x03\x00", 2);
  const MicroscopeFacts facts = read_tescan(block, 832, 1024);
  EXPECT_EQ(facts.data_bar, 64);
  EXPECT_NEAR(facts.nm.x, 9.7, 1e-9);
  EXPECT_NEAR(facts.nm.y, 9.8, 1e-9);
  EXPECT_EQ(read_tescan("OtherImageStripSize=64\n", 832, 1024).data_bar, 0);

  const testing::TemporaryFolder folder;
  testing::write_bytes(folder.path("a-tif.hdr"), {block.begin(), block.end()});
  EXPECT_EQ(read_sidecar(folder.path("a.tif"), 832, 1024).data_bar, 64);
  EXPECT_EQ(read_sidecar(folder.path("b.tif"), 832, 1024).data_bar, 0);
  testing::write_bytes(folder.path("b.hdr"), {block.begin(), block.end()});
  EXPECT_EQ(read_sidecar(folder.path("b.png"), 832, 1024).data_bar, 64);
}

TEST(MicroscopeTest, JeolAndHitachiHaveTextsBeside) {
  const std::string jeol =
      "$CM_FORMAT 1.0\n$CM_FULL_SIZE 1280 960\n$$SM_MICRON_BAR 213\n$$SM_MICRON_MARKER 1um\n";
  EXPECT_EQ(read_jeol(jeol, 1024, 1280).data_bar, 64);
  EXPECT_NEAR(read_jeol(jeol, 1024, 1280).nm.x, 1000.0 / 213, 1e-9);
  EXPECT_EQ(read_jeol(jeol, 960, 1280).data_bar, 0);
  const std::string hitachi = "[SemImageFile]\r\nDataSize=1280x960\r\nPixelSize=2.5\r\n";
  EXPECT_EQ(read_hitachi(hitachi, 1040, 1280).data_bar, 80);
  EXPECT_NEAR(read_hitachi(hitachi, 960, 1280).nm.x, 2.5, 1e-9);
  EXPECT_NEAR(read_hitachi(hitachi, 480, 640).nm.x, 5, 1e-9) << "saved at half its size";

  const testing::TemporaryFolder folder;
  std::vector<unsigned char> wide = {0xff, 0xfe};
  for (const char c : hitachi) wide.insert(wide.end(), {static_cast<unsigned char>(c), 0});
  testing::write_bytes(folder.path("a.txt"), wide);
  EXPECT_EQ(read_sidecar(folder.path("a.jpg"), 1040, 1280).data_bar, 80);
  testing::write_bytes(folder.path("b.txt"), {jeol.begin(), jeol.end()});
  EXPECT_EQ(read_sidecar(folder.path("b.tif"), 1024, 1280).source, "JEOL metadata");
  testing::write_bytes(folder.path("c.txt"), {'n', 'o', 't', 'e', 's'});
  EXPECT_EQ(read_sidecar(folder.path("c.tif"), 1024, 1280).source, "");
}

}  // namespace
}  // namespace fibflow::io
