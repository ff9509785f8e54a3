#pragma once

// Internal to model/: the network once the slice's size is known, and which part of every feature map a tile needs.

#include <memory>
#include <vector>

#include "model/operators/lowering.h"
#include "model/region.h"
#include "model/statistics/counted_area.h"
#include "model/steps/planner.h"

namespace fibflow::model {

class ShapedNetwork {
 public:
  /// The network for images of exactly this size. Throws NodeError, SizeMisfit if another size might do.
  ShapedNetwork(const Graph& graph, int height, int width, Axes axes = Axes::both);

  /// The network for the smallest extension of the slice that fits; see extension().
  static ShapedNetwork fit(const Graph& graph, int height, int width);

  /// The network for a slice that is extended by so many rows and columns. Throws NodeError if that does not
  /// fit.
  static ShapedNetwork extended(const Graph& graph, int height, int width, int rows, int columns);

  const Extension& extension() const { return extension_; }
  int slice_height() const { return input().y.size - extension_.top - extension_.bottom; }
  int slice_width() const { return input().x.size - extension_.left - extension_.right; }

  const std::vector<Feature>& features() const { return lowered_.features; }
  /// In an order that can be run.
  const std::vector<std::unique_ptr<Operation>>& operations() const { return lowered_.operations; }
  const Feature& input() const { return features().front(); }
  const Feature& output() const { return features()[static_cast<std::size_t>(lowered_.output)]; }

  /// Which operation normalizes with BatchNorm b; null if none does.
  const Operation* operation_of_batch_norm(int b) const;

  /// Cores that begin at multiples of this, in slice pixels, are congruent away from the borders.
  int alignment() const;
  int receptive_field_radius() const;

  /// Where slice pixel y (or x) lies in the output feature.
  Region output_region(const Region& core) const;

  /// The part of a feature that a tile counts in statistics: the parts of all cores of a partition of the
  /// slice are a partition of the feature (without what only the extension added, but for one pixel if that is all).
  Region share(const Feature& feature, const Region& core) const;

  /// Which pixels of share(feature, core) count; the area is the slice's.
  CountedShare counted_share(const Feature& feature, const Region& core, const CountedArea& area) const;

  /// The feature that BatchNorm b normalizes.
  const Feature& input_of_batch_norm(int b) const {
    return features()[static_cast<std::size_t>(operation_of_batch_norm(b)->output)];
  }

  /// The part of every feature that a tile computes: what its core's output needs and its shares.
  std::vector<Region> regions(const Region& core, bool with_shares) const;

  /// The steps of the tile for a core.
  TileSpec plan(const Region& core, PlanKind kind) const;

 private:
  LoweredGraph lowered_;
  Extension extension_;
};

}  // namespace fibflow::model
