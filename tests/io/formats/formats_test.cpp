#include "io/formats/formats.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>

#include "io/error.h"
#include "io/format.h"
#include "tests/fixtures/stack_failure.h"
#include "tests/fixtures/tiff_maker.h"

namespace fibflow::io {
namespace {

const auto open_any = [](const std::string& path) { return open_stack(path); };

using testing::make_tiff;
using testing::PageSpec;

/// A slice whose voxels are all z + 1.
Slice plain_slice(int z) {
  auto voxels = std::make_shared<std::byte[]>(6);
  std::fill_n(voxels.get(), 6, static_cast<std::byte>(z + 1));
  return Slice(z, 2, 3, PixelType::u8, std::move(voxels));
}

WriterOptions options() {
  WriterOptions options;
  options.depth = 3;
  return options;
}

class FormatsTest : public ::testing::Test {
 protected:
  const testing::TemporaryFolder folder_;
};

TEST_F(FormatsTest, EachHasANameOfItsOwnAndSuffixesInLowerCase) {
  std::set<std::string> names;
  for (const Format* format : formats()) {
    EXPECT_TRUE(names.insert(format->name).second) << format->name;
    for (const std::string& suffix : format->suffixes) {
      EXPECT_EQ(suffix.front(), '.');
      EXPECT_EQ(suffix.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), std::string::npos) << suffix;
    }
  }
}

TEST_F(FormatsTest, ATiffIsRecognizedByItsContentWhateverItsName) {
  for (const char* mode : {"w", "w8", "wb", "w8b"}) {
    make_tiff(folder_.path("cell.dat"), PageSpec(), 2, mode);
    EXPECT_STREQ(format_of_input(folder_.path("cell.dat")).name, "TIFF") << mode;
    EXPECT_EQ(open_stack(folder_.path("cell.dat"))->info().depth, 2) << mode;
    std::filesystem::remove(folder_.path("cell.dat"));
  }
}

TEST_F(FormatsTest, AFolderOrAPatternIsAFolderOfSlices) {
  make_tiff(folder_.path("slice_1.tif"), PageSpec(), 1);
  make_tiff(folder_.path("slice_2.tif"), PageSpec(), 1);
  EXPECT_EQ(open_stack(folder_.path())->info().depth, 2);
  EXPECT_EQ(open_stack(folder_.path("slice_?.tif"))->info().depth, 2);
}

TEST_F(FormatsTest, AFileMayHaveBracketsInItsName) {
  make_tiff(folder_.path("cell[1].tif"), PageSpec(), 2);
  EXPECT_EQ(open_stack(folder_.path("cell[1].tif"))->info().depth, 2);
}

TEST_F(FormatsTest, WhatNoneRecognizesIsRefusedWithTheReason) {
  testing::write_bytes(folder_.path("notes.txt"), {'s', 'o', 'm', 'e', ' ', 't', 'e', 'x', 't'});
  const std::string says = testing::failure(folder_.path("notes.txt"), open_any);
  EXPECT_NE(says.find("notes.txt: not a TIFF file"), std::string::npos) << says;
  EXPECT_EQ(testing::failure_kind(folder_.path("absent.xyz"), open_any), ErrorKind::missing);
}

TEST_F(FormatsTest, WhatIsKnownAndCannotBeReadIsNamed) {
  struct Known {
    const char* file;
    std::vector<unsigned char> bytes;
    const char* name;
  };
  std::vector<unsigned char> mrc(1024);
  std::memcpy(mrc.data() + 208, "MAP ", 4);
  for (const Known& known :
       {Known{"a.mrc", {1, 2}, "MRC volume"}, Known{"a.bin", mrc, "MRC volume"},
        Known{"a.jp2", {1}, "JPEG 2000"},
        Known{"a.bin", {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'}, "HDF5"},
        Known{"a.npy", {0x93}, "NumPy"}, Known{"a.czi", {0}, "CZI"}, Known{"a.raw", {0}, ".raw file"}}) {
    testing::write_bytes(folder_.path(known.file), known.bytes);
    const std::string says = testing::failure(folder_.path(known.file), open_any);
    EXPECT_NE(says.find(known.name), std::string::npos) << says;
    EXPECT_NE(says.find("save it as TIFF"), std::string::npos) << says;
    EXPECT_EQ(testing::failure_kind(folder_.path(known.file), open_any), ErrorKind::bad_data);
    std::filesystem::remove(folder_.path(known.file));
  }
  std::filesystem::create_directory(folder_.path("cell.zarr"));
  EXPECT_NE(testing::failure(folder_.path("cell.zarr"), open_any).find("Zarr"), std::string::npos);
  // A TIFF is one whatever it is called.
  make_tiff(folder_.path("b.mrc"), PageSpec(), 1);
  EXPECT_EQ(open_stack(folder_.path("b.mrc"))->info().depth, 1);
}

TEST_F(FormatsTest, APipeIsRefusedWithoutWaitingForItsWriter) {
  const std::string pipe = folder_.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(testing::failure_kind(pipe, open_any), ErrorKind::bad_data);
}

TEST_F(FormatsTest, AnOutputIsWrittenAsItsNameSaysOrNotAtAll) {
  for (const char* name : {"out.png", "out.zarr", "out.mrc", "out.tif.gz"}) {
    try {
      create_stack(folder_.path(name), options());
      ADD_FAILURE() << name;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(".tif or .tiff: give it a name that ends so"),
                std::string::npos)
          << error.what();
    }
  }
  for (const char* name : {"out.tif", "out.TIFF", "out.ome.tif", "out"}) {
    const std::string path = folder_.path(name);
    const auto writer = create_stack(path, options());
    for (int z = 0; z < 3; ++z) writer->write(plain_slice(z));
    writer->finish();
    EXPECT_EQ(open_stack(path)->info().format, "TIFF") << name;
  }
}

TEST_F(FormatsTest, AResumableOutputGoesOnFromItsProgress) {
  const std::string path = folder_.path("out.tif");
  std::string progress;
  {
    const auto writer = resume_stack(path, options(), "");
    for (int z = 0; z < 2; ++z) {
      writer->write(plain_slice(z));
      if (z == 0) progress = writer->progress();
    }
    writer->sync();
    writer->keep();
  }
  EXPECT_FALSE(is_finished_stack(path, 3, progress));
  const auto writer = resume_stack(path, options(), progress);
  for (int z = 1; z < 3; ++z) writer->write(plain_slice(z));
  progress = writer->progress();
  writer->finish();
  EXPECT_TRUE(is_finished_stack(path, 3, progress));
  EXPECT_FALSE(is_finished_stack(path, 4, progress));
  const auto stack = open_stack(path);
  for (int z = 0; z < 3; ++z) EXPECT_EQ(stack->read(z).as<std::uint8_t>()[5], z + 1);
}

TEST_F(FormatsTest, ProgressThatIsNoneIsRefused) {
  const std::string path = folder_.path("out.tif");
  for (const char* text :
       {"x", "1", "1 2", "1 2 3 4", "1 2 ", " 1 2 3", "-1 2 3", "1 2 3x", "99999999999999999999 2 3"}) {
    try {
      resume_stack(path, options(), text);
      ADD_FAILURE() << "went on from '" << text << "'";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data) << text;
    }
    EXPECT_FALSE(is_finished_stack(path, 1, text)) << text;
  }
  EXPECT_TRUE(folder_.contents().empty());
}

}  // namespace
}  // namespace fibflow::io
