#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/stack.h"
#include "tests/acquisition/tiff_bytes.h"
#include "tests/acquisition/writer_style.h"

namespace fibflow::testing {

/// What happens in an acquisition. Equal values make equal scripts.
struct ScriptOptions {
  std::vector<WriterStyle> styles = {WriterStyle::at_once};  ///< drawn from for each slice
  double interval = 0.1;                                     ///< seconds from one slice to the next
  Rests rests;
  unsigned seed = 1;
  int shuffle_window = 1;         ///< slices come in any order within so many
  int burst_every = 0;            ///< after so many slices a burst begins; 0: never
  int burst = 0;                  ///< slices that come all at once in it
  int missing_every = 0;          ///< a slice in so many never comes; 0: all do
  int foreign_every = 0;          ///< something that is no slice comes after so many slices; 0: never
  std::string folder;             ///< where the slices go; there already
  std::string prefix = "slice_";  ///< names are PREFIX00017.tif
  std::function<bool(std::int64_t z)> was_taken;  ///< for WriterStyle::replaced_later
};

/// One file's part in the script.
struct Appearance {
  double start = 0;     ///< seconds
  std::int64_t z = -1;  ///< of the slice; -1: a foreign file
  std::string file;     ///< its name
  std::string style;
  /// Made when it starts: only the files that are being written are in memory.
  std::function<std::vector<Step>()> steps;
};

/// A whole acquisition.
struct Script {
  std::vector<Appearance> appearances;  ///< by start
  std::vector<std::int64_t> missing;    ///< slices that never come, ascending
};

/// The name of slice z's file.
std::string slice_name(const ScriptOptions& options, std::int64_t z);

/// `stack` must live as long as the script; its slices are read when their files begin. The last slice is
/// never missing, and neither is the first.
Script make_script(io::Stack& stack, const ScriptOptions& options);

/// Writes the slices that come into a folder, all complete, as the batch run of the acquisition reads them.
void write_truth(io::Stack& stack, const Script& script, const ScriptOptions& options,
                 const std::string& folder);

/// How slice z's file is laid out: by style and z, so that every layout comes with every style it fits.
TiffLayout layout_of(WriterStyle style, std::int64_t z);

}  // namespace fibflow::testing
