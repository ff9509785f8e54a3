#include "tests/acquisition/writer_style.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <ctime>
#include <filesystem>
#include <stdexcept>

#include "io/error.h"
#include "io/formats/formats.h"
#include "tests/acquisition/perturbed_stack.h"
#include "tests/acquisition/tiff_bytes.h"
#include "tests/fixtures/small_network.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::testing {
namespace {

constexpr Rests rests{0.25, 4};

/// A file written in one style, step by step.
class WrittenFile {
 public:
  explicit WrittenFile(WriterStyle style, TiffLayout layout = TiffLayout::directory_first) {
    file_.path = folder / "slice_7.tif";
    file_.bytes = tiff_bytes(slice, layout);
    file_.other_bytes = tiff_bytes(textured_slice(99, 96, 80), layout);
    file_.taken = [this] { return taken; };
    steps_ = steps_of(style, file_, rests);
  }

  /// Does the next step. False if there is none.
  bool step() {
    if (next_ == steps_.size()) return false;
    steps_[next_++].act();
    return true;
  }
  void do_all_but_completion() {
    while (!steps_[next_].completes) step();
  }
  void complete() {
    do_all_but_completion();
    step();
  }
  const Step& next() const { return steps_.at(next_); }
  const std::vector<Step>& steps() const { return steps_; }
  bool exists() const { return std::filesystem::exists(file_.path); }
  std::size_t size() const { return std::filesystem::file_size(file_.path); }
  bool is_right() const { return exists() && bytes_of(file_.path) == file_.bytes; }
  const SliceFile& file() const { return file_; }

  /// What a reader makes of it: the slice's hash, or "" if it cannot be decoded.
  std::string decoded() const {
    try {
      return hash_of(io::open_stack(file_.path)->read(0));
    } catch (const io::Error&) {
      return "";
    }
  }

  const TemporaryFolder folder;
  const io::Slice slice = textured_slice(7, 96, 80);
  bool taken = false;

