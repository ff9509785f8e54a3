#include "io/files/folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/error.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow::io {
namespace {

TEST(MakeFolderTest, MakesThoseAboveItToo) {
  const testing::TemporaryFolder folder;
  make_folder(folder / "a/b/c");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
  make_folder(folder / "a/b/c");
  make_folder(folder / "d/");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "d"));
}

TEST(MakeFolderTest, NamesWhatCannotBeMadeAndWhy) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.write("file", "in the way");
  for (const std::string& path : {file, file + "/inside"}) {
    try {
      make_folder(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::cannot_create);
      EXPECT_EQ(error.path(), path);
      EXPECT_NE(std::string(error.what()).find("the folder cannot be made"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace fibflow::io
