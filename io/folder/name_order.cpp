#include "io/folder/name_order.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "io/folder/name_parts.h"
#include "io/folder/natural_order.h"

namespace fibflow::io {
namespace {

/// Whether numbers of a column can be decimals: "1.9" and "1.10" count in two places.
bool are_decimals(const std::vector<const ParsedName*>& names) {
  std::size_t at = 0;
  for (std::size_t column = 0; column < names.front()->numbers.size(); ++column) {
    at = names.front()->text.find(name_mark, at) + 1;
    // A length is no count.
    if (unit_at(std::string_view(names.front()->text).substr(at)) > 0) continue;
    std::set<std::size_t> lengths;
    bool ends_in_zero = false;
    for (const ParsedName* name : names) {
      const NameNumber& number = name->numbers[column];
      const auto dot = number.value.find('.');
      if (dot == std::string::npos || number.is_time) continue;
      const std::string fraction = number.value.substr(dot + 1);
      if (fraction == "0") continue;
      lengths.insert(fraction.size());
      ends_in_zero = ends_in_zero || fraction.back() == '0';
    }
    if (lengths.size() > 1 && ends_in_zero) return false;
  }
  return true;
}

using Files = std::vector<std::size_t>;

}  // namespace

/// Names with the same text.
class NameGroup {
 public:
  NameGroup(const std::vector<ParsedName>& names, bool decimals, Files files)
      : names_(names), decimals_(decimals), files_(std::move(files)) {
    for (std::size_t column = 0; column < columns(); ++column) {
      if (distinct(column) > 1) varying_.push_back(column);
    }
    counting_ = counting_column();
    by_ = counting_ ? counting_ : ordering_column();
  }

  const Files& files() const { return files_; }

  NameForm form() const {
    NameForm form;
    form.text_ = first().text;
    form.decimals_ = decimals_;
    form.column_ = by_;
    form.step_ = counting_ ? static_cast<std::int64_t>(smallest_step(*counting_)) : 0;
    form.spoken_ = spoken();
    return form;
  }

