#include "io/tiff/tiff_writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <tiffio.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include "io/error.h"
#include "tests/fixtures/tiff_maker.h"
#include "tests/io/tiff/open_tiff.h"

namespace fibflow::io {
namespace {

using Names = std::vector<std::string>;
using testing::pattern;
using testing::wrong_voxels;

Slice make_slice(int z, int height, int width, PixelType type) {
  const Slice shape(z, height, width, type, std::make_shared<std::byte[]>(1));
  auto voxels = std::make_shared<std::byte[]>(shape.size_bytes());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::size_t at =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
      const std::uint32_t value = pattern(z, y, x);
      const float number = static_cast<float>(value % 100000) / 1000 - 20;
      const void* from = type == PixelType::f32 ? static_cast<const void*>(&number) : &value;
      std::memcpy(voxels.get() + at * bytes_per_voxel(type), from, bytes_per_voxel(type));
    }
  }
  return Slice(z, height, width, type, voxels);
}

struct Kind {
  const char* name;
  PixelType type;
  Compression compression;
  const char* told;
};

class TiffWriterKindTest : public ::testing::TestWithParam<Kind> {};

TEST_P(TiffWriterKindTest, ReadsBackAsWritten) {
  const testing::TemporaryFolder folder;
  WriterOptions options;
  options.compression = GetParam().compression;
  options.depth = 3;
  TiffWriter writer(folder.path("out.tif"), options);
  // Two and a bit strips of 256 KiB.
  const int width = 700, height = 900 / static_cast<int>(bytes_per_voxel(GetParam().type)) + 7;
  for (int z = 0; z < 3; ++z) {
    const Slice slice = make_slice(z, height, width, GetParam().type);
    writer.write(slice);
    EXPECT_EQ(wrong_voxels(slice, z), 0) << "the writer changed its input";
  }
  writer.finish();
  const auto stack = testing::open_tiff(folder.path("out.tif"));
  ASSERT_EQ(stack->info().depth, 3);
  EXPECT_EQ(stack->info().format, "TIFF");
  EXPECT_EQ(stack->info().type, GetParam().type);
  EXPECT_EQ(stack->info().compression, GetParam().told);
  for (int z = 0; z < 3; ++z) EXPECT_EQ(wrong_voxels(stack->read(z), z), 0) << z;
}

TEST_P(TiffWriterKindTest, CopiesSlicesAsTheyAreStored) {
  const testing::TemporaryFolder folder;
  WriterOptions options;
  options.compression = GetParam().compression;
  const auto written_to = [&](const std::string& path, std::int64_t depth, const auto& append) {
    options.depth = depth;
    TiffWriter writer(path, options);
    for (int z = 0; z < depth; ++z) append(writer, z);
    writer.finish();
  };
  const auto slice = [&](int z) { return make_slice(z, 307, 1201, GetParam().type); };
  const auto single = [&](int z) { return folder.path("slice_" + std::to_string(z) + ".tif"); };
  for (int z = 0; z < 3; ++z) {
    written_to(single(z), 1, [&](TiffWriter& writer, int) { writer.write(slice(z)); });
  }
  written_to(folder.path("whole.tif"), 3, [&](TiffWriter& writer, int z) { writer.write(slice(z)); });
  written_to(folder.path("copied.tif"), 3,
             [&](TiffWriter& writer, int z) { EXPECT_TRUE(writer.copy(single(z))); });
  EXPECT_EQ(testing::read_bytes(folder.path("copied.tif")), testing::read_bytes(folder.path("whole.tif")));
}

TEST(TiffCopyTest, CopiesNothingThatIsStoredOtherwise) {
  const testing::TemporaryFolder folder;
  const auto single = [&](const char* name, Compression compression, std::int64_t depth) {
    TiffWriter writer(folder.path(name), {compression, {}, "", false, depth});
    for (int z = 0; z < depth; ++z) writer.write(make_slice(z, 300, 1200, PixelType::u8));
    writer.finish();
    return folder.path(name);
  };
  TiffWriter writer(folder.path("out.tif"), {Compression::deflate, {}, "", false, 1});
  EXPECT_FALSE(writer.copy(folder.path("missing.tif")));
  EXPECT_FALSE(writer.copy(single("other.tif", Compression::zstd, 1)));
  EXPECT_FALSE(writer.copy(single("two.tif", Compression::deflate, 2)));
  auto cut = testing::read_bytes(single("cut.tif", Compression::deflate, 1));
  std::fill(cut.begin() + 16, cut.begin() + 32, 0);
  cut.resize(cut.size() / 2);
  testing::write_bytes(folder.path("cut.tif"), cut);
  EXPECT_FALSE(writer.copy(folder.path("cut.tif")));
  EXPECT_TRUE(writer.copy(single("like.tif", Compression::deflate, 1)));
  writer.finish();
}

