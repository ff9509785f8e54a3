#include "io/folder/name_order.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "io/folder/natural_order.h"

namespace fibflow::io {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t digits_from(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end;
}

/// A name as its text, with # for each number, and its numbers.
struct Name {
  std::string form;
  std::vector<std::string> numbers;
};

/// where_decimals: a dot between digits belongs to one number, and a minus before it.
Name parse(std::string_view text, bool where_decimals) {
  Name name;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      // A # of the name's own is as good as any other text.
      name.form += text[at] == '#' ? '\x01' : text[at];
      ++at;
      continue;
    }
    std::size_t end = digits_from(text, at);
    std::string number(text.substr(at, end - at));
    if (where_decimals) {
      const std::size_t fraction_end =
          end < text.size() && text[end] == '.' ? digits_from(text, end + 1) : end;
      const bool is_decimal = fraction_end > end + 1 &&
                              (fraction_end == text.size() || text[fraction_end] != '.') &&
                              !(at > 0 && text[at - 1] == '.');
      if (is_decimal) {
        number = text.substr(at, fraction_end - at);
        end = fraction_end;
      }
      const bool is_negative = name.form.ends_with("=-") || name.form.ends_with("_-") || name.form == "-";
      if (is_negative) {
        name.form.pop_back();
        number.insert(0, "-");
      }
    }
    name.form += '#';
    name.numbers.push_back(std::move(number));
    at = end;
  }
  return name;
}

/// Whether numbers of a column can be decimals: "1.9" and "1.10" count in two places.
bool are_decimals(const std::vector<Name>& names) {
  for (std::size_t column = 0; column < names.front().numbers.size(); ++column) {
    std::set<std::size_t> lengths;
    bool ends_in_zero = false;
    for (const Name& name : names) {
      const std::string& number = name.numbers[column];
      const auto dot = number.find('.');
      if (dot == std::string::npos) continue;
      const std::string fraction = number.substr(dot + 1);
      if (fraction == "0") continue;
      lengths.insert(fraction.size());
      ends_in_zero = ends_in_zero || fraction.back() == '0';
    }
    if (lengths.size() > 1 && ends_in_zero) return false;
  }
  return true;
}

double value_of(const std::string& number) {
  return std::strtod(number.c_str(), nullptr);
}

/// Exact for whole numbers of any length.
int compare_numbers(const std::string& a, const std::string& b) {
  const auto is_whole = [](const std::string& number) {
    return number.find_first_of(".-") == std::string::npos;
  };
  if (is_whole(a) && is_whole(b)) return natural_compare(a, b);
  const double left = value_of(a);
  const double right = value_of(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

using Files = std::vector<std::size_t>;

/// Names with the same text.
class Group {
 public:
  Group(const std::vector<Name>& names, Files files) : names_(names), files_(std::move(files)) {
    for (std::size_t column = 0; column < first().numbers.size(); ++column) {
      if (distinct(column) > 1) varying_.push_back(column);
    }
  }

  const Files& files() const { return files_; }

  /// In the order of the number that counts, or of all numbers.
  Files ordered() const {
    Files order = files_;
    const auto counting = counting_column();
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
      if (counting) return compare(a, b, *counting) < 0;
      for (const std::size_t column : varying_) {
        if (const int result = compare(a, b, column); result != 0) return result < 0;
      }
      return false;
    });
    return order;
  }

  /// The column that is different in each file and goes up in steps.
  std::optional<std::size_t> counting_column() const {
    std::optional<std::size_t> found;
    for (const std::size_t column : varying_) {
      if (distinct(column) != files_.size() || !is_regular(column)) continue;
      const bool whole = is_whole(column);
      // A whole number rather than a position; and of several the last, as people write them.
      if (!found || whole || !is_whole(*found)) found = column;
    }
    return found;
  }

  bool has_unique_column() const {
    return files_.size() < 2 || std::ranges::any_of(varying_, [&](std::size_t column) {
             return distinct(column) == files_.size();
           });
  }

  /// Splits it by the number with the fewest values, again and again until a number is different in each file.
  std::vector<Group> split() const {
    if (has_unique_column() || varying_.empty()) return {*this};
    const std::size_t by =
        *std::ranges::min_element(varying_, {}, [&](std::size_t column) { return distinct(column); });
    std::map<std::string, Files> parts;
    for (const std::size_t file : files_) parts[canonical(names_[file].numbers[by])].push_back(file);
    std::vector<Group> groups;
    for (auto& [value, files] : parts) {
      for (Group& group : Group(names_, std::move(files)).split()) groups.push_back(std::move(group));
    }
    return groups;
  }

  /// The text with the numbers that vary as `mark` makes them.
  template <typename Mark>
  std::string shown(const Mark& mark, bool as_glob = false) const {
    std::string text;
    std::size_t column = 0;
    for (const char c : first().form) {
      if (c != '#') {
        if (c == '\x01') {
          text += '#';
          continue;
        }
        const bool is_wild = c == '*' || c == '?' || c == '[';
        text += as_glob && is_wild ? std::string{'[', c, ']'} : std::string{c};
        continue;
      }
      text += std::ranges::find(varying_, column) == varying_.end() ? first().numbers[column] : mark(column);
      ++column;
    }
    return text;
  }

  std::string form() const {
    auto counting = counting_column();
    if (!counting && varying_.size() == 1) counting = varying_.front();
    return shown([&](std::size_t column) { return std::string(counting == column ? "#" : "*"); });
  }

  std::string glob() const {
    return shown(
        [&](std::size_t column) {
          const std::size_t length = first().numbers[column].size();
          constexpr std::size_t most_spelled = 8;
          const bool same = std::ranges::all_of(files_, [&](std::size_t file) {
            const std::string& number = names_[file].numbers[column];
            return number.size() == length && std::ranges::all_of(number, is_digit);
          });
          if (!same || length > most_spelled) return std::string("*");
          std::string digits;
          for (std::size_t i = 0; i < length; ++i) digits += "[0-9]";
          return digits;
        },
        true);
  }

  /// Whole numbers below 10^15 of the column that counts, in the files' order; empty if there is none.
  std::vector<double> counted() const {
    const auto counting = counting_column();
    std::vector<double> values;
    if (!counting) return values;
    for (const std::size_t file : ordered()) values.push_back(value_of(names_[file].numbers[*counting]));
    return values;
  }

 private:
  const Name& first() const { return names_[files_.front()]; }
  int compare(std::size_t a, std::size_t b, std::size_t column) const {
    return compare_numbers(names_[a].numbers[column], names_[b].numbers[column]);
  }
  static std::string canonical(const std::string& number) {
    const auto end = number.find_first_not_of('0');
    return end == std::string::npos ? "0" : number.substr(number[end] == '.' ? end - 1 : end);
  }
  std::size_t distinct(std::size_t column) const {
    std::set<std::string> values;
    for (const std::size_t file : files_) values.insert(canonical(names_[file].numbers[column]));
    return values.size();
  }
  bool is_whole(std::size_t column) const {
    return std::ranges::all_of(files_, [&](std::size_t file) {
      return std::ranges::all_of(names_[file].numbers[column], is_digit);
    });
  }
  /// Steps that are the smallest one, or a few times that: less than half of the numbers is missing.
  bool is_regular(std::size_t column) const {
    std::vector<double> values;
    for (const std::size_t file : files_) values.push_back(value_of(names_[file].numbers[column]));
    constexpr double exact = 9e15;
    std::ranges::sort(values);
    if (std::abs(values.back()) > exact) return false;
    double step = values[1] - values[0];
    for (std::size_t i = 2; i < values.size(); ++i) step = std::min(step, values[i] - values[i - 1]);
    if (!(step > 0)) return false;
    const double steps = (values.back() - values.front()) / step;
    if (steps > 2.0 * static_cast<double>(values.size())) return false;
    return std::ranges::all_of(values, [&](double value) {
      const double count = (value - values.front()) / step;
      return std::abs(count - std::round(count)) < 1e-3;
    });
  }

  const std::vector<Name>& names_;
  Files files_;
  std::vector<std::size_t> varying_;
};

