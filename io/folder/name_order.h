#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace fibflow::io {

/// Files of one stack, by their names.
struct NameOrder {
  std::vector<std::size_t> order;  ///< of the names: slice 0, 1, 2, …
  std::string form;  ///< "FIB_Image_#_z=*um": # is the number that counts, * what goes along with it
  std::vector<std::string> remarks;  ///< gaps in the numbering, as sentences
};

/// Some of the files that are a stack of their own.
struct NameSeries {
  std::string glob;  ///< matches them and, if their numbers have one length, no others
  std::size_t files = 0;
};

struct NameReading {
  /// The order, if they are one stack; without entries if they are several.
  NameOrder stack;
  std::vector<NameSeries> series;  ///< more than one, or none
};

/// Finds how files are numbered. A name is text with numbers in it; decimals and signs belong to a number ("z=-0.25"). Names
/// with the same text form a group, whose files are told apart by the numbers that vary: one that goes up in steps, each value
/// once, is the number of the slice, and whatever else varies goes along with it; if there is none, files are in the order of
/// all their numbers. If no number is different in each file, the one with the fewest values tells series apart (detectors,
/// tiles), and so do texts (copies, another detector's name). Names of which no two have the same text are in natural order.
/// Not empty; no two alike but for leading zeros.
NameReading read_names(const std::vector<std::string>& names);

}  // namespace fibflow::io
