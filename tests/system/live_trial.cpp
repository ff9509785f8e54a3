#include "tests/system/live_trial.h"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>

#include "io/formats/formats.h"
#include "tests/acquisition/acquisition_player.h"
#include "tests/system/live_output.h"
#include "tests/system/running_program.h"

namespace fibflow::testing {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The acquisition, played beside the program, and when each slice was complete.
class Playing {
 public:
  explicit Playing(const Script& script)
      : thread_([this, &script](const std::stop_token& stop) {
          try {
            play(
                script, [this](const Event& event) { note(event); }, stop);
          } catch (...) {
            failure_ = std::current_exception();
          }
          done_ = true;
        }) {}

  bool is_done() const { return done_; }
  /// Throws what the play has thrown. After is_done().
  std::map<std::int64_t, double> completed() {
    if (thread_.joinable()) thread_.join();
    if (failure_) std::rethrow_exception(failure_);
    return completed_;
  }

 private:
  void note(const Event& event) {
    if (event.completes) completed_[event.z] = event.time;
  }

  std::map<std::int64_t, double> completed_;  // Unix time, by z
  std::exception_ptr failure_;
  std::atomic<bool> done_ = false;
  std::jthread thread_;
};

class Trial {
 public:
  Trial(TrialOptions options, std::function<void(const std::string&)> tell)
      : options_(std::move(options)),
        tell_(std::move(tell)),
        stack_(open_source(options_.source, options_.perturbation.slices), options_.perturbation),
        output_(options_.folder + "/out"),
        random_(options_.seed) {
    options_.script.folder = options_.folder + "/in";
    options_.script.rests = rests_around(options_.settle);
    options_.script.was_taken = [this](std::int64_t z) { return was_taken(z); };
    std::filesystem::create_directory(options_.script.folder);
    script_ = make_script(stack_, options_.script);
    for (std::int64_t z = 0; z < stack_.info().depth; ++z) {
      if (!std::binary_search(script_.missing.begin(), script_.missing.end(), z)) slices_.push_back(z);
    }
  }

  TrialResult run();

 private:
  std::vector<std::string> watch_arguments() const;
  void start();
  void follow();
  void end();
  void run_batch();
  void compare_masks(const std::map<std::int64_t, double>& completed);
  void compare_stack();
  void count_records();
  void remark(const std::string& text);
  std::int64_t masks() const;
  bool was_taken(std::int64_t z) const;
  [[noreturn]] void give_up(const std::string& why) const;

  TrialOptions options_;
  const std::function<void(const std::string&)> tell_;
  PerturbedStack stack_;
  const LiveOutput output_;
  std::mt19937 random_;
  Script script_;
  std::vector<std::int64_t> slices_;  // that come, ascending
  std::unique_ptr<RunningProgram> program_;
  const Clock::time_point begin_ = Clock::now();
  TrialResult result_;
};

std::vector<std::string> Trial::watch_arguments() const {
  const auto text = [](double seconds) { return std::to_string(static_cast<long>(seconds * 1000)) + "ms"; };
  std::vector<std::string> all{"watch",          options_.script.folder,
                               "--model",        options_.model,
                               "--output",       output_.folder(),
                               "--pattern",      options_.script.prefix + "#.tif",
                               "--settle",       text(options_.settle),
                               "--poll",         text(std::max(1.0, 2 * options_.settle)),
                               "--wait-missing", text(options_.missing_wait),
                               "--wait-black",   text(options_.missing_wait),
                               "--first",        "0"};
  all.insert(all.end(), options_.options.begin(), options_.options.end());
  return all;
}

void Trial::start() {
  program_.reset();
  program_ = std::make_unique<RunningProgram>(watch_arguments(), options_.folder + "/watch.log");
  ++result_.starts;
}

void Trial::give_up(const std::string& why) const {
  std::string said = program_ ? program_->said() : "";
  if (said.size() > 4000) said = "..." + said.substr(said.size() - 4000);
  throw std::runtime_error(why + "; the program said:\n" + said);
}

std::int64_t Trial::masks() const {
  std::error_code ignored;
  std::int64_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(output_.mask_folder(), ignored)) {
    if (!entry.path().filename().string().starts_with('.')) ++count;
  }
  return count;
}

