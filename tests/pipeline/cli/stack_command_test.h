#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow {

/// A folder with a stack of six slices, and names for what a command makes of it.
class StackCommandTest : public ::testing::Test {
 protected:
  StackCommandTest() {
    auto slices = testing::textured_stack(6, 72, 104);
    testing::write_tiff(slices, stack, io::Compression::deflate);
  }

  const std::string model_file = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx";
  const testing::TemporaryFolder folder;
  const std::string stack = folder / "stack.tif";
  const std::string masks = folder / "masks.tif";
};

}  // namespace fibflow
