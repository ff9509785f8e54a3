#include "pipeline/cli/terminal/printable.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace fibflow::cli {
namespace {

TEST(PrintableTest, TextOfAnyLanguagePasses) {
  for (const char* text : {"", "cell 12.tif", "Zelle_\xc3\xa4\xc3\xb6.tif", "\xe7\xbb\x86\xe8\x83\x9e",
                           "\xf0\x9f\x94\xac", "\xc2\xb5m"})
    EXPECT_EQ(printable(text), text);
}

TEST(PrintableTest, WhatMovesACursorTurnsTextOrIsNoTextBecomesAQuestionMark) {
  const std::pair<const char*, const char*> cases[] = {
      {"a\x1b[31mb", "a?[31mb"},  // escape
      {"a\nb\rc\td", "a?b?c?d"},  // line feed, carriage return, tab
      {"a\x7f", "a?"},            // delete
      {"a\xc2\x9b"
       "2Jb",
       "a?2Jb"},  // CSI of the C1 set
      {"a\xe2\x80\xae"
       "b",
       "a?b"},  // right-to-left override
      {"a\xe2\x81\xa6"
       "b",
       "a?b"},  // isolate
      {"a\xe2\x80\xa8"
       "b",
       "a?b"},  // line separator
      {"a\xff"
       "b",
       "a?b"},                         // no UTF-8
      {"a\xc3", "a?"},                 // cut off
      {"a\xc0\x8a", "a??"},            // a line feed in two bytes
      {"a\xe0\x80\x8a", "a???"},       // in three
      {"a\xed\xa0\x80", "a???"},       // surrogate
      {"a\xf4\x90\x80\x80", "a????"},  // beyond Unicode
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(printable(text), expected);
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a?b");
}

}  // namespace
}  // namespace fibflow::cli
