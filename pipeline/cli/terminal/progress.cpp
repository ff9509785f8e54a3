#include "pipeline/cli/terminal/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "pipeline/flow/spoken.h"

namespace fibflow::pipeline {
namespace {

using Seconds = std::chrono::duration<double>;

// Often enough to look alive, seldom enough to cost nothing.
constexpr auto redraw_interval = std::chrono::milliseconds(100);
// The rate shown is that of the last seconds, because a run's first slices (the probe) are slower.
constexpr auto rate_window = std::chrono::seconds(15);
constexpr auto sample_interval = std::chrono::milliseconds(250);

// Where there is no terminal.
constexpr auto told_interval = std::chrono::seconds(60);
constexpr double told_part = 0.05;
constexpr auto told_shortest = std::chrono::seconds(10);

/// "1,240".
std::string with_commas(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

/// A number with three digits that matter: "0.042", "3.14", "271".
std::string three_digits(double value) {
  const int decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string bar(double share, int width) {
  const int filled = static_cast<int>(share * width);
  std::string text(static_cast<std::size_t>(width), ' ');
  std::fill_n(text.begin(), filled, '=');
  if (filled < width) text[static_cast<std::size_t>(filled)] = '>';
  return "[" + text + "]";
}

}  // namespace

Progress::Progress(Terminal& terminal, Work work, std::function<Time()> clock)
    : terminal_(terminal), work_(std::move(work)), clock_(std::move(clock)), start_(clock_()) {
  if (work_.slices < 0 || work_.voxels_per_slice <= 0 || work_.limit.count() < 0) {
    throw std::invalid_argument("progress over a negative number of slices or over empty slices");
  }
  samples_.push_back({start_, 0});
  last_told_ = start_;
  draw(start_);
}

Progress::~Progress() {
  terminal_.clear_status();
}

void Progress::add_voxels(std::int64_t voxels) {
  const std::lock_guard lock(mutex_);
  done_ += voxels;
  const Time now = clock_();
  if (now - samples_.back().time >= sample_interval) {
    samples_.push_back({now, done_});
    while (samples_.size() > 2 && now - samples_[1].time >= rate_window) samples_.pop_front();
  }
  const bool complete = work_.slices > 0 && done_ >= work_.slices * work_.voxels_per_slice;
  if (complete || now - last_drawn_ >= redraw_interval) draw(now);
}

void Progress::draw(Time now) {
  last_drawn_ = now;
  if (const int columns = terminal_.columns(); columns > 0) {
    terminal_.set_status(line(now, columns));
  } else {
    tell(now);
  }
}

/// A line for whoever reads it later.
void Progress::tell(Time now) {
  const double share = work_.limit.count() > 0 ? std::min(1.0, Seconds(now - start_) / work_.limit)
                       : work_.slices > 0
                           ? static_cast<double>(done_) / (static_cast<double>(work_.voxels_per_slice) *
                                                           static_cast<double>(work_.slices))
                           : 0;
  const Seconds since = now - last_told_;
  const bool is_time = since >= told_interval;
  const bool is_far = share - told_share_ >= told_part && since >= told_shortest && share < 1;
  if (!is_time && !is_far) return;
  last_told_ = now;
  told_share_ = share;
  const std::int64_t slices = done_ / work_.voxels_per_slice;
  const double rate = recent_rate(now) / static_cast<double>(work_.voxels_per_slice);
  std::string text = work_.verb + ": " + with_commas(slices);
  if (work_.slices > 0) text += " of " + with_commas(work_.slices);
  text += " " + work_.unit;
  if (rate > 0) text += ", " + three_digits(rate) + "/s";
  if (work_.limit.count() > 0) {
    text += ", " + spoken_duration(work_.limit * (1 - share)) + " left";
  } else if (rate > 0 && work_.slices > 0) {
    text += ", " + spoken_duration(Seconds(static_cast<double>(work_.slices - slices) / rate)) + " left";
  }
  terminal_.print(text + "\n");
}

double Progress::recent_rate(Time now) const {
  const double seconds = Seconds(now - samples_.front().time).count();
  return seconds > 0 ? static_cast<double>(done_ - samples_.front().voxels) / seconds : 0;
}

std::string Progress::line(Time now, int columns) const {
  const auto per_slice = static_cast<double>(work_.voxels_per_slice);
  const double rate = recent_rate(now);
  std::string count = "  " + std::to_string(done_ / work_.voxels_per_slice);
  std::string slice_rate;
  std::string voxel_rate;
  if (rate > 0) {
    slice_rate = "  " + three_digits(rate / per_slice) + " " + work_.unit + "/s";
    voxel_rate = "  " + three_digits(rate * 1e-6) + " Mvoxel/s";
  }
  const bool timed = work_.limit.count() > 0;
  if (work_.slices == 0 && !timed) return work_.verb + count + " " + work_.unit + slice_rate + voxel_rate;

  const double total = per_slice * static_cast<double>(work_.slices);
  const Seconds elapsed = now - start_;
  const double share = std::min(1.0, timed ? elapsed / work_.limit : static_cast<double>(done_) / total);
  char percent[16];
  std::snprintf(percent, sizeof percent, " %3d%%", static_cast<int>(share * 100));
  if (!timed) count += "/" + std::to_string(work_.slices);
  const Seconds to_come = timed ? work_.limit * (1 - share) : Seconds(total * (1 - share) / rate);
  const std::string left = timed || rate > 0 ? "  " + spoken_duration(to_come) + " left" : std::string();

  // A narrow terminal loses the least useful parts first.
  constexpr int narrowest_bar = 10;
  constexpr int widest_bar = 40;
  std::string text = work_.verb + percent;
  const std::array rests = {count + " " + work_.unit + slice_rate + voxel_rate + left,
                            count + slice_rate + left, count + left, left};
  for (const std::string& rest : rests) {
    const int room = columns - 1 - static_cast<int>(text.size() + rest.size()) - 3;
    if (room < narrowest_bar) continue;
    text.append(" ").append(bar(share, std::min(room, widest_bar))).append(rest);
    return text;
  }
  return text + left;
}

std::string Progress::summary() const {
  const std::lock_guard lock(mutex_);
  const double seconds = Seconds(clock_() - start_).count();
  const double slices = static_cast<double>(done_) / static_cast<double>(work_.voxels_per_slice);
  std::string text = std::to_string(done_ / work_.voxels_per_slice) + " " + work_.unit + " in " +
                     (seconds < 60 ? three_digits(seconds) + " s" : spoken_duration(Seconds(seconds)));
  if (seconds > 0) {
    text += ": " + three_digits(slices / seconds) + " " + work_.unit + "/s, " +
            three_digits(static_cast<double>(done_) * 1e-6 / seconds) + " Mvoxel/s";
  }
  return text;
}

}  // namespace fibflow::pipeline
