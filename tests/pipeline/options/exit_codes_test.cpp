#include "pipeline/options/exit_codes.h"

#include <gtest/gtest.h>

#include <csignal>
#include <new>
#include <stdexcept>
#include <system_error>

#include "io/error.h"
#include "model/error.h"
#include "pipeline/flow/pipeline_error.h"

namespace fibflow::pipeline {
namespace {

/// An error that says where the error inside happened, as a running graph does.
class Located : public std::runtime_error, public std::nested_exception {
 public:
  using std::runtime_error::runtime_error;
};

TEST(ExitCodesTest, FollowSysexits) {
  EXPECT_EQ(exit_code_of(io::Error(io::ErrorKind::missing, "a.tif", "no such file")), 66);
  EXPECT_EQ(exit_code_of(io::Error(io::ErrorKind::bad_data, "a.tif", "truncated")), 65);
  EXPECT_EQ(exit_code_of(io::Error(io::ErrorKind::cannot_create, "a.tif", "exists")), 73);
  EXPECT_EQ(exit_code_of(io::Error(io::ErrorKind::read_write, "a.tif", "disk full")), 74);
  EXPECT_EQ(exit_code_of(model::ModelError("a.onnx: node 3: no such operator")), 65);
  EXPECT_EQ(exit_code_of(model::ModelMissing("a.onnx: no such file")), 66);
  EXPECT_EQ(exit_code_of(std::invalid_argument("--lag must be positive")), 64);
  EXPECT_EQ(exit_code_of(Doubtful("no gain", nullptr)), 79);
  EXPECT_EQ(exit_code_of(std::bad_alloc()), 71);
  EXPECT_EQ(exit_code_of(std::system_error(EAGAIN, std::generic_category())), 71);
  EXPECT_EQ(exit_code_of(std::logic_error("a defect")), 70);
  EXPECT_EQ(exit_code_of(std::runtime_error("anything else")), 70);
}

TEST(ExitCodesTest, WrappedExceptionKeepsTheCodeOfItsCause) {
  try {
    try {
      throw io::Error(io::ErrorKind::read_write, "out.tif", "disk full");
    } catch (...) {
      throw Located("writer, slice 3");
    }
  } catch (const std::exception& error) {
    EXPECT_EQ(exit_code_of(error), 74);
  }
  EXPECT_EQ(exit_code_of(Located("nothing inside")), 70);
}

TEST(ExitCodesTest, SignalsAreCountedFrom128) {
  EXPECT_EQ(exit_code_of_signal(SIGINT), 130);
  EXPECT_EQ(exit_code_of_signal(SIGTERM), 143);
}

}  // namespace
}  // namespace fibflow::pipeline
