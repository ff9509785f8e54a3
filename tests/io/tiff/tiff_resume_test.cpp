// A TIFF whose writer was stopped at any moment is gone on with, and ends as the same file.
#include <gtest/gtest.h>

#include <filesystem>

#include "io/error.h"
#include "io/tiff/tiff_writer.h"
#include "tests/fixtures/tiff_maker.h"

namespace fibflow::io {
namespace {

using Names = std::vector<std::string>;
constexpr int depth = 5;

struct Kind {
  const char* name;
  PixelType type;
  Compression compression;
  bool big;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

Slice slice_of(PixelType type, int z) {
  const int height = 61, width = 67;
  const Slice shape(z, height, width, type, std::make_shared<std::byte[]>(1));
  auto voxels = std::make_shared<std::byte[]>(shape.size_bytes());
  for (std::size_t i = 0; i < shape.size_bytes(); ++i)
    voxels[i] = static_cast<std::byte>(testing::pattern(z, static_cast<int>(i), 3) & 63U);
  return Slice(z, height, width, type, voxels);
}

class TiffResumeTest : public ::testing::TestWithParam<Kind> {
 protected:
  WriterOptions options() const {
    WriterOptions options;
    options.compression = GetParam().compression;
    options.voxel_nm = {12, 8, 8};
    options.description = "what it was written with";
    options.depth = depth;
    if (GetParam().big) options.depth = 0;  // an unknown depth asks for BigTIFF
    return options;
  }
  Slice slice(int z) const { return slice_of(GetParam().type, z); }

  std::vector<unsigned char> uninterrupted() const {
    const std::string whole = folder.path("whole.tif");
    TiffWriter writer(whole, options());
    for (int z = 0; z < depth; ++z) writer.write(slice(z));
    writer.finish();
    auto bytes = testing::read_bytes(whole);
    std::filesystem::remove(whole);
    return bytes;
  }

  /// Goes on from there to the end.
  std::vector<unsigned char> completed(const TiffProgress& from) const {
    TiffWriter writer(path, options(), from);
    for (int z = static_cast<int>(from.slices); z < depth; ++z) writer.write(slice(z));
    writer.finish();
    EXPECT_EQ(folder.contents(), Names{"out.tif"});
    auto bytes = testing::read_bytes(path);
    std::filesystem::remove(path);
    return bytes;
  }

  /// Writes some slices, and leaves the file. Returns how far it had come at `counts`.
  TiffProgress leave(int slices, int counts) const {
    TiffWriter writer(path, options(), {});
    std::string progress = writer.progress();
    for (int z = 0; z < slices; ++z) {
      writer.write(slice(z));
      if (z + 1 == counts) progress = writer.progress();
    }
    writer.sync();
    writer.keep();
    return TiffProgress::parse(progress).value();
  }

