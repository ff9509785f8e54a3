#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/tile/network.h"
#include "pipeline/adapt/adaptation_start.h"
#include "pipeline/adapt/plan.h"
#include "pipeline/adapt/segment_session.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// What every run that can go on keeps, beside its outputs: where it began, what it found, and where it stands after a
/// slice. The pictures that were found (AdaptationStart::Findings::previews) are not in it: they are large, and never change.
struct RunState {
  std::string started;              ///< UTC, ISO 8601
  RunReport::Seconds seconds;       ///< that the run has taken so far, in all its parts
  std::vector<Resumption> resumed;  ///< so far
  TileSize tiles;
  AdaptationStart::Findings findings;  ///< before the first slice
  SegmentSession::State session;       ///< after the last slice that counts
};

nlohmann::ordered_json json_of(const RunState& state);

/// Throws nlohmann::json::exception or std::invalid_argument if it is not what was written, or not of this network and lag:
/// numbers of another count would be computed with.
RunState run_state(const nlohmann::ordered_json& json, const model::Network& network, int lag);

}  // namespace fibflow::pipeline
