#pragma once

#include <functional>
#include <string>
#include <vector>

namespace fibflow::testing {

/// How a microscope's software, or whatever copies its files, brings a slice into a folder.
enum class WriterStyle {
  at_once,          ///< one write
  in_place,         ///< under its own name, in chunks with rests between them
  renamed,          ///< under another name in the folder, then renamed
  moved_in,         ///< in a subfolder, then renamed into the folder
  preallocated,     ///< full size at once, all zero; header and strips later, with rests
  zero_tail,        ///< full size, readable, but the last rows are zero for a long rest
  copied,           ///< as a network copy: grows by steps, and its time of change is in the past all along
  half_first,       ///< cut off in the middle for a long rest, then written anew
  damaged_first,    ///< of the right size but not decodable for a long rest, then overwritten
  corrected_first,  ///< a good file of other pixels for a brief rest, then overwritten
  replaced_later,   ///< right; another slice takes its name once the first was taken
};

/// All of them, in the order above.
const std::vector<WriterStyle>& writer_styles();
/// "at-once", "in-place", ...
std::string name_of(WriterStyle style);
/// Throws std::invalid_argument that names the styles.
WriterStyle writer_style_of(const std::string& name);

/// Rests between the steps of a writer, in seconds. `brief` is shorter than what a follower waits for a file to
/// settle, `lengthy` longer.
struct Rests {
  double brief = 0.2;
  double lengthy = 3;
};

/// The rests for a follower that waits `settle` seconds.
Rests rests_around(double settle);

/// One thing that a writer does to its file.
struct Step {
  double rest = 0;  ///< seconds before it
  std::string what;
  std::function<void()> act;
  /// From here on the file is what it has to be.
  bool completes = false;
  /// If set, the step waits for this too; asked again and again.
  std::function<bool()> ready;
};

/// What is written, and what else is needed for the styles that write something wrong.
struct SliceFile {
  std::string path;
  std::string bytes;
  std::string other_bytes;      ///< of another slice, for corrected_first and replaced_later
  std::function<bool()> taken;  ///< replaced_later: whether a follower has taken the slice
};

/// The steps that bring the file into its folder, the completing one among them.
/// The acts throw std::system_error if the file system refuses.
std::vector<Step> steps_of(WriterStyle style, const SliceFile& file, Rests rests);

}  // namespace fibflow::testing