  Files ordered() const {
    Files order = files_;
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
      if (by_) return compare(a, b, *by_) < 0;
      for (const std::size_t column : varying_) {
        if (const int result = compare(a, b, column); result != 0) return result < 0;
      }
      return false;
    });
    return order;
  }

  bool has_unique_column() const {
    return files_.size() < 2 || std::ranges::any_of(varying_, [&](std::size_t column) {
             return distinct(column) == files_.size();
           });
  }

  /// Splits it by the number with the fewest values, again and again until a number is different in each file.
  std::vector<NameGroup> split() const {
    if (has_unique_column() || varying_.empty()) return {*this};
    const std::size_t by =
        *std::ranges::min_element(varying_, {}, [&](std::size_t column) { return distinct(column); });
    std::map<std::string, Files> parts;
    for (const std::size_t file : files_) parts[canonical(value(file, by))].push_back(file);
    std::vector<NameGroup> groups;
    for (auto& [value, files] : parts) {
      for (NameGroup& group : NameGroup(names_, decimals_, std::move(files)).split()) {
        groups.push_back(std::move(group));
      }
    }
    return groups;
  }

  std::string spoken() const {
    return shown([](char c) { return std::string{c}; }, [&](std::size_t column) { return sign(column); });
  }

  std::string pattern() const {
    return shown([](char c) { return std::string{c == '#' ? '?' : c}; },
                 [&](std::size_t column) { return sign(column); });
  }

  std::string glob() const {
    const auto literal = [](char c) {
      return c == '*' || c == '?' || c == '[' ? std::string{'[', c, ']'} : std::string{c};
    };
    return shown(literal, [&](std::size_t column) {
      const std::size_t length = value(files_.front(), column).size();
      constexpr std::size_t most_spelled = 8;
      const bool same = std::ranges::all_of(files_, [&](std::size_t file) {
        const NameNumber& number = names_[file].numbers[column];
        return number.shown.size() == length && std::ranges::all_of(number.shown, is_digit);
      });
      if (!same || length > most_spelled) return std::string("*");
      std::string spelled;
      for (std::size_t i = 0; i < length; ++i) spelled += "[0-9]";
      return spelled;
    });
  }

  /// Sentences about the numbers that are missing, if there are numbers that count. `names` are those that were parsed.
  std::vector<std::string> gaps(const std::vector<std::string>& names) const {
    std::vector<std::string> remarks;
    if (!counting_) return remarks;
    const double step = smallest_step(*counting_);
    const Files order = ordered();
    std::size_t gaps = 0;
    constexpr std::size_t most = 3;
    for (std::size_t i = 1; i < order.size(); ++i) {
      const double difference =
          value_of(value(order[i], *counting_)) - value_of(value(order[i - 1], *counting_));
      const auto missing = std::llround(difference / step) - 1;
      if (missing == 0 || ++gaps > most) continue;
      remarks.push_back("a gap in the numbering: " + std::to_string(missing) + " missing between '" +
                        names[order[i - 1]] + "' and '" + names[order[i]] + "'");
    }
    if (gaps > most) remarks.push_back("and " + std::to_string(gaps - most) + " more gaps in the numbering");
    return remarks;
  }

  /// The usual distance of positions in z, if the names have them.
  std::optional<double> z_spacing_nm() const {
    std::size_t column = 0;
    const std::string& text = first().text;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] != name_mark) continue;
      const std::string_view before = std::string_view(text).substr(0, at);
      const double nm = unit_at(std::string_view(text).substr(at + 1));
      const bool is_z = before.ends_with("z=") || before.ends_with("Z=") || before.ends_with("z_") ||
                        before.ends_with("Z_") || before.ends_with("z") || before.ends_with("Z");
      if (is_z && nm > 0 && distinct(column) == files_.size() && files_.size() > 1) {
        std::vector<double> positions;
        for (const std::size_t file : ordered()) positions.push_back(value_of(value(file, column)));
        std::vector<double> distances;
        for (std::size_t i = 1; i < positions.size(); ++i) {
          distances.push_back(std::abs(positions[i] - positions[i - 1]) * nm);
        }
        const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
        std::ranges::nth_element(distances, middle);
        return *middle;
      }
      ++column;
    }
    return std::nullopt;
  }

 private:
  const ParsedName& first() const { return names_[files_.front()]; }
  std::size_t columns() const { return first().numbers.size(); }
  const std::string& value(std::size_t file, std::size_t column) const {
    return names_[file].numbers[column].value;
  }
  int compare(std::size_t a, std::size_t b, std::size_t column) const {
    return compare_numbers(value(a, column), value(b, column));
  }
  static std::string canonical(const std::string& number) {
    const auto end = number.find_first_not_of('0');
    return end == std::string::npos ? "0" : number.substr(number[end] == '.' ? end - 1 : end);
  }
  std::size_t distinct(std::size_t column) const {
    std::set<std::string> values;
    for (const std::size_t file : files_) values.insert(canonical(value(file, column)));
    return values.size();
  }
  bool is_time(std::size_t column) const { return first().numbers[column].is_time; }
  bool all(std::size_t column, bool (*holds)(std::string_view)) const {
    return std::ranges::all_of(files_, [&](std::size_t file) { return holds(value(file, column)); });
  }
  bool is_whole(std::size_t column) const {
    return all(column, [](std::string_view number) {
      constexpr std::size_t most_digits = 15;
      return std::ranges::all_of(number, is_digit) &&
             number.size() - std::min(number.find_first_not_of('0'), number.size()) <= most_digits;
    });
  }

  std::vector<double> sorted_values(std::size_t column) const {
    std::vector<double> values;
    for (const std::size_t file : files_) values.push_back(value_of(value(file, column)));
    std::ranges::sort(values);
    return values;
  }
  double smallest_step(std::size_t column) const {
    const std::vector<double> values = sorted_values(column);
    double step = values.back() - values.front();
    for (std::size_t i = 1; i < values.size(); ++i) step = std::min(step, values[i] - values[i - 1]);
    return step;
  }

  enum class Steps { none, sparse, regular };

  /// Regular steps are the smallest one, or a few times that: less than half of the numbers is missing. More may be missing
  /// where two are next to each other.
  Steps steps(std::size_t column) const {
    const std::vector<double> values = sorted_values(column);
    const double step = smallest_step(column);
    if (!(step > 0)) return Steps::none;
    const bool all_fit = std::ranges::all_of(values, [&](double value) {
      const double count = (value - values.front()) / step;
      return std::abs(count - std::round(count)) < 1e-3;
    });
    if (!all_fit) return Steps::none;
    constexpr double shortest_interval = 10;  // seconds from slice to slice
    if (step >= shortest_interval &&
        all(column, [](std::string_view number) { return number.size() == 6 && is_time_of_day(number); })) {
      return Steps::none;
    }
    const double count = (values.back() - values.front()) / step;
    if (count <= 2.0 * static_cast<double>(values.size())) return Steps::regular;
    return step == 1 ? Steps::sparse : Steps::none;
  }

  /// The whole number that is different in each file and goes up in steps; of several the last, as people write them.
  std::optional<std::size_t> counting_column() const {
    std::optional<std::size_t> found;
    Steps best = Steps::none;
    for (const std::size_t column : varying_) {
      if (is_time(column) || !is_whole(column) || distinct(column) != files_.size()) continue;
      const Steps its = steps(column);
      if (its == Steps::none || its < best) continue;
      found = column;
      best = its;
    }
    return found;
  }

  /// Without a number that counts: a time that is different in each file, or the only such number.
  std::optional<std::size_t> ordering_column() const {
    std::vector<std::size_t> unique;
    for (const std::size_t column : varying_) {
      if (distinct(column) == files_.size()) unique.push_back(column);
    }
    const auto time = std::ranges::find_if(unique, [&](std::size_t column) { return is_time(column); });
    if (time != unique.end()) return *time;
    return unique.size() == 1 ? std::optional(unique.front()) : std::nullopt;
  }

  std::string sign(std::size_t column) const { return by_ == column ? "#" : "*"; }

  /// The text with the numbers that vary as `number` makes them.
  template <typename Literal, typename Varying>
  std::string shown(const Literal& literal, const Varying& varying) const {
    std::string text;
    std::size_t column = 0;
    for (const char c : first().text) {
      if (c != name_mark) {
        text += literal(c);
        continue;
      }
      const bool varies = std::ranges::find(varying_, column) != varying_.end();
      text += varies ? varying(column) : first().numbers[column].shown;
      ++column;
    }
    return text;
  }

  const std::vector<ParsedName>& names_;
  bool decimals_;
  Files files_;
  std::vector<std::size_t> varying_;
  std::optional<std::size_t> counting_;
  std::optional<std::size_t> by_;  // what they are put in order by, if it is one number
};

