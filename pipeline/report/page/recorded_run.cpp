#include "pipeline/report/page/recorded_run.h"

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/error.h"
#include "pipeline/flow/spoken.h"
#include "pipeline/report/page/html.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;
using Facts = RecordedRun::Facts;

constexpr int deepest = 32;       // levels of objects and arrays; a report has six
constexpr int most_names = 1000;  // of an object; a report has a few dozen

/// A value of the file with its place, for messages. What is absent behaves as null.
class Field {
 public:
  Field(const std::string& file, std::string place, const Json& json)
      : file_(file), place_(std::move(place)), json_(json) {}

  [[noreturn]] void reject(const std::string& why) const {
    throw io::Error(io::ErrorKind::bad_data, file_, (place_.empty() ? "the report" : place_) + " " + why);
  }

  bool known() const { return !json_.is_null(); }

  Field operator[](const char* name) const {
    static const Json absent;
    if (json_.is_null()) return {file_, place_ + "." + name, absent};
    if (!json_.is_object()) reject("is not an object");
    const auto found = json_.find(name);
    return {file_, place_.empty() ? name : place_ + "." + name, found == json_.end() ? absent : *found};
  }

  std::vector<Field> elements() const {
    std::vector<Field> all;
    if (json_.is_null()) return all;
    if (!json_.is_array()) reject("is not an array");
    for (std::size_t i = 0; i < json_.size(); ++i)
      all.emplace_back(file_, place_ + "[" + std::to_string(i) + "]", json_[i]);
    return all;
  }

  double number() const {
    if (!json_.is_number()) reject("is not a number");
    const double value = json_.get<double>();
    if (!std::isfinite(value)) reject("is not finite");
    return value;
  }
  double share() const {
    const double value = number();
    if (value < 0 || value > 1) reject("is no share between 0 and 1");
    return value;
  }
  double positive() const {
    const double value = number();
    if (value < 0) reject("is negative");
    return value;
  }
  std::int64_t count() const {
    const double value = number();
    if (value < 0 || value != std::floor(value) || value > 9e15) reject("is not a whole number from 0 on");
    return static_cast<std::int64_t>(value);
  }
  bool truth() const {
    if (!json_.is_boolean()) reject("is neither true nor false");
    return json_.get<bool>();
  }
  std::string text() const {
    if (!json_.is_string()) reject("is not a text");
    return json_.get<std::string>();
  }
  std::string text_or_nothing() const { return known() ? text() : std::string(); }

  template <typename Get>
  auto optional(Get get) const -> std::optional<std::invoke_result_t<Get, const Field&>> {
    if (!known()) return std::nullopt;
    return std::invoke(get, *this);
  }
  std::optional<double> optional_number() const { return optional(&Field::number); }
  std::optional<double> optional_share() const { return optional(&Field::share); }
  std::optional<double> optional_positive() const { return optional(&Field::positive); }

  /// Names and values for people; what is inside of objects by its path: "estimator rule".
  void add_facts(Facts& facts, const std::string& before = "", int depth = 0) const {
    if (json_.is_null()) return;
    if (!json_.is_object()) reject("is not an object");
    if (depth > 4) reject("is nested too deeply");
    for (const auto& [key, value] : json_.items()) {
      std::string name = before + key;
      for (char& c : name) c = c == '_' ? ' ' : c;
      const Field field(file_, place_ + "." + key, value);
      if (value.is_object()) {
        field.add_facts(facts, name + " ", depth + 1);
      } else if (value.is_array()) {
        std::string list;
        for (const Field& element : field.elements()) list += (list.empty() ? "" : ", ") + element.spoken();
        facts.emplace_back(name, list);
      } else if (name == "memory") {
        facts.emplace_back(name, spoken_memory(static_cast<std::size_t>(field.count())));
      } else if (!value.is_null()) {
        facts.emplace_back(name, field.spoken());
      }
    }
  }

  /// A text, number or truth value for people.
  std::string spoken() const {
    if (json_.is_string()) return text();
    if (json_.is_boolean()) return truth() ? "yes" : "no";
    const double value = number();
    return value == std::floor(value) ? short_number(value) : json_.dump();
  }

 private:
  const std::string& file_;
  std::string place_;
  const Json& json_;
};

RecordedSlice slice_of(const Field& field) {
  RecordedSlice slice;
  slice.z = field["z"].count();
  slice.seconds = field["seconds"].optional_positive().value_or(0);
  slice.foreground = field["foreground"].optional_share();
  slice.entropy = field["entropy"].optional_positive();
  slice.expected_iou = field["expected_iou"].optional_share();
  slice.drift = field["drift"].optional_positive();
  slice.drift_from_source = field["drift_from_source"].optional_positive();
  slice.slice_drift = field["slice_drift"].optional_positive();
  return slice;
}

