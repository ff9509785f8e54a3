#pragma once

#include <cstdint>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/folder/name_order.h"
#include "io/stack.h"

namespace fibflow::io {

/// Files that cannot be told to be slices of one stack; names the patterns that make a choice.
class AmbiguousNames : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Finds the numbers of slices in the names of files that come one after the other: read_names() for a stack that is not
/// all there yet.
///
/// Without a pattern every .tif and .tiff file may be a slice. A pattern is matched against the whole name, without
/// folders: * stands for any text, ? for any character, # for the number. Without a # the number is found by comparing
/// names, so it is decided only when enough files are there.
/// Not thread-safe.
class SliceNumbering {
 public:
  /// Throws std::invalid_argument if the pattern has more than one #, or a folder.
  explicit SliceNumbering(const std::string& pattern = "", FileOrder order = FileOrder::number);

  /// Whether a file of this name may be a slice.
  bool admits(const std::string& path) const;

  /// Decides by the files that are there, with names that this admits; `all`: no others will come. are_counted: the user
  /// knows that numbers are counted. False as long as too little is there. Throws AmbiguousNames if they are of several
  /// series.
  bool decide(const std::vector<std::string>& paths, bool all, bool are_counted);
  bool is_decided() const { return form_.has_value(); }

  /// What follows holds once it is decided.

  /// Whether slices have numbers, of which one may be seen to be missing; otherwise they are only in an order.
  bool counts() const;
  /// Where the numbers are counted: nothing if the file is no slice, or has no number below 10^15.
  std::optional<std::int64_t> number_of(const std::string& path) const;
  /// Whether the file belongs to the stack.
  bool fits(const std::string& path) const;
  /// Where numbers are not counted: whether one file comes before another. Times: when they were last changed, ns.
  bool is_before(const std::string& path, std::int64_t modified_ns, const std::string& other,
                 std::int64_t other_modified_ns) const;
  /// "by # of 'slice_#_z=*um'".
  std::string spoken() const;

  /// Between the slices that were there, where their names have positions in z.
  std::optional<double> z_spacing_nm() const { return z_spacing_nm_; }

  /// What was decided, as text without line breaks, and back. restore() throws std::invalid_argument.
  std::string saved() const;
  void restore(const std::string& text);

 private:
  enum class Form { counted, ordered, by_name, by_time, marked };

  std::optional<std::string> marked_number(const std::string& path) const;

  std::string pattern_;
  std::regex admitted_;
  bool marked_ = false;  // the pattern says where the number is
  std::optional<Form> form_;
  NameForm names_;
  std::optional<double> z_spacing_nm_;
};

}  // namespace fibflow::io