INSTANTIATE_TEST_SUITE_P(
    , TiffWriterKindTest,
    ::testing::Values(Kind{"U8Deflate", PixelType::u8, Compression::deflate, "deflate"},
                      Kind{"U16Deflate", PixelType::u16, Compression::deflate, "deflate"},
                      Kind{"F32Deflate", PixelType::f32, Compression::deflate, "deflate"},
                      Kind{"U8Zstd", PixelType::u8, Compression::zstd, "zstd"},
                      Kind{"U16Zstd", PixelType::u16, Compression::zstd, "zstd"},
                      Kind{"F32Zstd", PixelType::f32, Compression::zstd, "zstd"},
                      Kind{"U8None", PixelType::u8, Compression::none, "none"},
                      Kind{"F32None", PixelType::f32, Compression::none, "none"}),
    [](const auto& tested) { return tested.param.name; });

class TiffWriterTest : public ::testing::Test {
 protected:
  static WriterOptions options(std::int64_t depth = 2) {
    WriterOptions options;
    options.depth = depth;
    return options;
  }
  static Slice slice(int z) { return make_slice(z, 12, 20, PixelType::u8); }
  void write(WriterOptions options, int slices = 2) {
    TiffWriter writer(path_, std::move(options));
    for (int z = 0; z < slices; ++z) writer.write(slice(z));
    writer.finish();
  }
  std::string text_field(std::uint32_t tag) {
    TIFF* tiff = TIFFOpen(path_.c_str(), "rm");
    char* text = nullptr;
    const std::string result = TIFFGetField(tiff, tag, &text) == 1 ? text : "";
    TIFFClose(tiff);
    return result;
  }

  const testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path("out.tif");
};

TEST_F(TiffWriterTest, KeepsTheVoxelSizeAsImageJDoes) {
  WriterOptions with = options();
  with.voxel_nm = {50, 4.6, 4.5};
  write(with);
  const auto stack = testing::open_tiff(path_);
  EXPECT_NEAR(stack->info().voxel_nm.z, 50, 1e-9);
  EXPECT_NEAR(stack->info().voxel_nm.y, 4.6, 1e-6);
  EXPECT_NEAR(stack->info().voxel_nm.x, 4.5, 1e-6);
  EXPECT_EQ(stack->info().voxel_source, "ImageJ");
  EXPECT_TRUE(stack->info().remarks.empty());
  EXPECT_EQ(text_field(TIFFTAG_IMAGEDESCRIPTION),
            "ImageJ=1.53t\nimages=2\nslices=2\nunit=nm\nspacing=50\nloop=false\n");
}

TEST_F(TiffWriterTest, ClaimsNoVoxelSizeThatIsUnknown) {
  write(options());
  const auto stack = testing::open_tiff(path_);
  EXPECT_EQ(stack->info().voxel_nm.x, 0);
  EXPECT_EQ(stack->info().voxel_source, "");
}

TEST_F(TiffWriterTest, KeepsTheDescriptionOnOneLine) {
  WriterOptions with = options();
  with.description = "fibflow 0.1\nC:\\lag=2\nunit=mm";
  with.voxel_nm = {5, 5, 5};
  write(with);
  const std::string text = text_field(TIFFTAG_IMAGEDESCRIPTION);
  EXPECT_NE(text.find("\nfibflow=fibflow 0.1\\nC:\\\\lag=2\\nunit=mm\n"), std::string::npos) << text;
  EXPECT_EQ(text_field(TIFFTAG_SOFTWARE).substr(0, 8), "fibflow ");
  EXPECT_NEAR(testing::open_tiff(path_)->info().voxel_nm.x, 5, 1e-6)
      << "the description is taken for ImageJ's own lines";
}

TEST_F(TiffWriterTest, DoesNotSayImagesInAnUncompressedFile) {
  // ImageJ would then take what follows the first slice's voxels for the second slice: the directories.
  WriterOptions with = options();
  with.compression = Compression::none;
  write(with);
  EXPECT_EQ(text_field(TIFFTAG_IMAGEDESCRIPTION).find("images="), std::string::npos);
}

TEST_F(TiffWriterTest, DeflatesWithoutAPredictor) {
  // ImageJ ignores it there, and would show differences of neighbours.
  write(options());
  TIFF* tiff = TIFFOpen(path_.c_str(), "rm");
  std::uint16_t predictor = PREDICTOR_NONE, compression = 0;
  TIFFGetField(tiff, TIFFTAG_PREDICTOR, &predictor);
  TIFFGetField(tiff, TIFFTAG_COMPRESSION, &compression);
  TIFFClose(tiff);
  EXPECT_EQ(compression, COMPRESSION_ADOBE_DEFLATE);
  EXPECT_EQ(predictor, PREDICTOR_NONE);
}

TEST_F(TiffWriterTest, ChoosesBigTiffByWhatIsComing) {
  // 240 bytes a slice: 32-bit offsets do for some millions, but not for a hundred.
  const auto format = [&](std::int64_t depth) {
    WriterOptions with = options(depth);
    with.overwrite = true;
    TiffWriter writer(path_, with, TiffProgress{});  // which grows where it can be looked at
    writer.write(slice(0));
    for (const std::string& name : folder_.contents()) {
      if (name.ends_with(".partial")) return static_cast<int>(testing::read_bytes(folder_.path(name)).at(2));
    }
    return 0;
  };
  EXPECT_EQ(format(1000), 42);
  EXPECT_EQ(format(100'000'000), 43);
  EXPECT_EQ(format(0), 43) << "unknown depth";
}