  const testing::TemporaryFolder folder;
  const std::string path = folder.path("out.tif");
  const std::string partial = folder.path(".out.tif.partial");
};

TEST_P(TiffResumeTest, EndsAsTheSameFileFromAnyPositionWhateverCameAfterIt) {
  const auto expected = uninterrupted();
  for (int slices = 0; slices <= depth; ++slices) {
    for (int counts = 0; counts <= slices; ++counts) {
      const TiffProgress from = leave(slices, counts);
      EXPECT_EQ(from.slices, counts);
      EXPECT_TRUE(completed(from) == expected) << counts << " of " << slices << " slices";
    }
  }
}

TEST_P(TiffResumeTest, EndsAsTheSameFileWhenThePageAfterIsThereInPart) {
  const auto expected = uninterrupted();
  const TiffProgress two = leave(2, 2);
  const TiffProgress three = leave(3, 3);
  ASSERT_GT(three.length, two.length);
  const auto left = testing::read_bytes(partial);
  const std::uint64_t step = (three.length - two.length) / 7 + 1;
  for (std::uint64_t length = two.length; length <= three.length; length += step) {
    auto part = left;
    part.resize(length);
    testing::write_bytes(partial, part);
    EXPECT_TRUE(completed(two) == expected) << length;
    // Blocks that a lost page had asked for may hold anything.
    part.resize(length + 1000, 0xA5);
    testing::write_bytes(partial, part);
    EXPECT_TRUE(completed(two) == expected) << length << " and garbage";
  }
}

TEST_P(TiffResumeTest, OneThatIsShorterThanItsPositionOrGoneIsRefused) {
  const TiffProgress three = leave(3, 3);
  auto bytes = testing::read_bytes(partial);
  bytes.pop_back();
  testing::write_bytes(partial, bytes);
  try {
    TiffWriter writer(path, options(), three);
    ADD_FAILURE() << "went on with what is lost";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_EQ(error.what(), path + ": what was written of it before (" + partial + ") is cut short");
  }
  EXPECT_EQ(testing::read_bytes(partial).size(), bytes.size()) << "a refusal changed it";
  std::filesystem::remove(partial);
  EXPECT_THROW(TiffWriter(path, options(), three), Error);
  EXPECT_EQ(folder.contents(), Names{});
}

TEST_P(TiffResumeTest, OneByteThatDiffersIsNoticed) {
  const TiffProgress three = leave(3, 3);
  const auto bytes = testing::read_bytes(partial);
  ASSERT_EQ(bytes.size(), three.length);
  for (std::size_t at = 0; at < bytes.size(); at += at < 40 ? 1 : bytes.size() / 60 + 1) {
    auto other = bytes;
    other[at] ^= 0x10;
    testing::write_bytes(partial, other);
    try {
      TiffWriter writer(path, options(), three);
      ADD_FAILURE() << "went on with another byte " << at << " of " << bytes.size();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      EXPECT_NE(std::string(error.what()).find("out.tif"), std::string::npos) << error.what();
    }
    EXPECT_EQ(testing::read_bytes(partial), other) << "a refusal changed it";
  }
  testing::write_bytes(partial, bytes);
  EXPECT_EQ(completed(three), uninterrupted());
}

TEST_P(TiffResumeTest, OneWriterAtATime) {
  TiffWriter writer(path, options(), {});
  writer.write(slice(0));
  try {
    TiffWriter second(path, options(), {});
    ADD_FAILURE() << "two writers";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::cannot_create);
    EXPECT_EQ(error.what(), path + ": is being written by another process");
  }
}

TEST_P(TiffResumeTest, NothingIsLeftUnlessItIsKept) {
  {
    TiffWriter writer(path, options(), {});
    writer.write(slice(0));
  }
  EXPECT_EQ(folder.contents(), Names{});
}

TEST_P(TiffResumeTest, AFinishedFileIsKnownByItsIdentityAndLength) {
  TiffWriter writer(path, options(), {});
  for (int z = 0; z < depth; ++z) writer.write(slice(z));
  const TiffProgress progress = TiffProgress::parse(writer.progress()).value();
  EXPECT_FALSE(is_finished(path, progress));
  writer.finish();
  EXPECT_TRUE(is_finished(path, progress));
  EXPECT_EQ(testing::read_bytes(path).size(), progress.length);
  std::filesystem::copy(path, folder.path("copy.tif"));
  EXPECT_FALSE(is_finished(folder.path("copy.tif"), progress));
}

INSTANTIATE_TEST_SUITE_P(Kinds, TiffResumeTest,
                         ::testing::Values(Kind{"u8_deflate", PixelType::u8, Compression::deflate, false},
                                           Kind{"u8_deflate_big", PixelType::u8, Compression::deflate, true},
                                           Kind{"u16_none", PixelType::u16, Compression::none, false},
                                           Kind{"u16_zstd_big", PixelType::u16, Compression::zstd, true},
                                           Kind{"f32_zstd", PixelType::f32, Compression::zstd, false},
                                           Kind{"f32_none_big", PixelType::f32, Compression::none, true}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace fibflow::io
