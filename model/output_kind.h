#pragma once

namespace fibflow::model {

/// What a network's last node makes: logits, or probabilities already (Sigmoid or Softmax at the end).
enum class OutputKind { logits, sigmoid, softmax };

}  // namespace fibflow::model
