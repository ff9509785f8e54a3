#include "tests/acquisition/acquisition_script.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <utility>

namespace fibflow::testing {
namespace {

constexpr int foreign_kinds = 6;

/// What lies in acquisition folders and is no slice of the stack.
std::vector<Step> foreign_steps(int kind, io::Stack& stack, const ScriptOptions& options,
                                const std::string& name) {
  const std::string path = (std::filesystem::path(options.folder) / name).string();
  const io::Slice slice = stack.read(0);
  switch (kind) {
    case 0:
      return steps_of(WriterStyle::in_place, {path, "dwell 3 us\ncurrent 400 pA\n", "", {}}, options.rests);
    case 1: {  // a thumbnail: a sound TIFF under a name that is no slice's
      const io::Slice small(
          0, slice.height() / 4, slice.width(), slice.type(),
          std::shared_ptr<const std::byte[]>(std::make_shared<io::Slice>(slice), slice.data()));
      return steps_of(WriterStyle::at_once, {path, tiff_bytes(small, TiffLayout::directory_first), "", {}},
                      options.rests);
    }
    case 2:  // somebody else's temporary file
      return steps_of(WriterStyle::at_once, {path, std::string(300, '\0'), "", {}}, options.rests);
    case 3:  // a subfolder with a file in it
      return {{0, "folder made", [path] { std::filesystem::create_directory(path); }, false, {}},
              {0,
               "written",
               [path, bytes = tiff_bytes(slice, TiffLayout::directory_first)] {
                 for (const Step& step :
                      steps_of(WriterStyle::at_once, {path + "/overview.tif", bytes, "", {}}, {}))
                   step.act();
               },
               false,
               {}}};
    case 4:  // an empty file
      return steps_of(WriterStyle::at_once, {path, "", "", {}}, options.rests);
    default:  // a link to nowhere
      return {{0, "linked", [path] { std::filesystem::create_symlink("nowhere", path); }, false, {}}};
  }
}

std::string foreign_name(int kind, std::int64_t number) {
  const std::string n = std::to_string(number);
  switch (kind) {
    case 0:
      return "notes " + n + ".txt";
    case 1:
      return "thumbnail-" + n + ".tif";
    case 2:
      return "~transfer" + n + ".tmp";
    case 3:
      return "overviews-" + n;
    case 4:
      return "empty" + n;
    default:
      return "link" + n;
  }
}

/// When each slice begins.
std::vector<double> starts(std::int64_t depth, const ScriptOptions& options, std::mt19937& random) {
  std::vector<double> times(static_cast<std::size_t>(depth));
  double now = 0;
  int until_burst = options.burst_every;
  int in_burst = 0;
  for (double& time : times) {
    time = now;
    if (in_burst > 0) {
      --in_burst;
      if (in_burst > 0) continue;
      until_burst = options.burst_every;
    } else if (options.burst_every > 0 && --until_burst == 0) {
      in_burst = options.burst;
    }
    now += options.interval;
  }
  const auto window = static_cast<std::ptrdiff_t>(std::max(1, options.shuffle_window));
  for (auto first = times.begin(); first != times.end();) {
    const auto last = first + std::min(window, times.end() - first);
    std::shuffle(first, last, random);
    first = last;
  }
  return times;
}

std::vector<std::int64_t> draw_missing(std::int64_t depth, int every, std::mt19937& random) {
  std::vector<std::int64_t> missing;
  for (std::int64_t block = 0; every > 1 && block + every < depth; block += every) {
    missing.push_back(block + 1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(every - 1)));
  }
  return missing;
}

}  // namespace

std::string slice_name(const ScriptOptions& options, std::int64_t z) {
  char number[24];
  std::snprintf(number, sizeof number, "%05lld", static_cast<long long>(z));
  return options.prefix + number + ".tif";
}

void write_truth(io::Stack& stack, const Script& script, const ScriptOptions& options,
                 const std::string& folder) {
  std::filesystem::create_directories(folder);
  for (std::int64_t z = 0; z < stack.info().depth; ++z) {
    if (std::binary_search(script.missing.begin(), script.missing.end(), z)) continue;
    SliceFile file;
    file.path = (std::filesystem::path(folder) / slice_name(options, z)).string();
    file.bytes = tiff_bytes(stack.read(z), TiffLayout::directory_first);
    for (const Step& step : steps_of(WriterStyle::at_once, file, {})) step.act();
  }
}

TiffLayout layout_of(WriterStyle style, std::int64_t z) {
  // Only what can be read before it is complete tells whether somebody looks at the zeros at its end.
  if (style == WriterStyle::zero_tail)
    return z % 2 == 0 ? TiffLayout::directory_first : TiffLayout::one_strip;
  return static_cast<TiffLayout>(z % 4);
}

Script make_script(io::Stack& stack, const ScriptOptions& options) {
  if (options.styles.empty()) throw std::invalid_argument("no styles");
  const std::int64_t depth = stack.info().depth;
  std::mt19937 random(options.seed);
  const std::vector<double> times = starts(depth, options, random);
  Script script;
  script.missing = draw_missing(depth, options.missing_every, random);
  for (std::int64_t z = 0; z < depth; ++z) {
    const double start = times[static_cast<std::size_t>(z)];
    const WriterStyle style = options.styles[random() % options.styles.size()];
    if (options.foreign_every > 0 && z % options.foreign_every == options.foreign_every - 1) {
      const auto number = z / options.foreign_every;
      const int kind = static_cast<int>(number % foreign_kinds);
      const std::string name = foreign_name(kind, number);
      script.appearances.push_back({start, -1, name, "foreign", [&stack, options, kind, name] {
                                      std::vector<Step> steps = foreign_steps(kind, stack, options, name);
                                      for (Step& step : steps) step.completes = false;
                                      return steps;
                                    }});
    }
    if (std::binary_search(script.missing.begin(), script.missing.end(), z)) continue;
    const std::string name = slice_name(options, z);
    script.appearances.push_back({start, z, name, name_of(style), [&stack, options, style, name, z, depth] {
                                    const TiffLayout layout = layout_of(style, z);
                                    SliceFile file;
                                    file.path = (std::filesystem::path(options.folder) / name).string();
                                    file.bytes = tiff_bytes(stack.read(z), layout);
                                    file.other_bytes =
                                        tiff_bytes(stack.read((z + depth / 2 + 1) % depth), layout);
                                    if (options.was_taken)
                                      file.taken = [taken = options.was_taken, z] { return taken(z); };
                                    return steps_of(style, file, options.rests);
                                  }});
  }
  std::stable_sort(script.appearances.begin(), script.appearances.end(),
                   [](const Appearance& a, const Appearance& b) { return a.start < b.start; });
  return script;
}

}  // namespace fibflow::testing
