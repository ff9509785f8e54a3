#include "io/tiff/image_description.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <set>
#include <sstream>

#include "io/metadata/quantity.h"

namespace fibflow::io {
namespace {

// Any count a description can mean fits; what does not is damage, and must not wrap.
std::int64_t count_of(const std::string& text) {
  const auto value = number_of(text);
  if (!value || *value < 0 || *value > 1e12) return 0;
  return static_cast<std::int64_t>(*value);
}

// OME writes elements with or without a namespace prefix.
bool is_named(const pugi::xml_node& node, const char* name) {
  const char* colon = std::strrchr(node.name(), ':');
  return std::strcmp(colon == nullptr ? node.name() : colon + 1, name) == 0;
}

pugi::xml_node child(const pugi::xml_node& parent, const char* name) {
  return parent.find_child([&](const pugi::xml_node& node) { return is_named(node, name); });
}

double physical_size(const pugi::xml_node& pixels, const std::string& axis) {
  const auto size = number_of(pixels.attribute(("PhysicalSize" + axis).c_str()).value());
  // OME-XML's default unit is the micrometre.
  const std::string unit = pixels.attribute(("PhysicalSize" + axis + "Unit").c_str()).as_string("um");
  const double nm = size ? *size * nanometres_of(unit) : 0;
  return nm > 0 && std::isfinite(nm) ? nm : 0;
}

}  // namespace

std::optional<ImageJDescription> parse_imagej(const std::string& text) {
  if (!text.starts_with("ImageJ=")) return std::nullopt;
  std::map<std::string, std::string> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    if (equals != std::string::npos)
      values.emplace(trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
  }
  const auto count = [&](const char* key) {
    const auto found = values.find(key);
    return found == values.end() ? std::int64_t{1} : count_of(found->second);
  };
  const auto unit = [&](const char* key, double otherwise) {
    const auto found = values.find(key);
    return found == values.end() ? otherwise : nanometres_of(found->second);
  };
  ImageJDescription description;
  description.images = count("images");
  description.channels = count("channels");
  description.slices = count("slices");
  description.frames = count("frames");
  description.x_unit_nm = unit("unit", 0);
  description.y_unit_nm = unit("yunit", description.x_unit_nm);
  const double z_unit = unit("zunit", description.x_unit_nm);
  if (const auto found = values.find("spacing"); found != values.end()) {
    // ImageJ takes the magnitude, too: a stack that was recorded downwards has a negative one.
    description.z_nm = std::abs(number_of(found->second).value_or(0)) * z_unit;
  }
  return description;
}

std::optional<ShapedDescription> parse_shaped(const std::string& text) {
  if (!trimmed(text).starts_with('{')) return std::nullopt;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("shape") || !json["shape"].is_array()) return std::nullopt;
  ShapedDescription description;
  for (const auto& size : json["shape"]) {
    constexpr std::int64_t most = 1'000'000'000'000;
    if (!size.is_number_integer() || size.get<std::int64_t>() < 0 || size.get<std::int64_t>() > most) {
      return std::nullopt;
    }
    description.shape.push_back(size.get<std::int64_t>());
  }
  if (json.contains("axes") && json["axes"].is_string()) description.axes = json["axes"].get<std::string>();
  if (description.axes.size() != description.shape.size()) description.axes.clear();
  description.truncated = json.value("truncated", nlohmann::json()) == nlohmann::json(true);
  return description;
}

namespace {

/// The pages of a TiffData element: PlaneCount of them, or one if it says where, or all.
void add_planes(const pugi::xml_node& data, OmeDescription& description) {
  const auto first = [&](const char* name) { return count_of(data.attribute(name).as_string("0")); };
  OmeDescription::Plane plane{first("FirstC"), first("FirstZ"), first("FirstT"), first("IFD")};
  const std::int64_t all = description.channels * description.slices * description.frames;
  std::int64_t count = data.attribute("PlaneCount") ? first("PlaneCount") : data.attribute("IFD") ? 1 : all;
  constexpr std::int64_t most = 10'000'000;
  count = std::min(count, most - static_cast<std::int64_t>(description.planes.size()));
  for (; count > 0; --count) {
    description.planes.push_back(plane);
    ++plane.page;
    for (const char dimension :
         description.order.substr(std::min<std::size_t>(2, description.order.size()))) {
      std::int64_t& at = dimension == 'C' ? plane.channel : dimension == 'Z' ? plane.slice : plane.frame;
      const std::int64_t size = dimension == 'C'   ? description.channels
                                : dimension == 'Z' ? description.slices
                                                   : description.frames;
      if (++at < size) break;
      at = 0;
    }
  }
}

}  // namespace

std::optional<OmeDescription> parse_ome(const std::string& text, const std::string& file_name) {
  if (text.find("OME") == std::string::npos || text.find('<') == std::string::npos) return std::nullopt;
  pugi::xml_document document;
  if (!document.load_buffer(text.data(), text.size())) return std::nullopt;
  const pugi::xml_node root = child(document, "OME");
  if (!root) return std::nullopt;

  OmeDescription description;
  pugi::xml_node pixels;
  for (const pugi::xml_node& node : root.children()) {
    if (!is_named(node, "Image")) continue;
    if (description.images++ == 0) pixels = child(node, "Pixels");
  }
  if (!pixels) return description;
  description.channels = count_of(pixels.attribute("SizeC").as_string("1"));
  description.slices = count_of(pixels.attribute("SizeZ").as_string("1"));
  description.frames = count_of(pixels.attribute("SizeT").as_string("1"));
  description.order = pixels.attribute("DimensionOrder").as_string("XYZCT");
  description.voxel_nm = {physical_size(pixels, "Z"), physical_size(pixels, "Y"), physical_size(pixels, "X")};

  std::optional<std::int64_t> first;
  std::set<std::int64_t> channels;
  bool of_set = false;
  for (const pugi::xml_node& data : pixels.children()) {
    if (!is_named(data, "TiffData")) continue;
    const pugi::xml_node uuid = child(data, "UUID");
    const std::string owner = uuid.attribute("FileName").as_string();
    if (!owner.empty() && owner != file_name) {
      of_set = true;
      continue;
    }
    channels.insert(count_of(data.attribute("FirstC").as_string("0")));
    add_planes(data, description);
    const std::int64_t page = count_of(data.attribute("IFD").as_string("0"));
    const std::int64_t z =
        count_of(data.attribute("FirstZ").as_string("0")) + count_of(data.attribute("FirstT").as_string("0"));
    // A file of a set may begin at any z; from there on its pages must follow.
    if (!first) first = z - page;
    if (z - page != *first) description.reordered = true;
  }
  if (of_set && channels.size() == 1) description.only_channel = *channels.begin();
  return description;
}

}  // namespace fibflow::io
