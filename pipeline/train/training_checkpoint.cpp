#include "pipeline/train/training_checkpoint.h"

#include <cmath>
#include <cstring>
#include <span>
#include <stdexcept>
#include <vector>

#include "io/error.h"
#include "pipeline/options/version.h"
#include "pipeline/state/durable_state.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

/// The number is the version of what is inside; weights are kept as this version of fibflow lays them out.
DurableState state_at(const std::string& path) {
  return {path, std::string("training checkpoint 2 of ") + version()};
}

template <typename Values>
Json binary(const Values& values) {
  const auto bytes = std::as_bytes(std::span(values));
  const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return Json::binary({begin, begin + bytes.size()});
}

template <typename T>
std::vector<T> values_of(const Json& json) {
  const Json::binary_t& bytes = json.get_binary();
  if (bytes.size() % sizeof(T) != 0) throw std::invalid_argument("a list has half a value at its end");
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::string text_of(const Json& json) {
  const Json::binary_t& bytes = json.get_binary();
  return {bytes.begin(), bytes.end()};
}

TrainingCheckpoint checkpoint_of(const Json& json) {
  TrainingCheckpoint checkpoint;
  checkpoint.setting = json.at("setting");
  checkpoint.seconds = json.at("seconds");
  checkpoint.history.losses = values_of<float>(json.at("losses"));
  checkpoint.history.validations = values_of<TrainingHistory::Validated>(json.at("validations"));
  checkpoint.trainer = text_of(json.at("trainer"));
  checkpoint.best = text_of(json.at("best"));
  checkpoint.best_iou = json.at("best_iou");
  checkpoint.best_threshold = json.at("best_threshold");
  checkpoint.best_iou_at_threshold = json.at("best_iou_at_threshold");
  checkpoint.best_iteration = whole_number(json, "best_iteration", 0, std::int64_t{1} << 52);
  if (!(checkpoint.seconds >= 0) || !std::isfinite(checkpoint.seconds))
    throw std::invalid_argument("its time is impossible");
  return checkpoint;
}

}  // namespace

void TrainingCheckpoint::write(const std::string& path) const {
  state_at(path).write({{"setting", setting},
                        {"seconds", seconds},
                        {"losses", binary(history.losses)},
                        {"validations", binary(history.validations)},
                        {"trainer", binary(trainer)},
                        {"best", binary(best)},
                        {"best_iou", best_iou},
                        {"best_threshold", best_threshold},
                        {"best_iou_at_threshold", best_iou_at_threshold},
                        {"best_iteration", best_iteration}});
}

TrainingCheckpoint TrainingCheckpoint::read(const std::string& path, std::string& refusal) {
  TrainingCheckpoint found;
  if (!state_at(path).read([&](const Json& json) { found = checkpoint_of(json); }, refusal))
    throw io::Error(io::ErrorKind::missing, path, "there is no such checkpoint");
  return found;
}

bool TrainingCheckpoint::exists(const std::string& path) {
  return state_at(path).exists();
}

void TrainingCheckpoint::remove(const std::string& path) {
  state_at(path).remove();
}

}  // namespace fibflow::pipeline
