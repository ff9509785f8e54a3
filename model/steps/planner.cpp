#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <stdexcept>

#include "model/tile/tile_plan.h"
#include "model/tile/weights.h"

namespace fibflow::model {
namespace {

/// Turns the regions of one tile into steps and places.
class Describer {
 public:
  Describer(const ShapedNetwork& net, const Region& core, PlanKind kind)
      : net_(net),
        core_(core),
        measured_(kind == PlanKind::measured),
        regions_(net.regions(core, measured_)) {
    spec_.kind = kind;
    readers_.assign(net.features().size(), 0);
    for (const Operation& op : net.operations()) {
      for (const int input : op.inputs) ++readers_[at(input)];
    }
    ++readers_[at(net.output_index())];
    choose_blocks();
    choose_aliases();
  }

  TileSpec run() {
    const Region& image = regions_.front();
    spec_.input_channels = net_.input().channels;
    spec_.input_height = image.height();
    spec_.input_width = image.width();
    hold(0);
    touch(0);
    const auto& operations = net_.operations();
    for (std::size_t i = 0; i < operations.size(); ++i) {
      if (regions_[at(operations[i].output)].empty()) continue;  // nothing that counts reads it
      op_ = static_cast<int>(i);
      std::visit([&](const auto& what) { lower(operations[i], what); }, operations[i].what);
    }
    const int out = net_.output_index();
    const Region core = net_.output_region(core_);
    spec_.output = within(out, core);
    spec_.output_height = core.height();
    spec_.output_width = core.width();
    spec_.output_channels = net_.output().channels;
    spec_.output_block = block_[at(out)];
    touch(out);
    place_storages();
    make_key();
    return std::move(spec_);
  }

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

  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  const Feature& feature(int f) const { return net_.features()[at(f)]; }
  int blocks(int f) const { return padded(feature(f).channels, block_[at(f)]) / block_[at(f)]; }

  /// Everything is blocked but the image and what is made of it pixel by pixel, which stays plain.
  void choose_blocks() {
    block_.assign(net_.features().size(), channel_block());
    block_[0] = 1;
    for (const Operation& op : net_.operations()) {
      const bool convolution =
          std::holds_alternative<ConvolutionOp>(op.what) || std::holds_alternative<DeconvolutionOp>(op.what);
      const bool plain = std::ranges::all_of(op.inputs, [this](int f) { return block_[at(f)] == 1; });
      if (!convolution && plain && feature(op.output).channels <= 3) block_[at(op.output)] = 1;
    }
  }

  /// Whatever a concatenation joins is made in its place where that is possible: no copy of the skip
  /// connection.
  void choose_aliases() {
    alias_.resize(net_.features().size());
    for (const Operation& op : net_.operations()) {
      if (!std::holds_alternative<ConcatOp>(op.what) || block_[at(op.output)] == 1) continue;
      int channel = 0;
      for (const int f : op.inputs) {
        const bool fits = channel % channel_block() == 0 &&
                          (feature(f).channels % channel_block() == 0 || f == op.inputs.back());
        const bool once = std::ranges::count(op.inputs, f) == 1;
        if (fits && once && f != 0 && block_[at(f)] != 1 && alias_[at(f)].into < 0 &&
            regions_[at(f)] == regions_[at(op.output)]) {
          alias_[at(f)] = {op.output, channel};
        }
        channel += feature(f).channels;
      }
    }
  }

  int new_storage(std::ptrdiff_t floats) {
    storages_.push_back({floats, -1, -1, -1, 0});
    return static_cast<int>(storages_.size()) - 1;
  }

  /// The storage of a feature, made when it is first asked for.
  int hold(int f) {
    const auto it = held_.find(f);
    if (it != held_.end()) return it->second;
    const Region& r = regions_[at(f)];
    const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(r.area()) * block_[at(f)];
    const int s = new_storage(plane * blocks(f));
    held_[f] = s;
    if (const Alias& a = alias_[at(f)]; a.into >= 0) {
      const int parent = hold(a.into);
      storages_[at(s)].parent = parent;
      storages_[at(s)].parent_offset = plane * (a.channel / channel_block());
    }
    return s;
  }

