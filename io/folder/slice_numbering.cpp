#include "io/folder/slice_numbering.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "io/folder/name_parts.h"
#include "io/folder/natural_order.h"
#include "io/folder/slice_file.h"

namespace fibflow::io {
namespace {

std::string_view base_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string regex_of(const std::string& pattern) {
  if (pattern.empty()) return ".*\\.[tT][iI][fF][fF]?";
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '*') {
      // Before the number it leaves all of its digits.
      text += i + 1 < pattern.size() && pattern[i + 1] == '#' ? "(?:.*[^0-9])?" : ".*";
    } else if (c == '?') {
      text += '.';
    } else if (c == '#') {
      text += "(-?[0-9]+(?:\\.[0-9]+)?)";
    } else {
      if (std::string_view("\\^$.|+()[]{}").find(c) != std::string_view::npos) text += '\\';
      text += c;
    }
  }
  return text;
}

bool has_digit(std::string_view text) {
  return std::ranges::any_of(text, is_digit);
}

/// So many times as many files as all others together are clearly the slices.
constexpr std::size_t clear_majority = 10;
/// From so few nothing is concluded while others may come.
constexpr std::size_t few = 3;

}  // namespace

SliceNumbering::SliceNumbering(const std::string& pattern, FileOrder order)
    : pattern_(pattern), admitted_(regex_of(pattern), std::regex::ECMAScript | std::regex::optimize) {
  const auto marks = std::ranges::count(pattern, '#');
  if (marks > 1) throw std::invalid_argument("pattern '" + pattern + "': only one # can be the number");
  if (pattern.find('/') != std::string::npos) {
    throw std::invalid_argument("pattern '" + pattern + "': it is for names of files, without folders");
  }
  marked_ = marks == 1;
  if (order == FileOrder::name) form_ = Form::by_name;
  if (order == FileOrder::time) form_ = Form::by_time;
}

bool SliceNumbering::admits(const std::string& path) const {
  const std::string_view name = base_of(path);
  return std::regex_match(name.begin(), name.end(), admitted_);
}

std::optional<std::string> SliceNumbering::marked_number(const std::string& path) const {
  const std::string name(base_of(path));
  std::smatch match;
  if (!std::regex_match(name, match, admitted_)) return std::nullopt;
  return match[1].str();
}

bool SliceNumbering::decide(const std::vector<std::string>& paths, bool all, bool are_counted) {
  if (form_) return true;
  if (paths.empty()) return false;
  if (marked_) {
    const bool whole = std::ranges::all_of(
        paths, [&](const std::string& path) { return std::ranges::all_of(*marked_number(path), is_digit); });
    form_ = whole ? Form::marked : Form::ordered;
    return true;
  }
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(bare_name(path));
  // Where some names have numbers, one without is no slice.
  if (std::ranges::any_of(names, has_digit)) {
    std::erase_if(names, [](const std::string& name) { return !has_digit(name); });
  }
  // The same name in two folders, or with two endings, or another number of zeros.
  std::ranges::sort(names,
                    [](const std::string& a, const std::string& b) { return natural_compare(a, b) < 0; });
  const auto same = [](const std::string& a, const std::string& b) { return natural_compare(a, b) == 0; };
  names.erase(std::unique(names.begin(), names.end(), same), names.end());

  NameReading reading = read_names(names);
  if (!reading.series.empty()) {
    const auto largest = std::ranges::max_element(
        reading.series, {}, [](const NameSeries& series) { return series.files.size(); });
    const std::size_t rest = names.size() - largest->files.size();
    const bool clear = largest->files.size() >= clear_majority * rest;
    if (!clear && !all && names.size() <= few) return false;
    if (!clear) {
      const std::string list =
          list_of(reading.series, [](const NameSeries& one) { return one.pattern + "*"; });
      throw AmbiguousNames("the files are no one stack, but " + std::to_string(reading.series.size()) +
                           " series: name the one to be read with --pattern: " + list);
    }
    std::vector<std::string> chosen;
    for (const std::size_t i : largest->files) chosen.push_back(names[i]);
    names = std::move(chosen);
    reading = read_names(names);
  }
  if (names.size() == 1) {
    const NameForm form = NameForm::of_one(names.front());
    if (!all && !(are_counted && form.is_only_number())) return false;
    names_ = form;
    form_ = form.counts() ? Form::counted : Form::by_name;
    return true;
  }
  if (reading.stack.form.spoken().empty()) {
    // No two names have the same text: they are in natural order, if that is all there is.
    if (!all && names.size() < few) return false;
    form_ = Form::by_name;
    return true;
  }
  names_ = reading.stack.form;
  z_spacing_nm_ = reading.stack.z_spacing_nm;
  const bool sure = names.size() >= few || all || (are_counted && names_.is_only_number()) ||
                    (names_.step() == 1 && names_.is_last_number());
  if (!sure) return false;
  if (are_counted && !names_.counts()) names_.count_by_last();
  form_ = names_.counts() ? Form::counted : Form::ordered;
  return true;
}

bool SliceNumbering::counts() const {
  return form_ == Form::counted || form_ == Form::marked;
}

std::optional<std::int64_t> SliceNumbering::number_of(const std::string& path) const {
  if (!admits(path)) return std::nullopt;
  if (form_ == Form::marked) return whole_number(*marked_number(path));
  return names_.number_in(bare_name(path));
}

bool SliceNumbering::fits(const std::string& path) const {
  if (!admits(path)) return false;
  if (counts()) return number_of(path).has_value();
  return marked_ || form_ != Form::ordered || names_.fits(bare_name(path));
}

bool SliceNumbering::is_before(const std::string& path, std::int64_t modified_ns, const std::string& other,
                               std::int64_t other_modified_ns) const {
  if (form_ == Form::by_time && modified_ns != other_modified_ns) return modified_ns < other_modified_ns;
  if (form_ == Form::ordered) {
    int result = 0;
    if (marked_) {
      const double left = std::strtod(marked_number(path).value_or("0").c_str(), nullptr);
      const double right = std::strtod(marked_number(other).value_or("0").c_str(), nullptr);
      result = left < right ? -1 : left > right ? 1 : 0;
    } else {
      result = names_.compare(bare_name(path), bare_name(other));
    }
    if (result != 0) return result < 0;
  }
  const int natural = natural_compare(bare_name(path), bare_name(other));
  return natural != 0 ? natural < 0 : path < other;
}

std::string SliceNumbering::spoken() const {
  if (form_ == Form::by_time) return "in the order in which their files were last changed";
  if (form_ == Form::by_name) return "in the order of their names";
  const std::string text = "by # of '" + (marked_ ? pattern_ : names_.spoken()) + "'";
  return counts() ? text : text + ", whose values are in order but not counted";
}

std::string SliceNumbering::saved() const {
  return std::to_string(static_cast<int>(form_.value())) + " " + names_.saved();
}

void SliceNumbering::restore(const std::string& text) {
  constexpr std::array forms = {Form::counted, Form::ordered, Form::by_name, Form::by_time, Form::marked};
  if (text.size() < 3 || text[0] < '0' || text[0] >= '0' + static_cast<char>(forms.size()) ||
      text[1] != ' ') {
    throw std::invalid_argument("no numbering: '" + text + "'");
  }
  names_ = NameForm::restored(text.substr(2));
  form_ = forms[static_cast<std::size_t>(text[0] - '0')];
}

}  // namespace fibflow::io