RecordedRun::Adaptation adaptation_of(const Field& field) {
  RecordedRun::Adaptation adaptation;
  for (const Field& z : field["probe_slices"].elements()) adaptation.probe_slices.push_back(z.count());
  adaptation.batches = field["batches"].optional(&Field::count).value_or(0);
  adaptation.drift_from_source = field["drift_from_source"].optional_positive();
  for (const Field& layer : field["layer_drift_from_source"].elements())
    adaptation.layer_drift.push_back(layer.optional_positive());
  const Field names = field["layer_names"];
  for (const Field& name : names.elements()) adaptation.layer_names.push_back(name.text());
  if (!adaptation.layer_names.empty() && adaptation.layer_names.size() != adaptation.layer_drift.size())
    names.reject("has another length than layer_drift_from_source");
  const Field channels = field["layer_channels"];
  for (const Field& count : channels.elements()) {
    adaptation.layer_channels.push_back(count.count());
    if (adaptation.layer_channels.back() == 0) count.reject("is 0");
  }
  if (!adaptation.layer_channels.empty() && adaptation.layer_channels.size() != adaptation.layer_drift.size())
    channels.reject("has another length than layer_drift_from_source");
  return adaptation;
}

std::array<double, 2> scale_of(const Field& field) {
  const std::vector<Field> both = field.elements();
  if (both.size() != 2) field.reject("is no scale of rows and columns");
  return {both[0].positive(), both[1].positive()};
}

RecordedRun::Match match_of(const Field& field) {
  RecordedRun::Match match{scale_of(field["scale"]),
                           field["from"].text(),
                           field["share_while_measuring"].share(),
                           field["share_in_use"].share(),
                           {}};
  for (const Field& candidate : field["candidates"].elements()) {
    match.candidates.push_back({scale_of(candidate["scale"]), candidate["share_while_measuring"].share(),
                                candidate["share_in_use"].share(), candidate["expected_iou"].share(),
                                candidate["foreground"].share(), candidate["object_diameter"].positive()});
  }
  return match;
}

PredictionFigures figures_of(const Field& field) {
  return {field["foreground"].share(), field["entropy"].positive(), field["expected_iou"].optional_share()};
}

SliceComparison compared_slice_of(const Field& field) {
  return {field["z"].count(), figures_of(field["source"]), figures_of(field["adapted"]),
          field["agreement"].optional_share(), field["equal"].share()};
}

/// A picture that cannot be anything but a picture: the page loads nothing from elsewhere.
std::string picture_of(const Field& field) {
  std::string url = field.text();
  const std::string_view start = "data:image/png;base64,";
  if (!url.starts_with(start)) field.reject("is not a PNG as a data URL");
  if (url.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=",
                            start.size()) != std::string::npos) {
    field.reject("is not base64");
  }
  return url;
}

RecordedRun::Preview preview_of(const Field& field) {
  RecordedRun::Preview preview;
  preview.z = field["z"].count();
  for (const char* name : {"image", "probability", "mask", "source_mask", "disagreement"}) {
    if (field[name].known()) preview.pictures.emplace_back(name, picture_of(field[name]));
  }
  return preview;
}

void read_texts(const Field& field, std::vector<std::string>& texts) {
  for (const Field& text : field.elements()) texts.push_back(text.text());
}

void read_doubt(const Field& field, RecordedRun& run) {
  if (!field.known()) return;
  run.doubt = RecordedRun::Doubt();
  RecordedRun::Doubt& doubt = *run.doubt;
  doubt.doubtful = field["doubtful"].truth();
  for (const Field& sign : field["signs"].elements()) doubt.signs.push_back(sign["text"].text());
  doubt.action = field["action"].text_or_nothing();
}

void read_states(const Field& field, RecordedRun& run) {
  if (!field.known()) return;
  // The last three are an older fibflow's.
  for (const char* state : {"segmented", "measured", "adapting", "monitored", "frozen"}) {
    const Field of = field[state];
    if (of.known())
      run.states.push_back({state, of["slices"].count(), of["mean_work_seconds"].optional_positive()});
  }
}

void read_costs(const Field& report, RecordedRun& run) {
  const Field seconds = report["seconds"];
  run.prepare_seconds = seconds["prepare"].optional_positive().value_or(0);
  run.adapt_seconds = seconds["adapt"].optional_positive().value_or(0);
  run.segment_seconds = seconds["segment"].optional_positive().value_or(0);
  run.total_seconds = seconds["total"].optional_positive().value_or(0);
  run.voxels_per_second = report["voxels_per_second"].optional_positive();
  run.peak_memory = report["peak_memory"].optional_positive().value_or(0);
  run.expected_memory = report["plan"]["expected_memory"].optional_positive();
  run.memory_budget = report["options"]["memory"].optional_positive();
}

/// The slices of a report as they are met: each is let go once it is counted.
class SliceReader {
 public:
  explicit SliceReader(const std::string& path) : path_(path) {}