  int step_index() const { return static_cast<int>(spec_.steps.size()); }

  void touch_storage(int s) {
    for (; s >= 0; s = storages_[at(s)].parent) {
      Storage& storage = storages_[at(s)];
      if (storage.first < 0) storage.first = step_index();
      storage.last = std::max(storage.last, step_index());
    }
  }
  void touch(int f) { touch_storage(hold(f)); }

  Place place(int storage, const Region& r, int block) const {
    const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(r.width()) * block;
    return {storage, 0, row, row * r.height()};
  }

  /// A part of a feature that has been computed.
  Place within(int f, const Region& part) {
    const Region& r = regions_[at(f)];
    if (!r.contains(part)) throw std::logic_error("a step reads what was not computed");
    Place p = place(hold(f), r, block_[at(f)]);
    p.offset = (part.y.begin - r.y.begin) * p.row +
               static_cast<std::ptrdiff_t>(part.x.begin - r.x.begin) * block_[at(f)];
    return p;
  }

  Span span_of(int f, const Region& r) const { return {blocks(f), r.height(), r.width(), block_[at(f)]}; }

  template <typename S>
  void emit(S step, std::initializer_list<int> storages) {
    for (const int s : storages) touch_storage(s);
    spec_.steps.emplace_back(std::move(step));
  }

  /// A part of a feature in the layout that a step wants; copied only if it is not there already.
  Place operand(int f, const Region& part, int block, bool dense) {
    const bool same_block = block_[at(f)] == block;
    if (same_block && (!dense || regions_[at(f)] == part)) return within(f, part);
    const Place from = within(f, part);
    const int nblocks = padded(feature(f).channels, block) / block;
    const int s = new_storage(static_cast<std::ptrdiff_t>(part.area()) * nblocks * block);
    const Place to = place(s, part, block);
    if (same_block) {
      emit(CopyStep{from, to, span_of(f, part)}, {from.storage, s});
    } else {
      CopyChannelsStep c;
      c.from = from;
      c.to = to;
      c.from_block = block_[at(f)];
      c.to_block = block;
      c.channels = feature(f).channels;
      c.height = part.height();
      c.width = part.width();
      c.clear = true;
      c.to_blocks = nblocks;
      emit(c, {from.storage, s});
    }
    return to;
  }

  Region need(const Operation& op, int input, const Region& out) const {
    return needed(op, feature(input), out);
  }

  /// Whether somebody else reads a map that was made inside this concatenation's storage.
  bool lends_storage(int concatenation) const {
    for (std::size_t f = 0; f < alias_.size(); ++f) {
      if (alias_[f].into == concatenation && (readers_[f] > 1 || lends_storage(static_cast<int>(f))))
        return true;
    }
    return false;
  }

  /// Gives the output of a pixel-by-pixel step its input's storage if nobody else reads it.
  bool in_place(int input, int output) {
    if (input == 0 || lends_storage(input) || readers_[at(input)] != 1 || alias_[at(output)].into >= 0 ||
        block_[at(input)] != block_[at(output)] || feature(input).channels != feature(output).channels ||
        regions_[at(input)] != regions_[at(output)]) {
      return false;
    }
    held_[output] = hold(input);
    return true;
  }

  // The stage of a BatchNorm layer ends where its input has been measured.
  void emit_normalization(NormalizationStep step, int output) {
    if (step.source == NormalizationStep::Source::batch_norm && measured_) {
      if (static_cast<int>(spec_.stage_end.size()) != step.batch_norm)
        throw std::logic_error("layers are not in order");
      const Region share = net_.share(feature(output), core_);
      const Region& r = regions_[at(output)];
      if (!share.empty()) {
        step.share = {{share.y.begin - r.y.begin, share.y.end - r.y.begin},
                      {share.x.begin - r.x.begin, share.x.end - r.x.begin}};
      }
      spec_.stage_end.push_back(step_index());
    }
    emit(step, {step.from.storage, step.to.storage});
  }

