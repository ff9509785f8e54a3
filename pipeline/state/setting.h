#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "model/tile/network.h"
#include "pipeline/options/resolved_options.h"

namespace fibflow::pipeline {

/// A setting is all that decides what a run makes, as a tree of names and values: what was begun is gone on with by a run of
/// the same setting only.

/// SHA-256 of everything that decides what a network computes: its weights, wherever they lie, included.
std::string digest_of(const model::Network& network);

/// The part that every run has: fibflow's version, the instruction set, the network with its weights wherever they lie, and the options that
/// decide the result. Threads change no bit, and of the memory budget and --tile only the tiles that were planned with them
/// count: they are not in it.
nlohmann::ordered_json setting_of(const model::Network& network, const ResolvedOptions& options);

/// The name of the instruction set that a setting is of (model/engine/cpu.h); nothing if it does not say.
std::optional<std::string> instruction_set_of(const nlohmann::ordered_json& setting);

/// The first difference between two settings, as a sentence: "another option lag: 2, not 3"; empty if there is none.
std::string difference(const nlohmann::ordered_json& found, const nlohmann::ordered_json& wanted);

/// Throws io::Error (bad_data) if the settings differ: "PATH: is of a run with another …". way_out: what a user can do,
/// the end of the message.
void require_same_setting(const std::string& path, const nlohmann::ordered_json& found,
                          const nlohmann::ordered_json& wanted, const std::string& way_out);

/// The same path whatever the working directory; "" stays.
std::string absolute_path(const std::string& path);

}  // namespace fibflow::pipeline