/// For good: what the status tells survives any kill, what lies there only as a mask may be made again.
bool Trial::was_taken(std::int64_t z) const {
  std::ifstream file(output_.status());
  if (!file) return false;
  const auto newest = nlohmann::json::parse(file).at("newest_slice");
  return newest.is_number() && newest.get<std::int64_t>() >= z;
}

/// Starts the program and kills it, until every slice that comes has its mask, but for the last.
void Trial::follow() {
  // The last one waits for a neighbour until the end.
  const auto depth = static_cast<std::int64_t>(slices_.size()) - 1;
  std::vector<std::int64_t> kill_at;
  for (int i = 0; i < options_.kills; ++i)
    kill_at.push_back(static_cast<std::int64_t>(random_() % slices_.size()));
  std::sort(kill_at.begin(), kill_at.end(), std::greater<>());

  start();
  for (std::int64_t done = 0; done < depth;) {
    if (!program_->is_running()) {
      const ProgramEnd end = program_->wait().value_or(ProgramEnd{});
      give_up("the program ended by itself, with exit code " + std::to_string(end.code) + ", signal " +
              std::to_string(end.killed_by));
    }
    if (seconds_since(begin_) > options_.limit) give_up("only " + std::to_string(done) + " masks in time");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    done = masks();
    if (done >= 10 && result_.memory_at_10 == 0) result_.memory_at_10 = program_->resident_memory();
    while (!kill_at.empty() && done >= kill_at.back()) {
      // Anywhere in the work on a slice, or in the start after the kill before.
      std::this_thread::sleep_for(std::chrono::duration<double>(0.3 * (random_() / 4294967296.0)));
      program_->kill();
      kill_at.pop_back();
      ++result_.kills;
      start();
    }
  }
  result_.memory_at_end = program_->resident_memory();
  result_.seconds = seconds_since(begin_);
}

/// Lets the daemon end in peace.
void Trial::end() {
  std::ofstream(output_.stop_file()) << "";
  const auto end = program_->wait(120);
  if (!end) give_up("the program does not heed the stop file");
  if (end->code != 0) give_up("the program ended with " + std::to_string(end->code));
}

void Trial::run_batch() {
  const std::string truth = options_.folder + "/truth";
  write_truth(stack_, script_, options_.script, truth);
  std::vector<std::string> all{
      "segment", truth,     "--probe-slices", "first",    "--measure-every",
      "all",     "--model", options_.model,   "--output", options_.folder + "/batch.tif"};
  all.insert(all.end(), options_.options.begin(), options_.options.end());
  program_ = std::make_unique<RunningProgram>(all, options_.folder + "/batch.log");
  const auto end = program_->wait(options_.limit);
  if (!end || end->code != 0) give_up("the batch run failed");
}

void Trial::remark(const std::string& text) {
  if (result_.remarks.size() < 12) result_.remarks.push_back(text);
}

void Trial::compare_masks(const std::map<std::int64_t, double>& completed) {
  const auto batch = io::open_stack(options_.folder + "/batch.tif");
  std::vector<double> latencies;
  std::set<std::string> expected;
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const std::int64_t z = slices_[i];
    const std::string name = slice_name(options_.script, z);
    const std::string path = output_.mask(name);
    expected.insert(name);
    struct stat status = {};
    if (stat(path.c_str(), &status) != 0) {
      ++result_.lost;
      remark("slice " + std::to_string(z) + " has no mask");
      continue;
    }
    const double there =
        static_cast<double>(status.st_ctim.tv_sec) + 1e-9 * static_cast<double>(status.st_ctim.tv_nsec);
    latencies.push_back(there - completed.at(z));
    if (latencies.back() < 0) {
      ++result_.early;
      remark("slice " + std::to_string(z) + " has its mask before it was complete");
    }
    if (hash_of(io::open_stack(path)->read(0)) != hash_of(batch->read(static_cast<std::int64_t>(i)))) {
      ++result_.different;
      remark("slice " + std::to_string(z) + " has another mask than in the batch run");
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(output_.mask_folder())) {
    if (expected.count(entry.path().filename()) == 0) {
      ++result_.invented;
      remark(entry.path().string() + " is no slice's mask");
    }
  }
  std::sort(latencies.begin(), latencies.end());
  if (latencies.empty()) return;
  const auto quantile = [&](double share) {
    return latencies[static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1) + 0.5)];
  };
  result_.median_latency = quantile(0.5);
  result_.p99_latency = quantile(0.99);
  result_.longest_latency = latencies.back();
}

