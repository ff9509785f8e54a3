#pragma once

#include <nlohmann/json_fwd.hpp>

#include "model/statistics/estimator.h"
#include "pipeline/adapt/segment_session.h"

namespace fibflow::pipeline {

/// States as JSON, to be kept (as CBOR, which is small): every number comes back bit for bit. Weights are not in
/// it; a session makes them again. Reading throws nlohmann::json::exception or std::invalid_argument if it is
/// not what was written.
nlohmann::json json_of(const model::Estimator::State& state);
nlohmann::json json_of(const SegmentSession::State& state);
model::Estimator::State estimator_state(const nlohmann::json& json);
SegmentSession::State session_state(const nlohmann::json& json);

/// Throws std::invalid_argument unless a state is one of a network with such statistics (and of such a lag): as many layers
/// and channels, and numbers that statistics can be.
void require_fit(const model::Estimator::State& state, const model::Statistics& source);
void require_fit(const SegmentSession::State& state, const model::Statistics& source, int lag);

}  // namespace fibflow::pipeline
