#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "io/files/file_identity.h"
#include "io/files/folder_watch.h"
#include "io/folder/slice_file.h"
#include "io/folder/slice_numbering.h"
#include "io/slice.h"
#include "pipeline/live/taken_files.h"

namespace fibflow::pipeline {

/// How a live acquisition is followed. Times are real time, measured by the steady clock.
struct AcquisitionOptions {
  std::string folder;
  std::string pattern;  ///< see io::SliceNumbering
  io::OpenOptions open;
  bool recursive = false;                  ///< subfolders too
  std::chrono::milliseconds settle{2000};  ///< a file that has not changed for so long may be complete
  std::chrono::milliseconds poll{5000};    ///< between looks at the whole folder
  std::chrono::milliseconds wait_missing{600'000};  ///< for a number, once a later one is there
  std::chrono::milliseconds wait_black{60'000};     ///< for a file whose end is zero, see Acquisition
  std::optional<std::int64_t> first;                ///< number; default: the lowest that is there first
  std::optional<std::int64_t> step;  ///< from one number to the next; default: as the names show
  std::int64_t max_gap = 1000;       ///< numbers that may be missing in a row
  int first_together = 1;            ///< slices of which most decide what all have to be like
  bool notify = true;                ///< use inotify
};

/// A slice of a live acquisition, read and complete.
struct AcquiredSlice {
  std::int64_t number = 0;  ///< also the slice's z
  std::int64_t next = 0;    ///< the number after it
  std::string file;         ///< relative to the folder
  io::FileIdentity identity;
  io::Slice slice;
  io::StackInfo info;  ///< of the file; with the distance in z, where the names have it
  std::chrono::steady_clock::time_point complete;  ///< when its last change was seen
  std::chrono::steady_clock::time_point taken;     ///< when it was read
};

/// Something that happened to an acquisition that its user should know.
struct AcquisitionNote {
  enum class Kind {
    numbered,     ///< how files are numbered is decided: `file` is SliceNumbering::saved(), `last` the step
    first,        ///< the number that the acquisition begins with is decided
    earlier,      ///< a file came that belongs before the first slices, with which nothing was done yet
    missing,      ///< a number is waited for, as later ones are there
    skipped,      ///< numbers first to last never came
    failed,       ///< a number's file cannot be used
    late,         ///< a file came after its number had been passed
    replaced,     ///< a file was changed after it had been taken
    duplicate,    ///< another file has the same number
    foreign,      ///< a file that is no slice; the first one only
    black_end,    ///< a file was taken though its end is zero
    overflow,     ///< inotify lost events; the whole folder was looked at
    folder_gone,  ///< the folder cannot be read
    folder_back,
  };
  Kind kind = Kind::first;
  std::int64_t first = 0;  ///< number, if it is about one
  std::int64_t last = 0;
  std::string file;
  io::FileIdentity identity;  ///< of a file that failed
  std::string text;           ///< for people
};

/// What became of an acquisition's slices before this process: what a restart needs to go on.
struct AcquisitionPast {
  using File = PastFile;
  using TakeFile = std::function<void(std::int64_t number, const File& file)>;

  std::string numbering;  ///< SliceNumbering::saved(); empty if it was not decided
  std::int64_t step = 1;
  std::optional<std::int64_t> first;
  std::int64_t next = 0;  ///< number after the last slice that was segmented; with `first` only
  std::function<void(const TakeFile& take)>
      each_taken;                       ///< gives what was segmented, in its order; empty: nothing was
  std::map<std::int64_t, File> failed;  ///< given up; from `next` on, too
  std::vector<std::pair<std::int64_t, std::int64_t>> skipped;  ///< first and last number; from `next` on, too
  int height = 0;                                              ///< of the slices; 0: none was taken
  int width = 0;
  io::PixelType type = io::PixelType::u8;
};

/// Gives the slices of a live acquisition in the order of their numbers, each once, when it is complete.
///
/// Which number of a name counts is decided by the first files, when no new one has come for `settle`, or when they never stop
/// coming, but in the order of their numbers (a copy may come in any order: it is waited for). Where nothing is
/// counted (positions, times), slices get the numbers 0, 1, 2, ... in the order of their names, and none is ever missing.
/// Complete: nothing about the file has changed for `settle`; every voxel was decoded; and the file was the same
/// before and after. A file whose end is zero may be one that its writer has not filled yet, or be black there: it is
/// taken when it has not changed for `wait_black` and a later number is there, or for `wait_missing`.
/// A number that is not there, or whose file cannot be decoded or does not stop changing, is waited for until a later one
/// has been there for `wait_missing`; then it is passed, and said so. A file that is the first in the order, and comes
/// before the first slices were used, is taken too: see commit(). A file beyond a gap of more than `max_gap` numbers has somebody's date
/// or another count in its name: it is told of, and does not make anything missing. A slice that has another size or type than most of the first ones is passed at
/// once, if no other file has its number. While the folder is away nothing is decided. What is waiting is on the disk: only names are in memory.
/// One thread at a time.
class Acquisition {
 public:
  using Clock = std::chrono::steady_clock;

  struct Counts {
    std::uint64_t seen = 0;  ///< slice files
    std::uint64_t pending = 0;
    std::uint64_t skipped = 0;
    std::uint64_t failed = 0;
    std::uint64_t late = 0;      ///< also replaced, and repeated
    std::uint64_t repeated = 0;  ///< files whose number another one has
    std::uint64_t ignored = 0;   ///< files that may be slices by their ending, but have another form of name
    std::uint64_t before_first = 0;  ///< files that would have been the first slices, had they come in time
    std::uint64_t overflows = 0;
  };

  /// Throws std::invalid_argument if an option is out of its range.
  Acquisition(AcquisitionOptions options, std::function<void(const AcquisitionNote& note)> report);

  /// Goes on after an earlier process; before the first take().
  void resume(const AcquisitionPast& past);

  /// The next slice, if it is complete now. Waits for nothing but the disk.
  std::optional<AcquiredSlice> take();

  /// Waits until take() may have a slice, until `wake` (a file descriptor) can be read, or for `longest`.
  void wait(std::chrono::milliseconds longest, int wake = -1);

  /// From now on the slices that were given are used: none can come before them. Until then a file that belongs before them
  /// begins the acquisition again: all of them are given once more, and restarts() says so.
  void commit() { committed_ = true; }
  std::uint64_t restarts() const { return restarts_; }

  /// No more slices will come: what is there is taken without waiting for what is missing, and a file that does not stop
  /// changing is given up.
  void close();
  /// After close(): take() has given everything that can be had.
  bool at_end() const;

  /// Looks at the whole folder with the next take().
  void rescan() { watch_.rescan(); }

  /// Whether files with these names came in the order of their numbers, whichever of them are there now: enough are, and of the
  /// lower half hardly one is missing.
  static bool are_in_order(const std::vector<std::string>& files);

  /// How slices are numbered, for people: "by # of 'slice_#', in steps of 2". Empty before it is decided.
  std::string spoken_numbering() const;

  /// Why this cannot go on, with the way out: names that are ambiguous, or most of the files are of no use. Empty if it can.
  const std::string& refusal() const { return refusal_; }

  const Counts& counts() const { return counts_; }
  std::optional<std::int64_t> next() const { return first_ ? std::optional(next_) : std::nullopt; }
  bool folder_is_there() const { return watch_.is_there(); }
  /// What the last take() waits for, for people: "slice 118 is not there yet".
  const std::string& obstacle() const { return obstacle_; }
  /// When a slice file was last seen to be new or changed; when the folder came back; or the beginning.
  Clock::time_point last_news() const { return last_news_; }

 private:
  struct Candidate {
    std::string file;
    io::FileIdentity identity;
    Clock::time_point first_seen;
    Clock::time_point changed;  // as seen
    bool zero_end = false;      // it was decoded, and ends in zeros
    std::optional<Clock::time_point> failing_since;
    Clock::time_point try_at;
    std::chrono::milliseconds pause{0};
    std::string reason;   // why it is not taken
    bool unlike = false;  // another size or type than the first slice

    /// Nothing is known of the new content.
    Candidate changed_to(const io::FileIdentity& now_is, Clock::time_point now) const {
      Candidate other;
      other.file = file;
      other.identity = now_is;
      other.first_seen = first_seen;
      other.changed = now;
      return other;
    }
  };
  using Candidates = std::vector<Candidate>;  // of one number, in the order of their names
  /// A file that has no number yet.
  struct Arrival {
    io::FileIdentity identity;
    Clock::time_point seen;
  };
  static Candidate candidate_of(const std::string& file, const Arrival& arrival) {
    Candidate candidate;
    candidate.file = file;
    candidate.identity = arrival.identity;
    candidate.first_seen = candidate.changed = arrival.seen;
    return candidate;
  }
  enum class Fate { taken, unlike, waiting };

  void look();
  void add_file(const io::FolderWatch::File& file);
  void add_candidate(std::int64_t number, const io::FolderWatch::File& file);
  bool put_candidate(std::int64_t number, Candidate candidate);
  void add_waiting(const io::FolderWatch::File& file);
  void drop_waiting(const std::string& file);
  std::optional<std::int64_t> number_of(const std::string& file) const;
  void ignore(const std::string& file, const std::string& why);
  void add_late_file(std::int64_t number, const io::FolderWatch::File& file);
  void remove_file(const std::string& file);
  bool begin();
  bool comes_in_order();
  bool decide_numbering();
  void refine_step(std::int64_t number);
  bool number_next();
  void decide_step();
  bool decide_shape();
  void judge();
  void start_at(std::int64_t number);
  bool begins_again_for(const std::string& file);
  Fate try_file(std::int64_t number, Candidate& candidate, std::optional<AcquiredSlice>& taken);
  void fail_try(Candidate& candidate, const std::string& reason);
  bool may_end_in_zeros(std::int64_t number, Candidate& candidate);
  std::string unlike_first(const io::StackInfo& info) const;
  void accept(std::int64_t number, const Candidate& candidate, const io::SliceFileReading& reading);
  bool gives_up(std::int64_t number, const Candidates* candidates);
  void fail(std::int64_t number, const Candidate& candidate);
  void skip(std::int64_t last);
  bool is_far(std::int64_t number) const;
  void leave_far_ones();
  void advance();
  std::optional<Clock::time_point> later_since(std::int64_t number);
  void due(Clock::time_point time);
  void note(AcquisitionNote::Kind kind, std::int64_t first, std::int64_t last, const std::string& file,
            const std::string& text, const io::FileIdentity& identity = {}) const;

  const AcquisitionOptions options_;
  const std::function<void(const AcquisitionNote& note)> report_;
  io::SliceNumbering numbering_;
  std::int64_t step_ = 1;
  bool step_is_known_ = false;
  std::map<std::string, Arrival> waiting_;  // files without a number
  // Where numbers are not counted: the order of waiting files, and who got a number, and who got the last one.
  struct Order {
    const io::SliceNumbering& numbering;
    bool operator()(const std::pair<std::string, std::int64_t>& a,
                    const std::pair<std::string, std::int64_t>& b) const {
      return numbering.is_before(a.first, a.second, b.first, b.second);
    }
  };
  std::set<std::pair<std::string, std::int64_t>, Order> queue_{Order{numbering_}};
  std::unordered_map<std::string, std::int64_t> numbered_;
  std::optional<AcquisitionPast::File> last_numbered_;
  io::FolderWatch watch_;
  const Clock::time_point begin_ = Clock::now();
  std::optional<std::int64_t> first_;
  std::int64_t next_ = 0;
  std::map<std::int64_t, Candidates>
      candidates_;  // numbers from next_ on; all of them before the first is decided
  std::deque<std::pair<Clock::time_point, std::int64_t>> arrivals_;  // numbers as they became candidates
  TakenFiles taken_;
  std::unordered_map<std::int64_t, AcquisitionPast::File> failed_;
  std::map<std::int64_t, std::int64_t> skipped_ahead_;  // decided by an earlier process: first to last
  std::unordered_set<std::int64_t> failed_ahead_;
  std::unordered_map<std::string, AcquisitionPast::File> told_;  // late files, duplicates, by name
  int height_ = 0;
  int width_ = 0;
  io::PixelType type_ = io::PixelType::u8;
  std::string first_file_;
  Counts counts_;
  std::string obstacle_;
  std::string refusal_;
  std::uint64_t failed_in_a_row_ = 0;
  std::string last_failure_;
  std::unordered_set<std::string> ignored_;
  std::optional<std::int64_t> missing_told_;
  std::optional<Clock::time_point>
      order_due_;  // when it is looked whether files that never stop coming are in order
  Clock::time_point last_new_file_ = begin_;
  Clock::time_point last_news_ = begin_;
  Clock::time_point back_since_ = begin_;
  Clock::time_point due_;
  bool was_there_ = true;
  bool looked_ = false;
  bool closed_ = false;
  Clock::time_point closed_at_;
  bool committed_ = false;
  std::uint64_t restarts_ = 0;
  bool far_told_ = false;
};

}  // namespace fibflow::pipeline