NameForm NameForm::of_one(const std::string& name) {
  NameForm form;
  const ParsedName parsed = parse_name(name, true);
  form.text_ = parsed.text;
  for (std::size_t i = 0; i < parsed.numbers.size(); ++i) {
    const NameNumber& number = parsed.numbers[i];
    if (!number.is_time && std::ranges::all_of(number.value, is_digit)) form.column_ = i;
  }
  if (form.column_) form.step_ = 1;
  std::size_t column = 0;
  for (const char c : parsed.text) {
    if (c == name_mark) {
      form.spoken_ += form.column_ == column ? "#" : parsed.numbers[column].shown;
      ++column;
    } else {
      form.spoken_ += c;
    }
  }
  return form;
}

bool NameForm::is_only_number() const {
  return column_ == 0U && std::ranges::count(text_, name_mark) == 1;
}

bool NameForm::is_last_number() const {
  return column_ && *column_ + 1 == static_cast<std::size_t>(std::ranges::count(text_, name_mark));
}

void NameForm::count_by_last() {
  const auto columns = static_cast<std::size_t>(std::ranges::count(text_, name_mark));
  if (columns == 0) return;
  column_ = columns - 1;
  step_ = 1;
}

bool NameForm::fits(const std::string& name) const {
  return parse_name(name, decimals_).text == text_;
}

std::optional<std::int64_t> NameForm::number_in(const std::string& name) const {
  const ParsedName parsed = parse_name(name, decimals_);
  if (parsed.text != text_ || !column_) return std::nullopt;
  return whole_number(parsed.numbers[*column_].value);
}

