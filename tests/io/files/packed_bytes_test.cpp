#include "io/files/packed_bytes.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace fibflow::io {
namespace {

TEST(PackedBytesTest, ComeBackAsTheyWere) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, std::size_t{3'000'000}}) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 2654435761U >> 27);
    const auto packed = io::packed(bytes);
    EXPECT_EQ(unpacked_size(packed), size);
    std::vector<std::byte> again(size);
    unpack(packed, again);
    EXPECT_EQ(again, bytes);
  }
  EXPECT_LT(packed(std::vector<std::byte>(1 << 20)).size(), 1000U);
}

TEST(PackedBytesTest, WhatIsDamagedOrOfAnotherSizeIsRefused) {
  const std::vector<std::byte> bytes(1000, std::byte{7});
  auto packed = io::packed(bytes);
  std::vector<std::byte> other(999);
  EXPECT_THROW(unpack(packed, other), std::invalid_argument);
  other.resize(1001);
  EXPECT_THROW(unpack(packed, other), std::invalid_argument);
  packed.pop_back();
  other.resize(1000);
  EXPECT_THROW(unpack(packed, other), std::invalid_argument);
  EXPECT_EQ(unpacked_size({}), 0U);
  EXPECT_THROW(unpack({}, other), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::io