  /// BatchNorm and activation of a convolution's output, in place.
  template <typename Op>
  void finish(const Op& what, int output, bool activated) {
    const bool normalizes = what.batch_norm >= 0 && measured_;
    if (!normalizes && (activated || what.activation.kind == Activation::Kind::none)) return;
    NormalizationStep step;
    step.source = normalizes ? NormalizationStep::Source::batch_norm : NormalizationStep::Source::identity;
    step.op = op_;
    step.batch_norm = what.batch_norm;
    step.from = step.to = within(output, regions_[at(output)]);
    step.span = span_of(output, regions_[at(output)]);
    step.activate = !activated;
    emit_normalization(step, output);
  }

  template <typename Op>
  bool fuse_activation(const Op& what, Convolution::Shape& shape) const {
    const bool normalizes = what.batch_norm >= 0 && measured_;
    if (normalizes || what.activation.kind == Activation::Kind::none ||
        !Convolution::fuses(what.activation.kind))
      return false;
    shape.activation = what.activation.kind;
    shape.alpha = what.activation.a;
    return true;
  }

  void lower(const Operation& op, const ConvolutionOp& what) {
    const int in = op.inputs[0];
    const Region& out = regions_[at(op.output)];
    const Region part = need(op, in, out);
    const ConvolutionForm form = form_of(what);
    ConvolutionStep step;
    step.op = op_;
    Convolution::Shape& s = step.shape;
    s.plain_input = block_[at(in)] == 1 && feature(in).channels <= 3 && form.groups == 1;
    step.from = operand(in, part, s.plain_input ? 1 : channel_block(), true);
    step.to = within(op.output, out);
    s.in_channels = s.plain_input ? feature(in).channels : form.in_channels;
    s.out_channels = form.out_channels;
    s.groups = form.groups;
    s.in_height = part.height();
    s.in_width = part.width();
    s.out_height = out.height();
    s.out_width = out.width();
    const auto fit = [](const Window& w, Interval input, Interval output) {
      Window fitted = w;
      fitted.pad_begin = input.begin - (output.begin * w.stride - w.pad_begin);
      fitted.pad_end = (output.end - 1) * w.stride - w.pad_begin + w.span() - input.end;
      return fitted;
    };
    s.y = fit(what.y, part.y, out.y);
    s.x = fit(what.x, part.x, out.x);
    s.bias = !what.bias.empty() || (what.batch_norm >= 0 && !measured_);
    const bool activated = fuse_activation(what, s);
    spec_.multiply_adds += static_cast<double>(out.area()) * static_cast<double>(what.weights.size());
    emit(step, {step.from.storage, step.to.storage});
    finish(what, op.output, activated);
  }

