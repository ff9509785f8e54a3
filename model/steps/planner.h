#pragma once

// Internal to model/: turns the regions of one tile into steps and places in the workspace.

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/engine/kernels.h"
#include "model/steps/feature.h"
#include "model/steps/operation.h"
#include "model/steps/step.h"

namespace fibflow::model {

class NormalizationStep;

/// Everything about a tile that does not depend on where in the slice it lies.
struct TileSpec {
  PlanKind kind = PlanKind::frozen;
  std::vector<std::unique_ptr<Step>> steps;
  std::vector<std::ptrdiff_t> storage_offset;  ///< floats
  std::size_t workspace_floats = 0;            ///< without scratch
  std::vector<int> stage_end;  ///< index of the step that measures BatchNorm s (in the network's order)
  StoredMap input, output;
  int input_height = 0, input_width = 0, input_channels = 0;
  int output_height = 0, output_width = 0, output_channels = 0, output_block = 1;
  double multiply_adds = 0;
  std::string key;  ///< equal for congruent tiles

  /// Bytes of scratch that the steps need, behind the workspace's floats; compiles nothing.
  std::size_t scratch_bytes() const;
};

/// What a tile is planned from.
struct TilePlanInput {
  std::span<const Feature> features;
  std::span<const std::unique_ptr<Operation>> operations;  ///< in an order that can be run
  std::vector<Region> regions;  ///< of each feature, what is computed; empty: nothing
  int output = 0;               ///< the network's output feature
  Region output_part;           ///< of it, what the tile is for
  PlanKind kind = PlanKind::frozen;
  std::function<Region(const Feature&)> share;  ///< the part of a feature that the tile counts in moments
};

/// Plans one tile: the operations' plan() calls it. Not thread-safe.
class TilePlanner {
 public:
  static TileSpec plan(TilePlanInput input);

  bool measured() const { return input_.kind == PlanKind::measured; }
  int index() const { return index_; }  ///< of the operation that is being planned

  // Features, and what is computed of them.
  const Feature& feature(int f) const { return input_.features[at(f)]; }
  const Region& region(int f) const { return input_.regions[at(f)]; }
  int block(int f) const { return block_[at(f)]; }  ///< channels per block: 1 or channel_block()
  int blocks(int f) const;
  Span span_of(int f, const Region& part) const { return {blocks(f), part.height(), part.width(), block(f)}; }

  /// What the operation needs of an input for what is computed of its output.
  Region needed(const Operation& op, int input) const { return op.needed(feature(input), region(op.output)); }

  /// A part of a feature that is computed.
  StoredMap within(int f, const Region& part);

  /// A part of a feature in the layout that a step wants; copied only if it is not there already. dense: without gaps
  /// between its rows.
  StoredMap operand(int f, const Region& part, int block, bool dense);

  /// Memory beside the features.
  int new_storage(std::ptrdiff_t floats);
  static StoredMap whole(int storage, const Region& part, int block);

  /// Gives the output of a pixel-by-pixel operation its input's memory if nobody else reads it. Says whether it did.
  bool in_place(int input, int output);

  /// Whether a feature is made inside the concatenation that reads it.
  bool made_inside(int f, int concatenation) const { return alias_[at(f)].into == concatenation; }

  /// A feature's memory is in use up to here.
  void touch(int f) { touch_storage(hold(f)); }

  /// Appends a step that reads or writes these storages.
  void emit(std::unique_ptr<Step> step, std::initializer_list<int> storages);

  /// Appends the step that normalizes, and measures, the input of a BatchNorm layer. The layer's stage ends there.
  void emit_normalization(std::unique_ptr<NormalizationStep> step, int output);

  void count(double multiply_adds) { spec_.multiply_adds += multiply_adds; }

 private:
  struct Storage {
    std::ptrdiff_t floats = 0;
    int first = -1;
    int last = -1;
    int parent = -1;  ///< lies inside another storage
    std::ptrdiff_t parent_offset = 0;
  };
  struct Alias {
    int into = -1;  ///< the concatenation's feature
    int channel = 0;
  };

  explicit TilePlanner(TilePlanInput input);
  TileSpec run();

  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  void choose_blocks();
  void choose_aliases();
  int hold(int f);
  void touch_storage(int s);
  bool lends_storage(int concatenation) const;
  void place_storages();
  void make_key();

  TilePlanInput input_;
  std::vector<int> readers_;
  std::vector<int> block_;
  std::vector<Alias> alias_;
  std::map<int, int> held_;  // feature -> storage
  std::vector<Storage> storages_;
  TileSpec spec_;
  int index_ = 0;
};

}  // namespace fibflow::model