int NameForm::compare(const std::string& a, const std::string& b) const {
  const ParsedName left = parse_name(a, decimals_);
  const ParsedName right = parse_name(b, decimals_);
  if (column_) return compare_numbers(left.numbers.at(*column_).value, right.numbers.at(*column_).value);
  for (std::size_t i = 0; i < std::min(left.numbers.size(), right.numbers.size()); ++i) {
    const int result = compare_numbers(left.numbers[i].value, right.numbers[i].value);
    if (result != 0) return result;
  }
  return 0;
}

std::string NameForm::saved() const {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << decimals_ << ' ' << (column_ ? static_cast<long long>(*column_) : -1) << ' ' << step_ << ' '
      << text_.size() << ' ' << text_ << spoken_;
  return out.str();
}

NameForm NameForm::restored(const std::string& text) {
  std::istringstream in(text);
  in.imbue(std::locale::classic());
  NameForm form;
  long long column = 0;
  std::size_t length = 0;
  in >> form.decimals_ >> column >> form.step_ >> length;
  in.get();
  const auto at = in ? static_cast<std::size_t>(in.tellg()) : text.size() + 1;
  if (at > text.size() || length > text.size() - at || form.step_ < 0) {
    throw std::invalid_argument("no form of names: '" + text + "'");
  }
  form.text_ = text.substr(at, length);
  form.spoken_ = text.substr(at + length);
  const auto columns = std::ranges::count(form.text_, name_mark);
  if (column >= columns || (column < 0 && form.step_ > 0)) {
    throw std::invalid_argument("no form of names: '" + text + "'");
  }
  if (column >= 0) form.column_ = static_cast<std::size_t>(column);
  return form;
}

namespace {

struct Parsed {
  std::vector<ParsedName> names;
  bool decimals = true;
};

Parsed parse_all(const std::vector<std::string>& names) {
  Parsed parsed;
  for (const std::string& name : names) parsed.names.push_back(parse_name(name, true));
  std::map<std::string_view, std::vector<const ParsedName*>> by_text;
  for (const ParsedName& name : parsed.names) by_text[name.text].push_back(&name);
  parsed.decimals =
      std::ranges::all_of(by_text, [](const auto& group) { return are_decimals(group.second); });
  if (!parsed.decimals) {
    for (std::size_t i = 0; i < names.size(); ++i) parsed.names[i] = parse_name(names[i], false);
  }
  return parsed;
}

}  // namespace

NameReading read_names(const std::vector<std::string>& names) {
  const Parsed parsed = parse_all(names);
  std::map<std::string, Files> texts;
  for (std::size_t i = 0; i < names.size(); ++i) texts[parsed.names[i].text].push_back(i);
  NameReading reading;
  if (texts.size() == names.size() && names.size() > 1) {
    Files& order = reading.stack.order;
    order.resize(names.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order,
                      [&](std::size_t a, std::size_t b) { return natural_compare(names[a], names[b]) < 0; });
    reading.stack.remarks.push_back("the names are not numbered ('" + names[order[0]] + "' and '" +
                                    names[order[1]] + "'): the slices are in the order of the names");
    return reading;
  }
  std::vector<NameGroup> groups;
  for (auto& [text, files] : texts) {
    for (NameGroup& group : NameGroup(parsed.names, parsed.decimals, std::move(files)).split()) {
      groups.push_back(std::move(group));
    }
  }
  if (groups.size() > 1) {
    for (const NameGroup& group : groups) {
      reading.series.push_back({group.glob(), group.pattern(), group.files()});
    }
    return reading;
  }
  const NameGroup& group = groups.front();
  reading.stack = {group.ordered(), group.form(), group.gaps(names), group.z_spacing_nm()};
  return reading;
}

std::string list_of(const std::vector<NameSeries>& series,
                    const std::function<std::string(const NameSeries& one)>& name) {
  std::string list;
  constexpr std::size_t most = 6;
  for (std::size_t i = 0; i < std::min(series.size(), most); ++i) {
    const std::size_t files = series[i].files.size();
    list.append(i > 0 ? ", '" : "'").append(name(series[i])).append("' (").append(std::to_string(files));
    list += files == 1 ? " file)" : " files)";
  }
  if (series.size() > most) list.append(" and ").append(std::to_string(series.size() - most)).append(" more");
  return list;
}

}  // namespace fibflow::io
