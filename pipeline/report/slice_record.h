#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace fibflow::pipeline {

/// What happened to one slice.
struct SliceRecord {
  std::int64_t z = 0;
  double seconds = 0;       ///< from read to written
  double work_seconds = 0;  ///< of computing its tiles, on one thread
  double foreground = 0;    ///< share of pixels that are not background
  double entropy = 0;       ///< mean over the pixels of the prediction's entropy, in bits (nodes::Classifier)
  std::optional<double> expected_iou;  ///< of the mask, by the probabilities (nodes::ExpectedOverlap)
  bool measured = false;               ///< a sample of it was, for the statistics of later slices
  double measure_seconds = 0;          ///< of measuring it, on one thread
  std::optional<double>
      drift;  ///< per channel, of the statistics to segment with, by what was measured; if they were renewed
  double drift_from_source = 0;  ///< per channel, of the source from the statistics it was segmented with
  std::optional<double> slice_drift;  ///< per channel, of its own moments from the running statistics it was
                                      ///< segmented with (nodes::Update); nothing if it was not measured
  double featureless = 0;             ///< share of pixels that did not count in its moments

  /// Of a slice of a live acquisition.
  struct Live {
    std::string file;    ///< relative to the folder
    double latency = 0;  ///< seconds from the complete file to the mask on the disk
  };
  std::optional<Live> live;
};

using TakeSliceRecord = std::function<void(const SliceRecord& record)>;
/// Gives the records of a run's slices in their order, as often as it is called: they may be too many for memory.
using EachSliceRecord = std::function<void(const TakeSliceRecord& take)>;

namespace event_names {
constexpr const char* begun_anew = "begun anew";      ///< the estimate, as the acquisition has changed
constexpr const char* looked_again = "looked again";  ///< whether adaptation helps: nothing speaks against it
constexpr const char* in_doubt = "in doubt";          ///< looked again, and something does
}  // namespace event_names

/// What happened to the statistics on the way.
struct RunEvent {
  std::int64_t z = 0;  ///< of the slice after which it happened
  std::string event;   ///< "begun anew", "looked again", "in doubt"
  std::string text;    ///< the same in words, with the reason
};

}  // namespace fibflow::pipeline