std::vector<std::string> gaps_in(const std::vector<double>& values, const Files& order,
                                 const std::vector<std::string>& names) {
  if (values.size() < 2) return {};
  double step = values[1] - values[0];
  for (std::size_t i = 2; i < values.size(); ++i) step = std::min(step, values[i] - values[i - 1]);
  std::vector<std::string> remarks;
  std::size_t gaps = 0;
  constexpr std::size_t most = 3;
  for (std::size_t i = 1; i < values.size(); ++i) {
    const auto missing = std::llround((values[i] - values[i - 1]) / step) - 1;
    if (missing == 0) continue;
    if (++gaps > most) continue;
    remarks.push_back("a gap in the numbering: " + std::to_string(missing) + " missing between '" +
                      names[order[i - 1]] + "' and '" + names[order[i]] + "'");
  }
  if (gaps > most) remarks.push_back("and " + std::to_string(gaps - most) + " more gaps in the numbering");
  return remarks;
}

std::vector<Name> parse_all(const std::vector<std::string>& names) {
  std::vector<Name> parsed;
  for (const std::string& name : names) parsed.push_back(parse(name, true));
  std::map<std::string, std::vector<Name>> by_form;
  for (const Name& name : parsed) by_form[name.form].push_back(name);
  if (std::ranges::all_of(by_form, [](const auto& form) { return are_decimals(form.second); })) return parsed;
  parsed.clear();
  for (const std::string& name : names) parsed.push_back(parse(name, false));
  return parsed;
}

}  // namespace

NameReading read_names(const std::vector<std::string>& names) {
  const std::vector<Name> parsed = parse_all(names);
  std::map<std::string, Files> forms;
  for (std::size_t i = 0; i < parsed.size(); ++i) forms[parsed[i].form].push_back(i);
  NameReading reading;
  if (forms.size() == names.size() && names.size() > 1) {
    reading.stack.form = "*";
    reading.stack.order.resize(names.size());
    std::iota(reading.stack.order.begin(), reading.stack.order.end(), std::size_t{0});
    std::ranges::sort(reading.stack.order,
                      [&](std::size_t a, std::size_t b) { return natural_compare(names[a], names[b]) < 0; });
    reading.stack.remarks.push_back("the names are not numbered ('" + names[reading.stack.order[0]] +
                                    "' and '" + names[reading.stack.order[1]] +
                                    "'): the slices are in the order of the names");
    return reading;
  }
  std::vector<Group> groups;
  for (auto& [form, files] : forms) {
    for (Group& group : Group(parsed, std::move(files)).split()) groups.push_back(std::move(group));
  }
  if (groups.size() > 1) {
    for (const Group& group : groups) reading.series.push_back({group.glob(), group.files().size()});
    return reading;
  }
  reading.stack.order = groups.front().ordered();
  reading.stack.form = groups.front().form();
  reading.stack.remarks = gaps_in(groups.front().counted(), reading.stack.order, names);
  return reading;
}

}  // namespace fibflow::io
