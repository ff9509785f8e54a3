#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fibflow::io {

/// How the names of one stack's files are numbered.
class NameForm {
 public:
  NameForm() = default;

  /// "FIB_Image_#_z=*um": # is the number that counts, * what goes along with it.
  const std::string& spoken() const { return spoken_; }

  /// Whether whole numbers are counted, so that one can be seen to be missing; otherwise files are only in an order.
  bool counts() const { return step_ > 0; }
  /// From one number to the next; 0 if they are not counted.
  std::int64_t step() const { return step_; }

  /// Of a name alone: by its last whole number, which is taken to be counted in ones, if it has one.
  static NameForm of_one(const std::string& name);
  /// Whether the number that counts is the only one, or the last one.
  bool is_only_number() const;
  bool is_last_number() const;
  /// Takes the last number to be counted in ones, whatever it looks like.
  void count_by_last();

  /// Whether a name has this form: the same text around its numbers.
  bool fits(const std::string& name) const;
  /// The number that counts; nothing if the name has another form, or the number is none below 10^15.
  std::optional<std::int64_t> number_in(const std::string& name) const;
  /// The order of two names of this form: by the number that counts, else by all their numbers.
  int compare(const std::string& a, const std::string& b) const;

  /// As text without line breaks, and back. Throws std::invalid_argument if it is none.
  std::string saved() const;
  static NameForm restored(const std::string& text);

 private:
  friend class NameGroup;
  std::string text_;                   // what all the names have, with a mark for each number
  bool decimals_ = true;               // a dot between digits belongs to one number
  std::optional<std::size_t> column_;  // of the number that counts
  std::int64_t step_ = 0;
  std::string spoken_;
};

/// Files of one stack, by their names.
struct NameOrder {
  std::vector<std::size_t> order;    ///< of the names: slice 0, 1, 2, …
  NameForm form;                     ///< without text if the names are not numbered
  std::vector<std::string> remarks;  ///< gaps in the numbering, as sentences
  std::optional<double>
      z_spacing_nm;  ///< between slices, where the names have their positions ("z=0.1568um")
};

/// Some of the files that are a stack of their own.
struct NameSeries {
  std::string glob;     ///< matches them and, if their numbers have one length, no others
  std::string pattern;  ///< the same with # for the number that counts
  std::vector<std::size_t> files;
};

struct NameReading {
  /// The order, if they are one stack; without entries if they are several.
  NameOrder stack;
  std::vector<NameSeries> series;  ///< more than one, or none
};

/// "'NAME' (3 files), 'NAME' (1 file) and 2 more", by what `name` calls each.
std::string list_of(const std::vector<NameSeries>& series,
                    const std::function<std::string(const NameSeries& one)>& name);

/// Finds how files are numbered. A name is text with numbers in it; decimals and signs belong to a number ("z=-0.25"), and a
/// date and the time of day are one ("2026-11-27_10-30-05"). Names with the same text form a group, whose files are told
/// apart by the numbers that vary: one that goes up in steps, each value once, is the number of the slice, and whatever else
/// varies goes along with it; if there is none, files are in the order of all their numbers. If no number is different in
/// each file, the one with the fewest values tells series apart (detectors, tiles), and so do texts (copies, another
/// detector's name). Names of which no two have the same text are in natural order.
/// Not empty; no two alike but for leading zeros.
NameReading read_names(const std::vector<std::string>& names);

}  // namespace fibflow::io