  void lower(const Operation& op, const DeconvolutionOp& what) {
    const int in = op.inputs[0];
    const Region& out = regions_[at(op.output)];
    const Region part = need(op, in, out);
    const ConvolutionForm form = form_of(what);
    ConvolutionStep step;
    step.op = op_;
    Convolution::Shape& s = step.shape;
    step.from = operand(in, part, channel_block(), true);
    s.in_channels = form.in_channels;
    s.out_channels = form.out_channels;
    s.in_height = part.height();
    s.in_width = part.width();
    s.bias = !what.bias.empty() || (what.batch_norm >= 0 && !measured_);
    const bool activated = fuse_activation(what, s);
    spec_.multiply_adds += static_cast<double>(part.area()) * static_cast<double>(what.weights.size());
    if (form.depth_to_space) {
      s.out_height = part.height();
      s.out_width = part.width();
      const int temporary = new_storage(static_cast<std::ptrdiff_t>(part.area()) * form.out_channels);
      step.to = place(temporary, part, channel_block());
      emit(step, {step.from.storage, temporary});
      DepthToSpaceStep d;
      d.from = step.to;
      d.to = within(op.output, out);
      d.span = span_of(op.output, out);
      d.sub_y = what.y.stride;
      d.sub_x = what.x.stride;
      d.first_y = out.y.begin - part.y.begin * what.y.stride;
      d.first_x = out.x.begin - part.x.begin * what.x.stride;
      emit(d, {temporary, d.to.storage});
    } else {
      s.transposed = true;
      step.to = within(op.output, out);
      s.out_height = out.height();
      s.out_width = out.width();
      const auto fit = [](const Window& w, Interval input, Interval output) {
        Window fitted = w;
        fitted.pad_begin = w.pad_begin + output.begin - input.begin * w.stride;
        fitted.pad_end = (input.size() - 1) * w.stride + w.span() - fitted.pad_begin - output.size();
        return fitted;
      };
      s.y = fit(what.y, part.y, out.y);
      s.x = fit(what.x, part.x, out.x);
      emit(step, {step.from.storage, step.to.storage});
    }
    finish(what, op.output, activated);
  }

  /// Pixel by pixel from one input: in place if possible.
  NormalizationStep pointwise(const Operation& op) {
    const int in = op.inputs[0];
    const Region& out = regions_[at(op.output)];
    in_place(in, op.output);
    NormalizationStep step;
    step.op = op_;
    step.from = operand(in, out, block_[at(op.output)], false);
    step.to = within(op.output, out);
    step.span = span_of(op.output, out);
    return step;
  }

  void lower(const Operation& op, const NormalizeOp& what) {
    NormalizationStep step = pointwise(op);
    step.source = NormalizationStep::Source::batch_norm;
    step.batch_norm = what.batch_norm;
    emit_normalization(step, op.output);
  }

  void lower(const Operation& op, const ActivationOp&) {
    NormalizationStep step = pointwise(op);
    emit(step, {step.from.storage, step.to.storage});
  }

  void lower(const Operation& op, const AffineOp&) {
    NormalizationStep step = pointwise(op);
    step.source = NormalizationStep::Source::affine;
    emit(step, {step.from.storage, step.to.storage});
  }

  void lower(const Operation& op, const SoftmaxOp&) {
    const NormalizationStep view = pointwise(op);
    emit(SoftmaxStep{view.from, view.to, view.span, feature(op.output).channels},
         {view.from.storage, view.to.storage});
  }

  void lower(const Operation& op, const BinaryOp& what) {
    const Region& out = regions_[at(op.output)];
    if (op.inputs[0] != op.inputs[1] && !in_place(op.inputs[0], op.output)) in_place(op.inputs[1], op.output);
    BinaryStep step;
    step.kind = what.kind;
    step.a = operand(op.inputs[0], out, block_[at(op.output)], false);
    step.b = operand(op.inputs[1], out, block_[at(op.output)], false);
    step.to = within(op.output, out);
    const int channels = feature(op.output).channels;
    step.a_single = channels > 1 && feature(op.inputs[0]).channels == 1;
    step.b_single = channels > 1 && feature(op.inputs[1]).channels == 1;
    step.span = span_of(op.output, out);
    emit(step, {step.a.storage, step.b.storage, step.to.storage});
  }

