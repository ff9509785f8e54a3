#include "pipeline/cli/terminal/text_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fibflow::cli {

std::ostream& operator<<(std::ostream& out, const TextTable& table) {
  std::vector<std::size_t> widths;
  for (const auto& row : table.rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : table.rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out << (i == 0 ? "" : "  ") << std::string(widths[i] - row[i].size(), ' ') << row[i];
    }
    out << "\n";
  }
  return out;
}

std::string share_cell(double share) {
  if (std::isnan(share)) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", share);
  return text;
}

}  // namespace fibflow::cli
