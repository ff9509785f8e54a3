#include "pipeline/report/run_records.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "io/error.h"
#include "pipeline/report/run_parts.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// What a line is of: its first letter.
constexpr char slice_mark = 's';
constexpr char event_mark = 'e';

std::string line_of(char mark, const Json& json) {
  return mark + json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Throws std::exception if the line is not what was written.
template <typename TakeSlice, typename TakeEvent>
void take_line(std::string_view line, const TakeSlice& take_slice, const TakeEvent& take_event) {
  const Json json = Json::parse(line.substr(1));
  if (line.front() == slice_mark) {
    take_slice(slice_record(json));
  } else if (line.front() == event_mark) {
    take_event(run_event(json));
  } else {
    throw std::invalid_argument("it has a line of a kind that is not known");
  }
}

}  // namespace

RunRecords::RunRecords(std::string folder) : folder_(std::move(folder)) {}

RunRecords::RunRecords(const std::string& path, std::uint64_t known)
    : is_kept_(true), journal_(std::make_unique<Journal>(path)) {
  std::uint64_t whole = 0;
  try {
    whole = journal_->read(
        [&](const Journal::Line& line) {
          take_line(
              line.text, [&](const SliceRecord& slice) { sums_.add(slice); },
              [&](const RunEvent& event) { events_.push_back(event); });
        },
        known);
  } catch (const io::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw io::Error(io::ErrorKind::bad_data, path, std::string("is damaged: ") + error.what());
  }
  if (whole != known) {
    throw io::Error(io::ErrorKind::bad_data, path,
                    "is damaged at byte " + std::to_string(whole) + " of the " + std::to_string(known) +
                        " that its checkpoint knows");
  }
  journal_->cut(known);
}

void RunRecords::add(const SliceRecord& slice) {
  if (is_kept_) {
    journal_->append(line_of(slice_mark, json_of(slice)));
  } else {
    if (latest_.size() == in_memory) {
      if (!journal_) journal_ = std::make_unique<Journal>(Journal::WithoutName{folder_});
      for (const SliceRecord& earlier : latest_) journal_->append(line_of(slice_mark, json_of(earlier)));
      latest_.clear();
    }
    latest_.push_back(slice);
  }
  sums_.add(slice);
}

void RunRecords::add(const RunEvent& event) {
  if (is_kept_) journal_->append(line_of(event_mark, json_of(event)));
  events_.push_back(event);
}

void RunRecords::sync() {
  if (is_kept_) journal_->sync();
}

void RunRecords::visit(const TakeSliceRecord& take) const {
  if (journal_) {
    const auto whole = journal_->read(
        [&](const Journal::Line& line) { take_line(line.text, take, [](const RunEvent&) {}); });
    if (whole != journal_->bytes())
      throw io::Error(io::ErrorKind::read_write, journal_->path(), "was damaged while the run went on");
  }
  for (const SliceRecord& slice : latest_) take(slice);
}

void require_records(const std::string& path, std::uint64_t bytes, std::int64_t slices) {
  std::int64_t found = 0;
  const Journal journal(path);
  const auto whole = journal.read(
      [&](const Journal::Line& line) {
        take_line(
            line.text, [&](const SliceRecord&) { ++found; }, [](const RunEvent&) {});
      },
      bytes);
  if (whole != bytes) {
    throw std::invalid_argument(path + " is damaged at byte " + std::to_string(whole) + " of the " +
                                std::to_string(bytes) + " that belong to it");
  }
  if (found != slices) throw std::invalid_argument(path + " has the records of another number of slices");
}

}  // namespace fibflow::pipeline
