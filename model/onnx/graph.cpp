#include "model/onnx/graph.h"

namespace fibflow::model {

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string Node::label() const {
  return "node '" + name + "' (" + op + ")";
}

std::int64_t Node::integer(const std::string& attribute, std::int64_t fallback) const {
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? fallback : it->second.i;
}

float Node::real(const std::string& attribute, float fallback) const {
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? fallback : it->second.f;
}

std::string Node::text(const std::string& attribute, const std::string& fallback) const {
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? fallback : it->second.s;
}

std::vector<std::int64_t> Node::integers(const std::string& attribute,
                                         const std::vector<std::int64_t>& fallback) const {
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? fallback : it->second.ints;
}

}  // namespace fibflow::model
