#pragma once

#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "model/statistics/statistics.h"

namespace fibflow::model {

/// A number that an estimator depends on.
struct EstimatorParameter {
  const char* name;  ///< a word, or words joined by _
  double usual;      ///< if nothing else is said
  double lowest;
  double highest = std::numeric_limits<double>::infinity();  ///< infinite: any finite number
  bool may_be_lowest = true;
  const char* symbol;  ///< for a usage line
  const char* help;

  bool allows(double value) const;  ///< what is not a number, or infinite, is not allowed
  std::string range() const;        ///< "above 0 and at most 1", "0 or more"
};

struct EstimatorState;

/// Values of a rule's parameters; those that are left out have their usual one.
class EstimatorValues {
 public:
  EstimatorValues() = default;
  EstimatorValues(std::map<std::string, double> given) : given_(std::move(given)) {}

  double of(const EstimatorParameter& parameter) const;
  void set(const std::string& name, double value) { given_[name] = value; }
  const std::map<std::string, double>& given() const { return given_; }

 private:
  std::map<std::string, double> given_;
};

/// How the statistics of the target are estimated: the name of a rule and values of its parameters.
struct EstimatorOptions {
  std::string rule = "pooled";
  EstimatorValues values = {};
};

/// One way to estimate the statistics of the target from the moments of its batches. Stateless.
struct EstimatorRule {
  const char* name;
  std::span<const EstimatorParameter> parameters;
  /// Takes a complete batch of the network's layers; batches and images are those before it, and are counted by the caller, as
  /// is the pool, which has the batch already.
  void (*update)(const EstimatorValues& values, EstimatorState& state, const Moments& batch);
  Statistics (*estimate)(const EstimatorValues& values, const EstimatorState& state,
                         const Statistics& source);
};

/// All rules. A new one is a file beside the others and a line in estimator_rules.cpp.
std::span<const EstimatorRule* const> estimator_rules();

/// Throws std::invalid_argument that lists the names there are.
const EstimatorRule& estimator_rule(const std::string& name);

}  // namespace fibflow::model
