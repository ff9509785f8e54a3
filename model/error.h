#pragma once

#include <stdexcept>
#include <string>

namespace fibflow::model {

/// A model that cannot be read, does not fit or cannot be adapted; what() names the file, the node and the
/// reason.
class ModelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// There is no such model file.
class ModelMissing : public ModelError {
 public:
  using ModelError::ModelError;
};

}  // namespace fibflow::model
