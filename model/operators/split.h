#pragma once

// Internal to model/.

#include <string>

namespace fibflow::model {

class Lowering;
struct Node;

/// Adds channels first, …, last - 1 of a node's first input under a name.
void take_channels(Lowering& lowering, const Node& node, const std::string& name, int first, int last);

}  // namespace fibflow::model