  void lower(const Operation& op, const PoolOp& what) {
    const int in = op.inputs[0];
    const Region& out = regions_[at(op.output)];
    const Region part = need(op, in, out);
    PoolStep step;
    step.op = op_;
    step.from = operand(in, part, block_[at(op.output)], false);
    step.to = within(op.output, out);
    step.span = span_of(op.output, out);
    step.maximum = what.maximum;
    step.step_y = what.y.dilation;
    step.step_x = what.x.dilation;
    const auto axis = [&](const Window& w, Interval output, Interval input, int size, std::vector<int>& first,
                          std::vector<int>& count, std::vector<float>& weight) {
      for (int o = output.begin; o < output.end; ++o) {
        const int begin = o * w.stride - w.pad_begin;
        int k0 = 0;
        int k1 = w.kernel;
        while (k0 < k1 && begin + k0 * w.dilation < 0) ++k0;
        while (k1 > k0 && begin + (k1 - 1) * w.dilation >= size) --k1;
        // With padding counted, a window still ends with the padding: ceil_mode lets it hang over.
        const int whole = std::min(begin + w.span(), size + w.pad_end) - begin;
        const int divisor = what.count_padding ? (w.dilation == 1 ? whole : w.kernel) : k1 - k0;
        first.push_back(std::max(begin + k0 * w.dilation, input.begin) - input.begin);
        count.push_back(k1 - k0);
        weight.push_back(1.0F / static_cast<float>(std::max(1, divisor)));
      }
    };
    axis(what.y, out.y, part.y, feature(in).y.size, step.first_y, step.count_y, step.weight_y);
    axis(what.x, out.x, part.x, feature(in).x.size, step.first_x, step.count_x, step.weight_x);
    emit(std::move(step), {step.from.storage, step.to.storage});
  }

  void lower(const Operation& op, const ResizeOp& what) {
    const int in = op.inputs[0];
    const Region& out = regions_[at(op.output)];
    const Region part = need(op, in, out);
    ResizeStep step;
    step.from = operand(in, part, block_[at(op.output)], false);
    step.to = within(op.output, out);
    step.span = span_of(op.output, out);
    step.linear = what.y.linear;
    const auto axis = [](const ResizeAxis& a, Interval output, Interval input, std::vector<int>& first,
                         std::vector<int>& second, std::vector<float>& weight) {
      for (int o = output.begin; o < output.end; ++o) {
        const ResizeAxis::Tap t = a.tap(o);
        first.push_back(t.first - input.begin);
        second.push_back(t.second - input.begin);
        weight.push_back(t.weight);
      }
    };
    axis(what.y, out.y, part.y, step.first_y, step.second_y, step.weight_y);
    axis(what.x, out.x, part.x, step.first_x, step.second_x, step.weight_x);
    emit(std::move(step), {step.from.storage, step.to.storage});
  }

  void lower(const Operation& op, const ConcatOp&) {
    const Region& out = regions_[at(op.output)];
    const int block = block_[at(op.output)];
    touch(op.output);
    int channel = 0;
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
      const int f = op.inputs[i];
      const int channels = feature(f).channels;
      if (alias_[at(f)].into == op.output) {
        touch(f);
      } else {
        const bool whole = channel % block == 0 && block_[at(f)] == block &&
                           (channels % block == 0 || i + 1 == op.inputs.size());
        const Place from = within(f, out);
        Place to = within(op.output, out);
        if (whole) {
          to.offset += channel / block * to.plane;
          emit(CopyStep{from, to, span_of(f, out)}, {from.storage, to.storage});
        } else {
          CopyChannelsStep c;
          c.from = from;
          c.to = to;
          c.from_block = block_[at(f)];
          c.to_block = block;
          c.to_first = channel;
          c.channels = channels;
          c.height = out.height();
          c.width = out.width();
          emit(c, {from.storage, to.storage});
        }
      }
      channel += channels;
    }
    if (channel % block != 0) clear_last_lanes(op.output, channel);
  }

