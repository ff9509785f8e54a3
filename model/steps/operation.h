#pragma once

// Internal to model/: what an ONNX node has become once the slice's size is known.

#include <string>
#include <vector>

#include "model/engine/activation.h"
#include "model/steps/feature.h"

namespace fibflow::model {

class TilePlanner;

/// Makes one feature map of others. Constant once the network is lowered, apart from what it takes over from the nodes
/// behind it while that goes on.
class Operation {
 public:
  virtual ~Operation() = default;

  std::string label;        ///< of the ONNX node
  std::vector<int> inputs;  ///< features
  int output = 0;           ///< feature

  /// The part of an input that this part of the output needs.
  virtual Region needed(const Feature& /*input*/, const Region& part) const { return part; }

  /// Adds the steps that compute what a tile needs of the output.
  virtual void plan(TilePlanner& planner) const = 0;

  /// Takes over the BatchNormalization, or the activation, that alone reads the result. Says whether it can.
  virtual bool take_batch_norm(int /*batch_norm*/) { return false; }
  virtual bool take_activation(const Activation& /*activation*/) { return false; }

  /// The BatchNorm that normalizes the result; -1 if there is none.
  virtual int batch_norm() const { return -1; }

  /// Whether the result is blocked even if what it is made of is plain.
  virtual bool blocks() const { return false; }

  /// Whether the result is the inputs' channels one after the other, so that they can be made in their places.
  virtual bool joins() const { return false; }

 protected:
  Operation() = default;
  Operation(const Operation&) = default;
  Operation& operator=(const Operation&) = default;
};

}  // namespace fibflow::model