 private:
  SliceFile file_;
  std::vector<Step> steps_;
  std::size_t next_ = 0;
};

class EveryStyleTest : public ::testing::TestWithParam<WriterStyle> {};

TEST_P(EveryStyleTest, IsRightFromItsCompletingStepOnAndNotBefore) {
  for (const TiffLayout layout : {TiffLayout::directory_first, TiffLayout::directory_last,
                                  TiffLayout::one_strip, TiffLayout::compressed}) {
    WrittenFile written(GetParam(), layout);
    int completions = 0;
    for (bool more = true; more;) {
      const bool completes = written.next().completes;
      if (!completes) {
        EXPECT_FALSE(written.is_right());
      }
      more = written.step();
      if (completes) {
        ++completions;
        EXPECT_TRUE(written.is_right());
        EXPECT_EQ(written.decoded(), hash_of(written.slice));
        break;
      }
    }
    EXPECT_EQ(completions, 1);
  }
}

TEST_P(EveryStyleTest, KnowsItsName) {
  EXPECT_EQ(writer_style_of(name_of(GetParam())), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Styles, EveryStyleTest, ::testing::ValuesIn(writer_styles()), [](const auto& style) {
  std::string name = name_of(style.param);
  std::erase(name, '-');
  return name;
});

TEST(WriterStyleTest, RefusesAStyleThatIsNone) {
  try {
    writer_style_of("by-pigeon");
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("in-place"), std::string::npos) << error.what();
  }
}

TEST(WriterStyleTest, InPlaceGrowsUnderItsOwnNameAndRestsLongerThanASettleTime) {
  WrittenFile written(WriterStyle::in_place);
  std::size_t size = 0;
  double longest = 0;
  do {
    longest = std::max(longest, written.next().rest);
    written.step();
    EXPECT_GT(written.size(), size);
    size = written.size();
  } while (!written.is_right());
  EXPECT_EQ(longest, rests.lengthy);
  EXPECT_EQ(written.steps().size(), 4U);
}

TEST(WriterStyleTest, RenamedHasNoFileUnderItsNameBeforeItIsComplete) {
  for (const WriterStyle style : {WriterStyle::renamed, WriterStyle::moved_in}) {
    WrittenFile written(style);
    while (!written.next().completes) {
      written.step();
      EXPECT_FALSE(written.exists());
      EXPECT_EQ(files_in(written.folder / "").size(), 1U);
    }
  }
}

TEST(WriterStyleTest, PreallocatedHasItsFullSizeFromTheFirstStepOn) {
  WrittenFile written(WriterStyle::preallocated);
  written.step();
  EXPECT_EQ(written.size(), written.file().bytes.size());
  EXPECT_EQ(bytes_of(written.file().path), std::string(written.size(), '\0'));
  EXPECT_EQ(written.next().rest, rests.lengthy);
  written.step();
  EXPECT_EQ(written.size(), written.file().bytes.size());
  EXPECT_NE(written.decoded(), "") << "readable, though more than half of it is missing";
  EXPECT_EQ(written.next().rest, rests.lengthy);
}

TEST(WriterStyleTest, ZeroTailIsReadableButWrongForALongRest) {
  for (const TiffLayout layout : {TiffLayout::directory_first, TiffLayout::one_strip}) {
    WrittenFile written(WriterStyle::zero_tail, layout);
    written.do_all_but_completion();
    EXPECT_EQ(written.size(), written.file().bytes.size());
    EXPECT_NE(written.decoded(), "");
    EXPECT_NE(written.decoded(), hash_of(written.slice));
    EXPECT_EQ(written.next().rest, rests.lengthy);
    EXPECT_TRUE(bytes_of(written.file().path).ends_with(std::string(80 * 16, '\0')));
  }
}

TEST(WriterStyleTest, CopiedHasATimeOfChangeInThePastAllAlong) {
  WrittenFile written(WriterStyle::copied);
  std::size_t size = 0;
  while (written.step()) {
    struct stat status = {};
    ASSERT_EQ(stat(written.file().path.c_str(), &status), 0);
    EXPECT_LT(status.st_mtime, std::time(nullptr) - 3000);
    EXPECT_GT(written.size(), size);
    size = written.size();
  }
  EXPECT_TRUE(written.is_right());
}

TEST(WriterStyleTest, HalfFirstIsCutOffForALongRest) {
  WrittenFile written(WriterStyle::half_first);
  written.do_all_but_completion();
  EXPECT_EQ(written.size(), written.file().bytes.size() / 2);
  EXPECT_EQ(written.next().rest, rests.lengthy);
}

TEST(WriterStyleTest, DamagedFirstHasTheRightSizeAndCannotBeDecoded) {
  for (const TiffLayout layout :
       {TiffLayout::directory_first, TiffLayout::directory_last, TiffLayout::compressed}) {
    WrittenFile written(WriterStyle::damaged_first, layout);
    written.do_all_but_completion();
    EXPECT_EQ(written.size(), written.file().bytes.size());
    EXPECT_EQ(written.decoded(), "");
    EXPECT_EQ(written.next().rest, rests.lengthy);
  }
}

TEST(WriterStyleTest, CorrectedFirstIsAnotherSliceForABriefRest) {
  WrittenFile written(WriterStyle::corrected_first);
  written.do_all_but_completion();
  EXPECT_EQ(written.decoded(), hash_of(textured_slice(99, 96, 80)));
  EXPECT_EQ(written.next().rest, rests.brief);
}

TEST(WriterStyleTest, ReplacedLaterBecomesAnotherFileOnceItWasTaken) {
  WrittenFile written(WriterStyle::replaced_later);
  written.complete();
  EXPECT_EQ(written.decoded(), hash_of(written.slice));
  ASSERT_TRUE(written.next().ready);
  EXPECT_FALSE(written.next().ready());
  written.taken = true;
  EXPECT_TRUE(written.next().ready());
  while (written.step()) {
  }
  EXPECT_EQ(written.decoded(), hash_of(textured_slice(99, 96, 80)));
  EXPECT_EQ(files_in(written.folder / "").size(), 1U);
}

TEST(WriterStyleTest, AFolderThatIsGoneIsToldWithTheFile) {
  WrittenFile written(WriterStyle::in_place);
  std::filesystem::remove_all(written.folder / "");
  try {
    written.step();
    ADD_FAILURE() << "wrote";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("slice_7.tif"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace fibflow::testing