  /// Lanes beyond the channels must be numbers: the next convolution multiplies them by 0.
  void clear_last_lanes(int f, int channels) {
    // Whole blocks bring their own zeros along.
    const auto* last = spec_.steps.empty() ? nullptr : std::get_if<CopyChannelsStep>(&spec_.steps.back());
    if (last == nullptr || last->to.storage != held_.at(f) ||
        alias_[at(net_.operations()[at(op_)].inputs.back())].into == f)
      return;
    PickStep step;
    const Region& r = regions_[at(f)];
    const int block = block_[at(f)];
    // One block of zeros by way of a constant, then the copies above would overwrite it: so it comes first.
    step.to = within(f, r);
    step.to.offset += (channels / block) * step.to.plane;
    step.from = step.to;
    step.span = {1, r.height(), r.width(), block};
    step.y.assign(at(r.height()), -1);
    step.x.assign(at(r.width()), -1);
    // Insert before the copies of this concatenation that write to the last block.
    std::size_t first = spec_.steps.size();
    while (first > 0 && writes_to(spec_.steps[first - 1], held_.at(f))) --first;
    emit(step, {step.to.storage});
    std::rotate(spec_.steps.begin() + static_cast<std::ptrdiff_t>(first), spec_.steps.end() - 1,
                spec_.steps.end());
  }

  static bool writes_to(const Step& step, int storage) {
    if (const auto* c = std::get_if<CopyStep>(&step)) return c->to.storage == storage;
    if (const auto* c = std::get_if<CopyChannelsStep>(&step)) return c->to.storage == storage;
    return false;
  }

  void lower(const Operation& op, const PadOp& what) {
    const int in = op.inputs[0];
    const Region& out = regions_[at(op.output)];
    const Region part = need(op, in, out);
    PickStep step;
    step.from = operand(in, part, block_[at(op.output)], false);
    step.to = within(op.output, out);
    step.span = span_of(op.output, out);
    step.constant = what.value;
    const auto axis = [&](int before, Interval output, Interval input, int size, std::vector<int>& picks) {
      for (int o = output.begin; o < output.end; ++o) {
        const int s = PadOp::source(what.mode, o, before, size);
        picks.push_back(s < 0 ? -1 : s - input.begin);
      }
    };
    axis(what.before_y, out.y, part.y, feature(in).y.size, step.y);
    axis(what.before_x, out.x, part.x, feature(in).x.size, step.x);
    emit(std::move(step), {step.from.storage, step.to.storage});
  }

  void lower(const Operation& op, const ChannelsOp& what) {
    const int in = op.inputs[0];
    const Region& out = regions_[at(op.output)];
    CopyChannelsStep c;
    c.from = within(in, out);
    c.to = within(op.output, out);
    c.from_block = block_[at(in)];
    c.to_block = block_[at(op.output)];
    c.from_first = what.first;
    c.channels = feature(op.output).channels;
    c.height = out.height();
    c.width = out.width();
    c.clear = true;
    c.to_blocks = blocks(op.output);
    emit(c, {c.from.storage, c.to.storage});
  }

  /// Largest first, each as low as its lifetime allows.
  void place_storages() {
    std::vector<int> roots;
    for (std::size_t i = 0; i < storages_.size(); ++i) {
      if (storages_[i].parent < 0 && storages_[i].first >= 0) roots.push_back(static_cast<int>(i));
    }
    std::ranges::stable_sort(
        roots, [this](int a, int b) { return storages_[at(a)].floats > storages_[at(b)].floats; });
    std::vector<std::ptrdiff_t> offset(storages_.size(), 0);
    std::vector<int> placed;
    const auto rounded = [](std::ptrdiff_t floats) { return (floats + 15) / 16 * 16 + 16; };
    for (const int r : roots) {
      const Storage& s = storages_[at(r)];
      std::vector<std::pair<std::ptrdiff_t, std::ptrdiff_t>> busy;
      for (const int p : placed) {
        const Storage& o = storages_[at(p)];
        if (o.first <= s.last && s.first <= o.last)
          busy.emplace_back(offset[at(p)], offset[at(p)] + rounded(o.floats));
      }
      std::ranges::sort(busy);
      std::ptrdiff_t where = 0;
      for (const auto& [begin, end] : busy) {
        if (begin - where >= rounded(s.floats)) break;
        where = std::max(where, end);
      }
      offset[at(r)] = where;
      placed.push_back(r);
      spec_.workspace_floats =
          std::max(spec_.workspace_floats, static_cast<std::size_t>(where + rounded(s.floats)));
    }
    for (std::size_t i = 0; i < storages_.size(); ++i) {
      std::ptrdiff_t extra = 0;
      int root = static_cast<int>(i);
      while (storages_[at(root)].parent >= 0) {
        extra += storages_[at(root)].parent_offset;
        root = storages_[at(root)].parent;
      }
      spec_.storage_offset.push_back(offset[at(root)] + extra);
    }
    spec_.input = place(held_.at(0), regions_.front(), 1);
  }

