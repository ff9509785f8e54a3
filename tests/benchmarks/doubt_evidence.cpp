// How often the doubt about an adaptation is right: runs with known truth, with and without adaptation.
//
//     doubt_evidence FOLDER PART [--recipe two-pass] MODEL...
//
// PART is `chosen` or `held`: synthetic cells of both fixations with one property each that is unusual, of other seeds in
// each part; or the path of a folder with image.tif and labels.tif, of which the four quarters are taken, six slices of
// each. Prints a line for each case, as comma-separated values, and counts at the end. doubt_evidence.sh makes the models
// and calls it.
//
// An adaptation has helped if IoU is higher by more than 0.02 than without it, and hurt if it is lower by more than that.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/formats/formats.h"
#include "io/memory_stack.h"
#include "io/phantom/phantom.h"
#include "io/stack.h"
#include "pipeline/evaluate/evaluation.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/run.h"

namespace {

using namespace fibflow;

constexpr double margin = 0.02;

struct Target {
  std::string name;
  std::shared_ptr<io::Stack> images;
  std::shared_ptr<io::Stack> labels;
};

std::vector<Target> phantoms(std::uint64_t first_seed) {
  using Change = std::function<void(io::PhantomParameters&)>;
  const std::vector<std::pair<const char*, Change>> kinds{
      {"usual", [](auto&) {}},
      {"no resin", [](auto& p) { p.content.resin_share = 0; }},
      {"resin 45 %", [](auto& p) { p.content.resin_share = 0.45; }},
      {"resin 65 %", [](auto& p) { p.content.resin_share = 0.65; }},
      {"noise", [](auto& p) { p.acquisition.shot_noise = 18; }},
      {"blur", [](auto& p) { p.acquisition.defocus = 1.4; }},
      {"few mitochondria", [](auto& p) { p.content.mitochondria_share = 0.04; }},
      {"12 nm", [](auto& p) { p.voxel_nm = 12; }},
      {"drift", [](auto& p) { p.acquisition.drift = 60; }},
  };
  std::vector<Target> targets;
  std::uint64_t seed = first_seed;
  for (const io::Fixation fixation : {io::Fixation::chemical, io::Fixation::cryo}) {
    for (const auto& [kind, change] : kinds) {
      io::PhantomParameters parameters;
      parameters.fixation = fixation;
      parameters.depth = 9;
      parameters.height = parameters.width = 256;
      parameters.seed = seed++;
      change(parameters);
      const io::Phantom phantom(parameters);
      std::vector<io::Slice> images;
      std::vector<io::Slice> labels;
      for (std::int64_t z = 0; z < parameters.depth; ++z) {
        images.push_back(phantom.image(z));
        labels.push_back(phantom.labels(z));
      }
      const std::string name = std::string(io::name_of(fixation)) + " " + kind;
      targets.push_back({name, std::make_shared<io::MemoryStack>(name, std::move(images)),
                         std::make_shared<io::MemoryStack>(name, std::move(labels))});
    }
  }
  return targets;
}

io::Slice cropped(const io::Slice& slice, int top, int left, int height, int width) {
  std::shared_ptr<std::byte[]> voxels(new std::byte[static_cast<std::size_t>(height * width)]);
  for (int y = 0; y < height; ++y) {
    std::copy_n(slice.data() + static_cast<std::ptrdiff_t>(top + y) * slice.width() + left, width,
                voxels.get() + static_cast<std::ptrdiff_t>(y) * width);
  }
  return io::Slice(slice.z(), height, width, slice.type(), std::move(voxels));
}

std::vector<Target> quarters(const std::string& folder) {
  constexpr int slices = 6;
  const auto images = io::open_stack(folder + "/image.tif");
  const auto labels = io::open_stack(folder + "/labels.tif");
  const int height = images->info().height / 2;
  const int width = images->info().width / 2;
  std::vector<Target> targets;
  for (int q = 0; q < 4; ++q) {
    const std::int64_t first = q % 2 * 4;
    const auto cut = [&](io::Stack& stack) {
      std::vector<io::Slice> parts;
      for (std::int64_t z = first; z < first + slices; ++z)
        parts.push_back(cropped(stack.read(z), q / 2 * height, q % 2 * width, height, width));
      return parts;
    };
    const std::string name = std::filesystem::path(folder).filename().string() + " " + std::to_string(q);
    targets.push_back({name, std::make_shared<io::MemoryStack>(name, cut(*images)),
                       std::make_shared<io::MemoryStack>(name, cut(*labels))});
  }
  return targets;
}

struct Result {
  double iou = 0;
  pipeline::RunReport report;
};

Result result_of(const Target& target, const model::Network& network,
                 const pipeline::AdaptationOptions& adaptation, const std::string& folder) {
  pipeline::OutputOptions output;
  output.mask = folder + "/doubt_evidence.tif";
  output.overwrite = true;
  output.compression = io::Compression::none;
  pipeline::ResourceOptions resources;
  resources.threads = 1;
  Result result;
  result.report = *pipeline::segment(*target.images, network, {}, adaptation, output, resources).report;
  const auto masks = io::open_stack(output.mask);
  result.iou = pipeline::evaluate(*masks, *target.labels).whole.iou();
  if (std::isnan(result.iou)) result.iou = 1;  // nothing there, and nothing found
  return result;
}

/// What the warnings were worth.
struct Counts {
  int right = 0;
  int false_alarm = 0;
  int needless = 0;  ///< raised where it made no difference
  int missed = 0;
  int rightly_silent = 0;
  int silent = 0;  ///< where it made no difference
  double adapted = 0;
  double source = 0;
  double on_doubt = 0;
  double best = 0;

