#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace fibflow::cli {

/// Rows of cells, printed in right-aligned columns as wide as their widest cell. The first row is the
/// heading.
class TextTable {
 public:
  void add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  friend std::ostream& operator<<(std::ostream& out, const TextTable& table);

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// A share with four decimals; "-" for not a number.
std::string share_cell(double share);

}  // namespace fibflow::cli
