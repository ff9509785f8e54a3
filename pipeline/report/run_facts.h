#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/statistics/estimator.h"
#include "model/statistics/statistics.h"
#include "model/tile/network.h"
#include "pipeline/adapt/adaptation_start.h"
#include "pipeline/adapt/plan.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// The time now for a run report: UTC, ISO 8601, to the second.
std::string utc_now();

/// What a run report says of the network.
RunReport::Model model_of(const model::Network& network);

/// What a run report says of the tiles and workers.
RunReport::Tiles tiles_of(const Plan& plan);

/// What a run report says of statistics that began at the estimator's source and are used now. What the session knows
/// (batches, snapshots) is to be filled in.
AdaptationSummary adaptation_of(const model::Network& network, const model::Estimator& estimator,
                                const model::Statistics& used);

/// Writes what was found before the segmentation into the report.
void tell(RunReport& report, const AdaptationStart& start);

/// Whether adaptation helps, as it was seen again on the way. z: of the slice after which.
RunEvent event_of(const AdaptationStart::Verdict& verdict, std::int64_t z);

/// What looks wrong with all slices together: everything is background, or foreground. As a sentence with what it may come
/// from; nothing if they look as they should, or there are none.
std::optional<std::string> one_sided(const SliceSums& sums);

/// A warning if files of the input were changed while they were read.
std::optional<std::string> changed_meanwhile(const std::vector<std::string>& files);

/// The largest resident set of this process so far, in bytes; 0 if unknown.
std::size_t peak_memory();

}  // namespace fibflow::pipeline