  /// Whether the parser keeps what it has read. Depths are nlohmann's: the report is at 0, its members at 1, slices at 2.
  bool keeps(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key) is_here_ = parsed == "slices";
    if (!is_here_) return true;
    if (depth == 1 && event == Json::parse_event_t::array_start) inside_ = true;
    if (depth == 1 && event == Json::parse_event_t::array_end) inside_ = false;
    const bool is_whole = event == Json::parse_event_t::object_end ||
                          event == Json::parse_event_t::array_end || event == Json::parse_event_t::value;
    if (!inside_ || depth != 2 || !is_whole) return true;
    take(parsed);
    return false;
  }

  /// Throws io::Error if a slice was not as it should be.
  SlicePoints slices() const {
    if (failure_) throw *failure_;
    return slices_;
  }

 private:
  void take(const Json& json) {
    if (failure_) return;
    try {
      const Field field(path_, "slices[" + std::to_string(slices_.count()) + "]", json);
      const RecordedSlice slice = slice_of(field);
      if (slice.z <= last_z_) field["z"].reject("is not larger than that of the slice before");
      last_z_ = slice.z;
      slices_.add(slice);
    } catch (const io::Error& error) {
      failure_ = error;  // whether this is a report at all is to be said first
    }
  }

  const std::string& path_;
  bool is_here_ = false;
  bool inside_ = false;
  std::int64_t last_z_ = -1;
  SlicePoints slices_;
  std::optional<io::Error> failure_;
};

RecordedRun run_of(const Field& report, const SliceReader& slices) {
  const Field format = report["format"];
  if (!format.known() || format.text() != "fibflow run report") {
    report.reject(
        "is not one of a run: its \"format\" is not \"fibflow run report\" (`fibflow segment --report` and "
        "`fibflow adapt --report` write them)");
  }
  const Field version = report["format_version"];
  // Of the first version, what is gone since is not shown.
  if (version.count() != 1 && version.count() != 2)
    version.reject("is " + std::to_string(version.count()) + ", but this fibflow reads versions 1 and 2");

  RecordedRun run;
  run.fibflow = report["fibflow"].text_or_nothing();
  run.command = report["command"].text_or_nothing();
  run.started = report["started"].text_or_nothing();
  run.stack = report["input"]["path"].text_or_nothing();
  run.recipe = report["options"]["recipe"].text_or_nothing();
  run.model = report["model"]["file"].text_or_nothing();
  report["input"].add_facts(run.input);
  report["model"].add_facts(run.network);
  report["options"].add_facts(run.options);
  report["outputs"].add_facts(run.outputs);
  run.adaptation = report["adaptation"].optional(adaptation_of);
  run.match = report["match"].optional(match_of);
  report["slices"].elements();  // if they are a list
  run.slices = slices.slices();
  for (const Field& event : report["events"].elements())
    run.events.push_back({event["z"].count(), event["event"].text(), event["text"].text_or_nothing()});
  for (const Field& slice : report["comparison"]["slices"].elements())
    run.comparison.push_back(compared_slice_of(slice));
  for (const Field& preview : report["previews"].elements()) run.previews.push_back(preview_of(preview));
  read_states(report["states"], run);
  read_doubt(report["doubt"], run);
  read_texts(report["warnings"], run.warnings);
  read_costs(report, run);
  return run;
}

}  // namespace

namespace {

RecordedRun parsed_run(std::istream& text, const std::string& path) {
  Json json;
  SliceReader slices(path);
  try {
    // Deep nesting would end in recursion without end when values are copied, and each name of an object is looked for
    // among those before it: both are refused before they are built.
    std::array<int, deepest + 1> names{};
    json = Json::parse(text, [&](int depth, Json::parse_event_t event, Json& parsed) {
      if (depth > deepest)
        throw io::Error(io::ErrorKind::bad_data, path, "is nested too deeply for a run report");
      int& here = names.at(static_cast<std::size_t>(depth));
      if (event == Json::parse_event_t::key && ++here > most_names)
        throw io::Error(io::ErrorKind::bad_data, path, "has more names in one object than any run report");
      if (event == Json::parse_event_t::object_end) names.at(static_cast<std::size_t>(depth) + 1) = 0;
      return slices.keeps(depth, event, parsed);
    });
  } catch (const Json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
    std::string reason = error.what();
    if (const auto end = reason.find("] "); end != std::string::npos) reason = reason.substr(end + 2);
    throw io::Error(io::ErrorKind::bad_data, path, "is not JSON: " + reason);
  }
  const Field report(path, "", json);
  if (!json.is_object()) report.reject("is not a JSON object");
  return run_of(report, slices);
}

}  // namespace

RecordedRun parse_recorded_run(const std::string& text, const std::string& path) {
  std::istringstream stream(text);
  return parsed_run(stream, path);
}

RecordedRun read_recorded_run(const std::string& path) {
  if (std::filesystem::is_directory(path))
    throw io::Error(io::ErrorKind::bad_data, path, "is a folder, not the report of a run");
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int code = errno;
    throw io::Error(code == ENOENT ? io::ErrorKind::missing : io::ErrorKind::read_write, path,
                    std::strerror(code), code);
  }
  RecordedRun run = parsed_run(file, path);
  if (file.bad()) throw io::Error(io::ErrorKind::read_write, path, "cannot be read to its end");
  return run;
}

}  // namespace fibflow::pipeline