TEST_F(TiffWriterTest, RefusesAnExistingFileAtOnce) {
  testing::write_bytes(path_, {'o', 'l', 'd'});
  try {
    TiffWriter writer(path_, options());
    FAIL() << "created";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::cannot_create);
    EXPECT_STREQ(error.what(), (path_ + ": exists already").c_str());
  }
  EXPECT_EQ(testing::read_bytes(path_).size(), 3u);
}

TEST_F(TiffWriterTest, ReplacesAnExistingFileOnlyWhenDone) {
  testing::write_bytes(path_, {'o', 'l', 'd'});
  WriterOptions with = options();
  with.overwrite = true;
  {
    TiffWriter writer(path_, with);
    writer.write(slice(0));
  }
  EXPECT_EQ(testing::read_bytes(path_).size(), 3u);
  write(with);
  EXPECT_EQ(testing::open_tiff(path_)->info().depth, 2);
  EXPECT_EQ(folder_.contents(), Names{"out.tif"});
}

TEST_F(TiffWriterTest, LeavesNothingWhenDestroyedBeforeTheEnd) {
  {
    TiffWriter writer(path_, options());
    writer.write(slice(0));
    EXPECT_FALSE(std::filesystem::exists(path_));
  }
  EXPECT_EQ(folder_.contents(), Names{});
}

TEST_F(TiffWriterTest, RefusesASliceOfAnotherShapeOrType) {
  TiffWriter writer(path_, options(4));
  writer.write(slice(0));
  EXPECT_THROW(writer.write(make_slice(1, 12, 21, PixelType::u8)), std::invalid_argument);
  EXPECT_THROW(writer.write(make_slice(1, 12, 20, PixelType::u16)), std::invalid_argument);
  EXPECT_THROW(writer.write(Slice()), std::invalid_argument);
  writer.write(slice(1));
}

TEST_F(TiffWriterTest, RefusesMoreOrFewerSlicesThanAnnounced) {
  TiffWriter writer(path_, options(2));
  writer.write(slice(0));
  EXPECT_THROW(writer.finish(), std::logic_error);
  writer.write(slice(1));
  EXPECT_THROW(writer.write(slice(2)), std::invalid_argument);
  writer.finish();
  EXPECT_EQ(testing::open_tiff(path_)->info().depth, 2);
}

TEST_F(TiffWriterTest, RefusesAnEmptyStack) {
  TiffWriter writer(path_, options(0));
  EXPECT_THROW(writer.finish(), std::logic_error);
}

TEST_F(TiffWriterTest, TakesAnyNumberOfSlicesIfNoneIsAnnounced) {
  write(options(0), 5);
  const auto stack = testing::open_tiff(path_);
  EXPECT_EQ(stack->info().depth, 5);
  EXPECT_EQ(stack->info().format, "BigTIFF");
  EXPECT_TRUE(stack->info().remarks.empty());
}

// Files may not grow beyond a size, as on a full disk: the write fails with a reason of its own.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    old_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, old_);
  }

 private:
  rlimit before_{};
  void (*old_)(int) = SIG_DFL;
};

TEST_F(TiffWriterTest, AFullDiskIsAnErrorWithItsReason) {
  for (const Compression compression : {Compression::none, Compression::deflate, Compression::zstd}) {
    const FullDisk full(100'000);
    WriterOptions with = options(100);
    with.compression = compression;
    std::string says;
    try {
      TiffWriter writer(path_, with);
      for (int z = 0; z < 100; ++z) writer.write(make_slice(z, 100, 100, PixelType::u8));
      writer.finish();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::read_write);
      says = error.what();
    }
    EXPECT_EQ(says, path_ + ": cannot be written: File too large");
    EXPECT_EQ(folder_.contents(), Names{});
  }
}

TEST_F(TiffWriterTest, ADiskThatFillsUpAnywhereIsNoticed) {
  // At every limit below the finished size: in a strip, in a directory, in the link from one to the next.
  write(options(3), 3);
  const auto whole = static_cast<rlim_t>(std::filesystem::file_size(path_));
  std::filesystem::remove(path_);
  for (rlim_t limit = 0; limit < whole; limit += 5) {
    bool failed = false;
    {
      const FullDisk full(limit);
      try {
        write(options(3), 3);
      } catch (const Error& error) {
        failed = error.kind() == ErrorKind::read_write;
      }
    }
    ASSERT_TRUE(failed) << "at " << limit << " of " << whole << " bytes";
    ASSERT_EQ(folder_.contents(), Names{}) << "at " << limit << " of " << whole << " bytes";
  }
}

TEST_F(TiffWriterTest, CannotGoOnAfterAFailure) {
  TiffWriter writer(path_, options(2));
  {
    const FullDisk full(100);
    EXPECT_THROW(writer.write(slice(0)), Error);
  }
  EXPECT_THROW(writer.write(slice(0)), std::logic_error);
  EXPECT_THROW(writer.finish(), std::logic_error);
}

}  // namespace
}  // namespace fibflow::io
