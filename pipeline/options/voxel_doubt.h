#pragma once

#include <optional>
#include <string>

#include "io/slice.h"
#include "model/tile/network.h"

namespace fibflow::pipeline {

/// What makes it doubtful that the network knows objects of the size in which the stack shows them: an axis whose voxels are more
/// than 1.5 times as large or as small as those that it was trained on (metadata "fibflow.voxel_nm", "Z,Y,X"). As a sentence with
/// both sizes; nothing if they are alike, or not known.
std::optional<std::string> voxel_doubt(const model::Network& network, const io::VoxelSize& voxel_nm);

}  // namespace fibflow::pipeline
