#include "model/steps/planner.h"

#include <algorithm>
#include <stdexcept>

#include "model/engine/cpu.h"
#include "model/steps/copy_steps.h"
#include "model/steps/normalization_step.h"

namespace fibflow::model {

std::size_t TileSpec::scratch_bytes() const {
  std::size_t bytes = 0;
  for (const auto& step : steps) bytes = std::max(bytes, step->scratch_bytes());
  return (bytes + 63) / 64 * 64;
}

TileSpec TilePlanner::plan(TilePlanInput input) {
  return TilePlanner(std::move(input)).run();
}

TilePlanner::TilePlanner(TilePlanInput input) : input_(std::move(input)) {
  spec_.kind = input_.kind;
  readers_.assign(input_.features.size(), 0);
  for (const auto& op : input_.operations) {
    for (const int feature : op->inputs) ++readers_[at(feature)];
  }
  ++readers_[at(input_.output)];
  choose_blocks();
  choose_aliases();
}

TileSpec TilePlanner::run() {
  const Region& image = region(0);
  spec_.input_channels = feature(0).channels;
  spec_.input_height = image.height();
  spec_.input_width = image.width();
  touch(0);
  for (std::size_t i = 0; i < input_.operations.size(); ++i) {
    const Operation& op = *input_.operations[i];
    if (region(op.output).empty()) continue;  // nothing that counts reads it
    index_ = static_cast<int>(i);
    op.plan(*this);
  }
  const int out = input_.output;
  spec_.output = within(out, input_.output_part);
  spec_.output_height = input_.output_part.height();
  spec_.output_width = input_.output_part.width();
  spec_.output_channels = feature(out).channels;
  spec_.output_block = block(out);
  touch(out);
  place_storages();
  make_key();
  return std::move(spec_);
}

int TilePlanner::blocks(int f) const {
  return padded(feature(f).channels, block(f)) / block(f);
}

/// Everything is blocked but the image and what is made of it pixel by pixel, which stays plain.
void TilePlanner::choose_blocks() {
  block_.assign(input_.features.size(), channel_block());
  block_[0] = 1;
  for (const auto& op : input_.operations) {
    const bool plain = std::ranges::all_of(op->inputs, [this](int f) { return block(f) == 1; });
    if (!op->blocks() && plain && feature(op->output).channels <= 3) block_[at(op->output)] = 1;
  }
}

/// Whatever a concatenation joins is made in its place where that is possible: no copy of the skip connection.
void TilePlanner::choose_aliases() {
  alias_.resize(input_.features.size());
  for (const auto& op : input_.operations) {
    if (!op->joins() || block(op->output) == 1) continue;
    int channel = 0;
    for (const int f : op->inputs) {
      const bool fits = channel % channel_block() == 0 &&
                        (feature(f).channels % channel_block() == 0 || f == op->inputs.back());
      const bool once = std::ranges::count(op->inputs, f) == 1;
      if (fits && once && f != 0 && block(f) != 1 && alias_[at(f)].into < 0 &&
          region(f) == region(op->output)) {
        alias_[at(f)] = {op->output, channel};
      }
      channel += feature(f).channels;
    }
  }
}

int TilePlanner::new_storage(std::ptrdiff_t floats) {
  storages_.push_back({floats, -1, -1, -1, 0});
  return static_cast<int>(storages_.size()) - 1;
}

/// The storage of a feature, made when it is first asked for.
int TilePlanner::hold(int f) {
  const auto it = held_.find(f);
  if (it != held_.end()) return it->second;
  const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(region(f).area()) * block(f);
  const int s = new_storage(plane * blocks(f));
  held_[f] = s;
  if (const Alias& a = alias_[at(f)]; a.into >= 0) {
    const int parent = hold(a.into);
    storages_[at(s)].parent = parent;
    storages_[at(s)].parent_offset = plane * (a.channel / channel_block());
  }
  return s;
}

void TilePlanner::touch_storage(int s) {
  const auto now = static_cast<int>(spec_.steps.size());
  for (; s >= 0; s = storages_[at(s)].parent) {
    Storage& storage = storages_[at(s)];
    if (storage.first < 0) storage.first = now;
    storage.last = std::max(storage.last, now);
  }
}

StoredMap TilePlanner::whole(int storage, const Region& part, int block) {
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(part.width()) * block;
  return {storage, 0, row, row * part.height()};
}

StoredMap TilePlanner::within(int f, const Region& part) {
  const Region& r = region(f);
  if (!r.contains(part)) throw std::logic_error("a step reads what was not computed");
  StoredMap map = whole(hold(f), r, block(f));
  map.offset =
      (part.y.begin - r.y.begin) * map.row + static_cast<std::ptrdiff_t>(part.x.begin - r.x.begin) * block(f);
  return map;
}

void TilePlanner::emit(std::unique_ptr<Step> step, std::initializer_list<int> storages) {
  for (const int s : storages) touch_storage(s);
  spec_.steps.push_back(std::move(step));
}

StoredMap TilePlanner::operand(int f, const Region& part, int wanted, bool dense) {
  const bool same_block = block(f) == wanted;
  if (same_block && (!dense || region(f) == part)) return within(f, part);
  const StoredMap from = within(f, part);
  const int count = padded(feature(f).channels, wanted) / wanted;
  const int s = new_storage(static_cast<std::ptrdiff_t>(part.area()) * count * wanted);
  const StoredMap to = whole(s, part, wanted);
  if (same_block) {
    emit(std::make_unique<CopyStep>(from, to, span_of(f, part)), {from.storage, s});
  } else {
    auto c = std::make_unique<CopyChannelsStep>();
    c->from = from;
    c->to = to;
    c->from_block = block(f);
    c->to_block = wanted;
    c->channels = feature(f).channels;
    c->height = part.height();
    c->width = part.width();
    c->cleared_blocks = count;
    emit(std::move(c), {from.storage, s});
  }
  return to;
}

/// Whether somebody else reads a map that was made inside this concatenation's storage.
bool TilePlanner::lends_storage(int concatenation) const {
  for (std::size_t f = 0; f < alias_.size(); ++f) {
    if (alias_[f].into == concatenation && (readers_[f] > 1 || lends_storage(static_cast<int>(f))))
      return true;
  }
  return false;
}

bool TilePlanner::in_place(int input, int output) {
  if (input == 0 || lends_storage(input) || readers_[at(input)] != 1 || alias_[at(output)].into >= 0 ||
      block(input) != block(output) || feature(input).channels != feature(output).channels ||
      region(input) != region(output)) {
    return false;
  }
  held_[output] = hold(input);
  return true;
}

void TilePlanner::emit_normalization(std::unique_ptr<NormalizationStep> step, int output) {
  if (step->source == NormalizationStep::Source::batch_norm && measured()) {
    if (static_cast<int>(spec_.stage_end.size()) != step->batch_norm)
      throw std::logic_error("layers are not in order");
    const Region share = input_.share(feature(output));
    const Region& r = region(output);
    if (!share.empty()) {
      step->share = {{share.y.begin - r.y.begin, share.y.end - r.y.begin},
                     {share.x.begin - r.x.begin, share.x.end - r.x.begin}};
    }
    spec_.stage_end.push_back(static_cast<int>(spec_.steps.size()));
  }
  const int from = step->from.storage;
  const int to = step->to.storage;
  emit(std::move(step), {from, to});
}

/// Largest first, each as low as its lifetime allows.
void TilePlanner::place_storages() {
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
  spec_.input = whole(held_.at(0), region(0), 1);
}

void TilePlanner::make_key() {
  StepKey key;
  key.add(spec_.kind, spec_.input_height, spec_.input_width, spec_.output, spec_.output_height,
          spec_.output_width);
  for (const auto& step : spec_.steps) step->key(key);
  spec_.key = key.text();
}

}  // namespace fibflow::model