void Trial::compare_stack() {
  const auto batch = io::open_stack(options_.folder + "/batch.tif");
  const auto live = io::open_stack(output_.stack());
  if (live->info().depth != batch->info().depth) {
    result_.stack_differs = true;
    remark("the stack has " + std::to_string(live->info().depth) + " slices, not " +
           std::to_string(batch->info().depth));
    return;
  }
  for (std::int64_t page = 0; page < batch->info().depth; ++page) {
    if (hash_of(live->read(page)) == hash_of(batch->read(page))) continue;
    result_.stack_differs = true;
    remark("page " + std::to_string(page) + " of the stack differs from the batch run's");
  }
}

void Trial::count_records() {
  std::ifstream file(output_.report());
  const auto report = nlohmann::json::parse(file);
  std::set<std::int64_t> seen;
  for (const auto& slice : report.at("slices")) {
    const auto z = slice.at("z").get<std::int64_t>();
    if (seen.insert(z).second) continue;
    ++result_.doubled;
    remark("slice " + std::to_string(z) + " is in the report twice");
  }
  if (seen.size() < slices_.size()) {
    remark("the report has " + std::to_string(seen.size()) + " slices, not " +
           std::to_string(slices_.size()));
  }
}

TrialResult Trial::run() {
  result_.slices = static_cast<std::int64_t>(slices_.size());
  result_.missing = static_cast<std::int64_t>(script_.missing.size());
  Playing playing(script_);
  follow();
  tell_("all masks but the last are there after " + std::to_string(static_cast<int>(result_.seconds)) +
        " s and " + std::to_string(result_.kills) + " kills");
  if (!await([&] { return playing.is_done(); }, 60)) give_up("the acquisition does not end");
  end();
  run_batch();
  compare_masks(playing.completed());
  compare_stack();
  count_records();
  return result_;
}

}  // namespace

TrialResult run_trial(const TrialOptions& options, const std::function<void(const std::string&)>& tell) {
  return Trial(options, tell).run();
}

std::string table_of(const TrialResult& result) {
  std::string text;
  const auto row = [&](const char* name, const char* format, auto... values) {
    char line[200];
    std::snprintf(line, sizeof line, "%-32s", name);
    text += line;
    std::snprintf(line, sizeof line, format, values...);
    text += std::string(line) + "\n";
  };
  const auto number = [](std::int64_t count) { return static_cast<long long>(count); };
  const auto mebibytes = [](std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  row("slices", "%lld", number(result.slices));
  row("numbers missing for good", "%lld", number(result.missing));
  row("kills, starts", "%d, %d", result.kills, result.starts);
  row("lost", "%lld", number(result.lost));
  row("doubled", "%lld", number(result.doubled));
  row("taken early", "%lld", number(result.early));
  row("other than in the batch run", "%lld", number(result.different));
  row("masks of nothing", "%lld", number(result.invented));
  row("stack equal to the batch run's", "%s", result.stack_differs ? "no" : "yes");
  row("latency median, p99, longest", "%.2f s, %.2f s, %.2f s", result.median_latency, result.p99_latency,
      result.longest_latency);
  row("memory at mask 10, at the last", "%.1f MiB, %.1f MiB", mebibytes(result.memory_at_10),
      mebibytes(result.memory_at_end));
  row("time", "%.0f s", result.seconds);
  for (const std::string& remark : result.remarks) text += "  " + remark + "\n";
  return text;
}

}  // namespace fibflow::testing