  template <typename T>
  void mark(const T& v) {
    static_assert(std::is_trivially_copyable_v<T>);
    if constexpr (std::is_same_v<T, Place>) {
      mark(v.storage), mark(v.offset), mark(v.row), mark(v.plane);
    } else {
      spec_.key.append(reinterpret_cast<const char*>(&v), sizeof v);
    }
  }
  template <typename T>
  void mark(const std::vector<T>& v) {
    mark(v.size());
    spec_.key.append(reinterpret_cast<const char*>(v.data()), v.size() * sizeof(T));
  }
  template <typename... T>
  void mark_all(const T&... v) {
    (mark(v), ...);
  }

  void make_key() {
    struct Visitor {
      Describer& d;
      void operator()(const ConvolutionStep& s) const {
        const auto& c = s.shape;
        d.mark_all(s.op, s.from, s.to, c.in_height, c.in_width, c.out_height, c.out_width, c.y.pad_begin,
                   c.y.pad_end, c.x.pad_begin, c.x.pad_end);
      }
      void operator()(const NormalizationStep& s) const { d.mark_all(s.op, s.from, s.to, s.span, s.share); }
      void operator()(const PoolStep& s) const {
        d.mark_all(s.from, s.to, s.span);
        d.mark(s.first_y), d.mark(s.count_y), d.mark(s.weight_y), d.mark(s.first_x), d.mark(s.count_x),
            d.mark(s.weight_x);
      }
      void operator()(const ResizeStep& s) const {
        d.mark_all(s.from, s.to, s.span);
        d.mark(s.first_y), d.mark(s.second_y), d.mark(s.weight_y), d.mark(s.first_x), d.mark(s.second_x),
            d.mark(s.weight_x);
      }
      void operator()(const BinaryStep& s) const { d.mark_all(s.a, s.b, s.to, s.span); }
      void operator()(const SoftmaxStep& s) const { d.mark_all(s.from, s.to, s.span); }
      void operator()(const PickStep& s) const {
        d.mark_all(s.from, s.to, s.span);
        d.mark(s.y), d.mark(s.x);
      }
      void operator()(const DepthToSpaceStep& s) const {
        d.mark_all(s.from, s.to, s.span, s.first_y, s.first_x);
      }
      void operator()(const CopyStep& s) const { d.mark_all(s.from, s.to, s.span); }
      void operator()(const CopyChannelsStep& s) const { d.mark_all(s.from, s.to, s.height, s.width); }
    };
    mark_all(static_cast<int>(spec_.kind), spec_.input_height, spec_.input_width, spec_.output,
             spec_.output_height, spec_.output_width);
    for (const Step& s : spec_.steps) {
      mark(s.index());
      std::visit(Visitor{*this}, s);
    }
  }

  const ShapedNetwork& net_;
  const Region core_;
  const bool measured_;
  const std::vector<Region> regions_;
  std::vector<int> readers_;
  std::vector<int> block_;
  std::vector<Alias> alias_;
  std::map<int, int> held_;  // feature -> storage
  std::vector<Storage> storages_;
  TileSpec spec_;
  int op_ = 0;
};

}  // namespace

TileSpec describe(const ShapedNetwork& net, const Region& core, PlanKind kind) {
  return Describer(net, core, kind).run();
}

}  // namespace fibflow::model
