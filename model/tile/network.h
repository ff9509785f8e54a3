#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "model/kinds.h"
#include "model/statistics/statistics.h"

namespace fibflow::model {

struct Graph;

/// A network as its ONNX file describes it: one image in, one map of logits or probabilities out.
/// Immutable, cheap to copy; every member may be called in parallel.
class Network {
 public:
  /// Reads and checks a model. Throws ModelMissing, or ModelError that names the file, the node and the
  /// reason: not an ONNX file, an opset outside 11 … 23, an operator that is not supported, a shape that does
  /// not fit, a missing external-data file.
  ///
  /// output_map: of several maps the one that is given out. "NAME": that output, or any value that a node makes on the way;
  /// "INDEX": that channel (from 0) of the only output; "NAME:INDEX": both. Empty: what the metadata "fibflow.output_map"
  /// says, else the only output, with all its channels.
  static Network load(const std::filesystem::path& file, const std::string& output_map = {});

  /// The same from memory; name stands for the file in messages.
  static Network parse(std::span<const std::byte> bytes, const std::string& name,
                       const std::string& output_map = {});

  const std::string& name() const;  ///< the file
  int opset() const;
  std::string producer() const;
  int input_channels() const;  ///< 1, 3 or what the file says
  /// What its image's intensities 0 to 1 are for it: 1; 255 or 65535 if its input is uint8 or uint16.
  double input_gray_levels() const;
  int output_channels() const;  ///< 1 logit, or the number of classes

  OutputKind output() const;
  /// "logits", "probabilities (softmax)", "values between 0 and 255".
  std::string spoken_output() const;
  /// The map that was chosen, as it was said; empty if there was no choice.
  const std::string& output_map() const;

  /// Throws ModelError, with the way out, unless the output can be read as the probability of the foreground or of classes:
  /// if its bounds are those of neither logits nor probabilities, or it has several maps that are no classes.
  void require_segmentation() const;

  /// BatchNormalization layers in topological order; empty if the exporter folded them away.
  const std::vector<BatchNorm>& batch_norms() const;
  Statistics source_statistics() const;

  /// Operator names and how often each occurs.
  std::map<std::string, int> operators() const;
  std::size_t parameters() const;  ///< number of trained values
  const std::map<std::string, std::string>& metadata() const;

  /// Largest distance, in pixels, from an output pixel to an input pixel that it depends on; and the pooling
  /// grid: shifts by multiples of it commute with the network. Both for interior pixels.
  int receptive_field_radius() const;
  int stride() const;

  /// The same graph with other statistics and more metadata (existing keys are replaced) as ONNX bytes.
  /// Layers that shared an initializer no longer do, and weights that lay beside the file are in it.
  std::string with_statistics(const Statistics& statistics,
                              const std::map<std::string, std::string>& metadata) const;

  /// Everything that decides what the network computes, weights included wherever the file keeps them, and its
  /// metadata, in pieces that tell contents apart when they are put into a digest one after the other.
  void visit_content(const std::function<void(std::string_view)>& visit) const;

  const Graph& graph() const { return *graph_; }  ///< internal

 private:
  struct Trial;
  Network(std::shared_ptr<const Graph> graph, std::shared_ptr<const Trial> trial);
  static Network read(std::span<const std::byte> bytes, const std::string& name,
                      const std::filesystem::path& folder, const std::string& output_map);

  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<const Trial> trial_;
};

/// How to export a model so that it can be adapted; the end of the refusal of a model without
/// BatchNormalization.
extern const char* const export_hint;

}  // namespace fibflow::model
