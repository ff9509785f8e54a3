#include "io/metadata/microscope.h"

#include <cctype>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "io/metadata/quantity.h"

namespace fibflow::io {
namespace {

namespace fs = std::filesystem;

double positive(double nm) {
  return std::isfinite(nm) && nm > 0 ? nm : 0;
}

/// "KEY=value" lines by "[Section]KEY".
std::map<std::string, std::string> ini_values(const std::string& text) {
  std::map<std::string, std::string> values;
  std::string section;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line.starts_with('[')) section = line;
    const auto equals = line.find('=');
    if (equals != std::string::npos) {
      values.try_emplace(section + trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
    }
  }
  return values;
}

std::optional<double> number(const std::map<std::string, std::string>& values, const std::string& key) {
  const auto found = values.find(key);
  return found == values.end() ? std::nullopt : number_of(found->second);
}

/// Rows that are left of the image's height below its own rows; 0 if that makes no sense: a bar is a small part.
int bar_below(std::optional<double> rows, int height) {
  if (!rows || *rows < 1 || *rows >= height || *rows != std::floor(*rows)) return 0;
  const int bar = height - static_cast<int>(*rows);
  return 3 * bar < height ? bar : 0;
}

/// A bar of so many rows at the bottom.
int bar_of(std::optional<double> rows, int height) {
  return rows && *rows >= 1 && *rows < height ? bar_below(height - *rows, height) : 0;
}

MicroscopeFacts named(MicroscopeFacts facts, const char* source) {
  if (facts.nm.x > 0 || facts.nm.y > 0 || facts.data_bar > 0) facts.source = source;
  return facts;
}

/// "1280 960" or "1280x960".
std::optional<std::pair<double, double>> size_of(const std::string& text) {
  const auto cut = text.find_first_of("xX \t");
  if (cut == std::string::npos) return std::nullopt;
  const auto width = number_of(text.substr(0, cut));
  const auto height = number_of(text.substr(cut + 1));
  return width && height && *width > 0 && *height > 0 ? std::optional(std::pair(*width, *height))
                                                      : std::nullopt;
}

/// UTF-16 becomes its Latin part; anything else stays.
std::string narrowed(const std::string& bytes) {
  const bool little = bytes.starts_with("\xff\xfe");
  const bool big = bytes.starts_with("\xfe\xff");
  if (!little && !big) return bytes;
  std::string text;
  for (std::size_t i = 2; i + 1 < bytes.size(); i += 2) {
    const char low = bytes[little ? i : i + 1];
    const char high = bytes[little ? i + 1 : i];
    text += high == 0 ? low : '?';
  }
  return text;
}

std::string text_of(const fs::path& path) {
  std::error_code ignored;
  constexpr std::uintmax_t longest = 1 << 20;
  if (!fs::is_regular_file(path, ignored) || fs::file_size(path, ignored) > longest || ignored) return {};
  std::ifstream file(path, std::ios::binary);
  return narrowed({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

}  // namespace

MicroscopeFacts read_fei(const std::string& text, int height, int width) {
  const auto values = ini_values(text);
  MicroscopeFacts facts;
  for (const char* section : {"[Scan]", "[EScan]", "[IScan]"}) {
    const double x = positive(number(values, std::string(section) + "PixelWidth").value_or(0) * 1e9);
    const double y = positive(number(values, std::string(section) + "PixelHeight").value_or(0) * 1e9);
    if (x > 0 && y > 0 && facts.nm.x == 0) facts.nm = {0, y, x};
  }
  const auto rows = number(values, "[Image]ResolutionY");
  const auto columns = number(values, "[Image]ResolutionX");
  const auto bar = number(values, "[PrivateFei]DatabarHeight");
  if (rows && (!columns || *columns == width)) {
    facts.data_bar = bar_below(rows, height);
  } else if (!rows) {
    facts.data_bar = bar_of(bar, height);
  }
  return named(facts, "Thermo/FEI tag 34682");
}

MicroscopeFacts read_zeiss(const std::string& text, int, int width) {
  std::map<std::string, double> lengths;
  std::string key;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    const auto equals = line.find('=');
    if (equals != std::string::npos && key.starts_with("AP_")) {
      const std::string value = trimmed(line.substr(equals + 1));
      const auto blank = value.find_first_of(" \t");
      if (blank != std::string::npos) {
        lengths[key] = positive(number_of(value).value_or(0) * nanometres_of(value.substr(blank)));
      }
    }
    key = line;
  }
  constexpr double screen_width = 1024;
  double nm = lengths["AP_IMAGE_PIXEL_SIZE"];
  if (nm == 0) nm = lengths["AP_PIXEL_SIZE"] * screen_width / width;
  if (nm == 0) nm = lengths["AP_WIDTH"] / width;
  MicroscopeFacts facts;
  facts.nm = {0, nm, nm};
  return named(facts, "Zeiss tag 34118");
}

MicroscopeFacts read_tescan(const std::string& text, int height, int) {
  // In the tag, blocks of such lines lie between bytes of other meaning.
  const auto value = [&](const std::string& key) -> std::optional<double> {
    for (std::size_t at = text.find(key + "="); at != std::string::npos; at = text.find(key + "=", at + 1)) {
      const char before = at == 0 ? '\n' : text[at - 1];
      if (std::isalnum(static_cast<unsigned char>(before)) != 0) continue;
      const std::size_t begin = at + key.size() + 1;
      return number_of(text.substr(begin, text.find_first_of("\r\n", begin) - begin));
    }
    return std::nullopt;
  };
  MicroscopeFacts facts;
  facts.nm.x = positive(value("PixelSizeX").value_or(0) * 1e9);
  facts.nm.y = positive(value("PixelSizeY").value_or(0) * 1e9);
  facts.data_bar = bar_of(value("ImageStripSize"), height);
  return named(facts, "TESCAN metadata");
}

MicroscopeFacts read_jeol(const std::string& text, int height, int width) {
  std::map<std::string, std::string> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    const auto blank = line.find_first_of(" \t");
    if (line.starts_with('$') && blank != std::string::npos) {
      values.try_emplace(line.substr(0, blank), trimmed(line.substr(blank)));
    }
  }
  MicroscopeFacts facts;
  const std::string marker = values["$$SM_MICRON_MARKER"];
  const auto unit = marker.find_first_not_of("0123456789.+-eE ");
  const auto bar = number_of(values["$$SM_MICRON_BAR"]);
  if (unit != std::string::npos && bar && *bar > 0) {
    const double nm = positive(number_of(marker).value_or(0) * nanometres_of(marker.substr(unit)) / *bar);
    facts.nm = {0, nm, nm};
  }
  const auto size = size_of(values["$CM_FULL_SIZE"]);
  if (size && size->first == width) facts.data_bar = bar_below(size->second, height);
  return named(facts, "JEOL metadata");
}

MicroscopeFacts read_hitachi(const std::string& text, int height, int width) {
  MicroscopeFacts facts;
  if (text.find("[SemImageFile]") == std::string::npos) return facts;
  const auto values = ini_values(text);
  const auto named_size = values.find("[SemImageFile]DataSize");
  const auto size = named_size == values.end() ? std::nullopt : size_of(named_size->second);
  const double nm = positive(number(values, "[SemImageFile]PixelSize").value_or(0));
  // Saved smaller or larger than it was scanned.
  const double scale = size ? size->first / width : 1;
  facts.nm = {0, nm * scale, nm * scale};
  if (size && scale == 1) facts.data_bar = bar_below(size->second, height);
  return named(facts, "Hitachi metadata");
}

std::string spoken_data_bar(int rows, const std::string& source) {
  return "the lowest " + std::to_string(rows) + " rows are the microscope's data bar (" + source + ")";
}

MicroscopeFacts read_sidecar(const std::string& image_path, int height, int width) {
  const fs::path image(image_path);
  const fs::path stem = image.parent_path() / image.stem();
  std::string ending = image.extension().string();
  if (!ending.empty()) ending = ending.substr(1);
  for (const std::string& name : {stem.string() + "-" + ending + ".hdr", stem.string() + ".hdr"}) {
    const std::string text = text_of(name);
    if (!text.empty()) return read_tescan(text, height, width);
  }
  const std::string text = text_of(stem.string() + ".txt");
  if (text.empty()) return {};
  return text.find("[SemImageFile]") != std::string::npos ? read_hitachi(text, height, width)
                                                          : read_jeol(text, height, width);
}

}  // namespace fibflow::io