  void add(double source_iou, double adapted_iou, bool doubtful, bool doubtful_before) {
    const double change = adapted_iou - source_iou;
    if (change < -margin) {
      ++(doubtful ? right : missed);
    } else if (change > margin) {
      ++(doubtful ? false_alarm : rightly_silent);
    } else {
      ++(doubtful ? needless : silent);
    }
    adapted += adapted_iou;
    source += source_iou;
    on_doubt += doubtful_before ? source_iou : adapted_iou;
    best += std::max(source_iou, adapted_iou);
  }
  int cases() const { return right + false_alarm + needless + missed + rightly_silent + silent; }
};

void print(const Counts& counts) {
  std::printf(
      "# %d cases: hurt %d, of which warned %d, missed %d; helped %d, of which false alarms %d, rightly "
      "silent %d; "
      "no difference %d, of which warned %d\n",
      counts.cases(), counts.right + counts.missed, counts.right, counts.missed,
      counts.false_alarm + counts.rightly_silent, counts.false_alarm, counts.rightly_silent,
      counts.needless + counts.silent, counts.needless);
  std::printf(
      "# mean IoU: as it is %.3f, always adapted %.3f, --on-doubt source %.3f, the better of both %.3f\n",
      counts.source / counts.cases(), counts.adapted / counts.cases(), counts.on_doubt / counts.cases(),
      counts.best / counts.cases());
}

double mean_of(const pipeline::Comparison& comparison,
               const std::function<std::optional<double>(const pipeline::SliceComparison&)>& value) {
  double sum = 0;
  int count = 0;
  for (const pipeline::SliceComparison& slice : comparison.slices) {
    if (const auto known = value(slice)) {
      sum += *known;
      ++count;
    }
  }
  return count > 0 ? sum / count : NAN;
}

void run(const std::string& folder, const std::string& part, const pipeline::AdaptationOptions& adaptation,
         const std::vector<std::string>& models) {
  const std::vector<Target> targets = part == "chosen" ? phantoms(101)
                                      : part == "held" ? phantoms(501)
                                                       : quarters(part);
  pipeline::AdaptationOptions none;
  none.recipe = pipeline::Recipe::none;
  Counts counts;
  std::printf(
      "part,recipe,model,target,source IoU,adapted IoU,source foreground,adapted foreground,source "
      "expected IoU,"
      "adapted expected IoU,source entropy,adapted entropy,agreement,distance,signs\n");
  for (const std::string& file : models) {
    const auto network = model::Network::load(file);
    for (const Target& target : targets) {
      const double source = result_of(target, network, none, folder).iou;
      const Result adapted = result_of(target, network, adaptation, folder);
      const pipeline::Comparison& c = adapted.report.comparison.value();
      using Slice = const pipeline::SliceComparison&;
      const auto mean = [&](auto value) { return mean_of(c, value); };
      std::string signs;
      for (const pipeline::Sign& sign : adapted.report.doubt->signs)
        signs += (signs.empty() ? "" : "; ") + sign.sign;
      std::printf("%s,%s,%s,%s,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.4g,%s\n",
                  std::filesystem::path(part).filename().c_str(), name_of(adaptation.recipe),
                  std::filesystem::path(file).stem().c_str(), target.name.c_str(), source, adapted.iou,
                  mean([](Slice s) { return std::optional(s.source.foreground); }),
                  mean([](Slice s) { return std::optional(s.adapted.foreground); }),
                  mean([](Slice s) { return s.source.expected_iou; }),
                  mean([](Slice s) { return s.adapted.expected_iou; }),
                  mean([](Slice s) { return std::optional(s.source.entropy); }),
                  mean([](Slice s) { return std::optional(s.adapted.entropy); }),
                  mean([](Slice s) { return s.agreement; }), adapted.report.adaptation->drift_from_source,
                  signs.c_str());
      std::fflush(stdout);
      counts.add(source, adapted.iou, adapted.report.doubt->doubtful(), adapted.report.doubt->doubtful());
    }
  }
  print(counts);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    pipeline::AdaptationOptions adaptation;
    if (arguments.size() > 3 && arguments[2] == "--recipe") {
      if (arguments[3] == "two-pass") adaptation.recipe = pipeline::Recipe::two_pass;
      arguments.erase(arguments.begin() + 2, arguments.begin() + 4);
    }
    if (arguments.size() < 3) {
      std::fprintf(stderr,
                   "usage: doubt_evidence FOLDER chosen|held|STACKFOLDER [--recipe two-pass] MODEL...\n");
      return 64;
    }
    run(arguments[0], arguments[1], adaptation, {arguments.begin() + 2, arguments.end()});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "doubt_evidence: %s\n", error.what());
    return 1;
  }
}
