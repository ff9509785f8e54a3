#include "pipeline/report/page/sections.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "pipeline/flow/spoken.h"
#include "pipeline/report/page/html.h"
#include "pipeline/report/page/z_chart.h"

namespace fibflow::pipeline {
namespace {

std::string section(const std::string& id, const std::string& title, const std::string& inside) {
  return "<section id=\"" + id + "\"><h2>" + title + "</h2>\n" + inside + "</section>\n";
}

std::string paragraph(const std::string& text, const char* kind = "note") {
  return "<p class=\"" + std::string(kind) + "\">" + text + "</p>\n";
}

std::string missing(const std::string& what) {
  return paragraph(html(what), "missing");
}

std::string number_or_dash(const std::optional<double>& value, std::string (*spoken)(double)) {
  return value ? spoken(*value) : "–";
}

std::string two_digits(double share) {
  std::string text = coordinate(std::round(share * 100) / 100);
  return text;
}

std::string bits(double entropy) {
  return short_number(entropy) + " bit";
}

std::string bytes(double count) {
  return spoken_memory(static_cast<std::size_t>(count));
}

using Figure = Extent SlicePoint::*;

std::optional<double> mean_of(const RecordedRun& run, Figure figure) {
  const Extent all = run.slices.over_all(figure);
  return all ? std::optional(all.mean()) : std::nullopt;
}

/// A bar from the left, as wide as value / largest.
std::string bar(const std::string& name, double value, double largest, const std::string& spoken,
                const std::string& tone) {
  const double width = largest > 0 ? 1000 * std::min(1.0, value / largest) : 0;
  return "<div class=\"bar\"><span class=\"name\">" + isolated(name) +
         "</span><svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" +
         html(name + ": " + spoken) + "\"><rect class=\"rail\" width=\"1000\" height=\"10\"/><rect class=\"" +
         tone + "\" width=\"" + coordinate(width) + "\" height=\"10\"><title>" + html(name + ": " + spoken) +
         "</title></rect></svg><span class=\"value\">" + html(spoken) + "</span></div>\n";
}

std::string facts(const RecordedRun::Facts& all) {
  std::string rows;
  for (const auto& [name, value] : all)
    rows += "<dt>" + html(name) + "</dt><dd>" + isolated(value) + "</dd>\n";
  return "<dl class=\"facts\">" + rows + "</dl>\n";
}

struct Means {
  double source_foreground = 0;
  double adapted_foreground = 0;
  double source_entropy = 0;
  double adapted_entropy = 0;
  std::optional<double> agreement;
};

Means means_of(const std::vector<SliceComparison>& slices) {
  Means means;
  const auto n = static_cast<double>(slices.size());
  double agreement = 0;
  double agreeing = 0;
  for (const SliceComparison& slice : slices) {
    means.source_foreground += slice.source.foreground / n;
    means.adapted_foreground += slice.adapted.foreground / n;
    means.source_entropy += slice.source.entropy / n;
    means.adapted_entropy += slice.adapted.entropy / n;
    if (!slice.agreement) continue;
    agreement += *slice.agreement;
    ++agreeing;
  }
  if (agreeing > 0) means.agreement = agreement / agreeing;
  return means;
}

std::string counted(std::size_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

const char* certainty_in_words(double source_entropy, double adapted_entropy) {
  if (std::abs(adapted_entropy - source_entropy) < 0.02 * source_entropy) return "as certain";
  return adapted_entropy < source_entropy ? "more certain" : "less certain";
}

std::string compared_in_words(const RecordedRun& run) {
  if (run.comparison.empty()) return {};
  const Means means = means_of(run.comparison);
  std::string text = "On " + counted(run.comparison.size(), "slice") + ", the adapted network finds " +
                     percent(means.adapted_foreground) + " foreground where the source finds " +
                     percent(means.source_foreground) + "; it is " +
                     certainty_in_words(means.source_entropy, means.adapted_entropy) + " (" +
                     bits(means.source_entropy) + " to " + bits(means.adapted_entropy) + ")";
  if (means.agreement) text += ", and their masks overlap with IoU " + two_digits(*means.agreement);
  return text + ".";
}

std::string action_in_words(const RecordedRun& run) {
  const std::string& action = run.doubt->action;
  if (run.command == "adapt" && action != "stopped") {
    return action == "source used" ? "The model was therefore written with the source's statistics."
                                   : "The adapted model was written anyway.";
  }
  if (action == "source used") return "The stack was therefore segmented with the source's statistics.";
  if (action == "stopped") return "The run was therefore stopped.";
  return "The stack was segmented with the adapted statistics anyway.";
}

std::string picture_caption(const std::string& name) {
  if (name == "image") return "slice";
  if (name == "probability") return "probability, adapted";
  if (name == "mask") return "mask, adapted";
  if (name == "source_mask") return "mask, source";
  return "disagreement";
}

std::string montage(const RecordedRun& run) {
  std::string rows;
  for (const RecordedRun::Preview& preview : run.previews) {
    std::string pictures;
    for (const auto& [name, url] : preview.pictures) {
      const std::string caption = picture_caption(name);
      pictures += "<figure><img src=\"" + html(url) + "\" alt=\"" + caption + " of slice " +
                  std::to_string(preview.z) + "\"><figcaption>" + caption + "</figcaption></figure>\n";
    }
    rows += "<h3>Slice " + std::to_string(preview.z) + "</h3><div class=\"montage\">";
    rows += pictures + "</div>\n";
  }
  return rows +
         paragraph(
             "White is foreground; in the disagreement, what only one of the two masks has. Large slices "
             "are shown smaller, or in windows next to each other.");
}

std::string comparison_table(const RecordedRun& run) {
  const bool expected = std::ranges::any_of(
      run.comparison, [](const auto& s) { return s.source.expected_iou || s.adapted.expected_iou; });
  std::string table =
      "<div class=\"scroll\"><table><thead><tr><th>slice</th><th>foreground, "
      "source</th><th>adapted</th><th>entropy, "
      "source</th><th>adapted</th>";
  if (expected) table += "<th>expected IoU, source</th><th>adapted</th>";
  table += "<th>IoU of the masks</th><th>equal pixels</th></tr></thead><tbody>\n";
  for (const SliceComparison& s : run.comparison) {
    const auto cell = [&table](const std::string& text) { table += "<td>" + text + "</td>"; };
    table += "<tr>";
    cell(std::to_string(s.z));
    cell(percent(s.source.foreground));
    cell(percent(s.adapted.foreground));
    cell(bits(s.source.entropy));
    cell(bits(s.adapted.entropy));
    if (expected) {
      cell(number_or_dash(s.source.expected_iou, two_digits));
      cell(number_or_dash(s.adapted.expected_iou, two_digits));
    }
    cell(number_or_dash(s.agreement, two_digits));
    cell(percent(s.equal));
    table += "</tr>\n";
  }
  table += "</tbody></table></div>\n";
  std::string note = "Entropy: how undecided a prediction is, 0 to 1 bit for two classes.";
  if (expected) {
    note +=
        " Expected IoU: with the truth, if the network's probabilities are right; it says which of two "
        "masks is likely to be the better one, not how good it is.";
  }
  return table + paragraph(note);
}

std::string layer_bars(const RecordedRun::Adaptation& adaptation) {
  const bool by_channel = !adaptation.layer_channels.empty();
  const auto value_of = [&](std::size_t i) -> std::optional<double> {
    if (!adaptation.layer_drift[i]) return std::nullopt;
    return *adaptation.layer_drift[i] / (by_channel ? static_cast<double>(adaptation.layer_channels[i]) : 1);
  };
  double largest = 0;
  for (std::size_t i = 0; i < adaptation.layer_drift.size(); ++i)
    largest = std::max(largest, value_of(i).value_or(0));
  std::string bars;
  for (std::size_t i = 0; i < adaptation.layer_drift.size(); ++i) {
    std::string name =
        adaptation.layer_names.empty() ? "layer " + std::to_string(i + 1) : adaptation.layer_names[i];
    const auto value = value_of(i);
    bars += bar(name, value.value_or(largest), largest, value ? short_number(*value) : "infinite", "orange");
  }
  return "<h3>By layer, at the end</h3><div class=\"bars\">" + bars + "</div>\n" +
         paragraph(by_channel
                       ? "Per channel, from the source's statistics to those in use at the end."
                       : "Summed over each layer's channels, from the source's statistics to those in use at "
                         "the end.");
}

std::string event_list(const RecordedRun& run) {
  if (run.events.empty()) return {};
  std::string items;
  for (const RunEvent& event : run.events)
    items += "<li>after slice " + std::to_string(event.z) + ": " +
             html(event.text.empty() ? event.event : event.text) + "</li>\n";
  return "<h3>Changes of the acquisition</h3><ul class=\"plain\">" + items + "</ul>\n";
}

constexpr const char* no_slices = "No slice is recorded.";

}  // namespace

std::string verdict_section(const RecordedRun& run) {
  std::string tone = "unknown";
  std::string headline;
  std::string text;
  const auto later = std::ranges::find(run.events, event_names::in_doubt, &RunEvent::event);
  if (run.doubt && run.doubt->doubtful) {
    tone = "doubtful";
    headline = "Adaptation is in doubt";
    std::string signs;
    for (const std::string& sign : run.doubt->signs) signs += "<li>" + html(sign) + "</li>\n";
    text = "<ul>" + signs + "</ul>\n" + paragraph(action_in_words(run), "");
  } else if (later != run.events.end()) {
    tone = "doubtful";
    headline = "Adaptation is in doubt from slice " + std::to_string(later->z + 1) + " on";
    text = paragraph("The acquisition changed, and then: " + html(later->text) + ".", "");
  } else if (run.doubt) {
    tone = "good";
    headline = "No sign against the adaptation";
    text = paragraph("Without labels nobody can know whether it helped: look at the pictures.", "");
  } else if (run.recipe == "none") {
    headline = "Segmented as the model is, without adaptation";
  } else {
    headline = "No verdict";
    text = paragraph("This run did not compare the adapted network with the source.", "");
  }
  if (!run.comparison.empty()) text += paragraph(html(compared_in_words(run)), "");
  if (!run.comparison.empty() && run.command == "watch") {
    text += paragraph(
        "The first slices were compared, and some where the acquisition changed: watch the drift and the "
        "foreground over z for all "
        "others.",
        "");
  }
  std::string warnings;
  for (const std::string& warning : run.warnings) warnings += "<li>" + html(warning) + "</li>\n";
  if (!warnings.empty()) warnings = "<h3>Warnings</h3><ul>" + warnings + "</ul>\n";
  return "<section id=\"verdict\" class=\"" + tone + "\"><h2>" + headline + "</h2>\n" + text + warnings +
         "</section>\n";
}

std::string figures_section(const RecordedRun& run) {
  std::string figures;
  const auto add = [&figures](const std::string& name, const std::string& value,
                              const std::string& note = "") {
    figures += "<div><dt>" + name + "</dt><dd>" + html(value) +
               (note.empty() ? "" : "<small>" + html(note) + "</small>") + "</dd></div>\n";
  };
  add("slices", std::to_string(run.slices.count()));
  if (const auto mean = mean_of(run, &SlicePoint::foreground)) add("foreground", percent(*mean));
  if (run.adaptation && run.adaptation->drift_from_source)
    add("drift from the source", short_number(*run.adaptation->drift_from_source), "per channel");
  if (const auto mean = mean_of(run, &SlicePoint::expected_iou))
    add("expected IoU", number_or_dash(mean, two_digits), "by the network itself");
  if (const auto mean = mean_of(run, &SlicePoint::entropy)) add("entropy", bits(*mean));
  if (run.total_seconds > 0) {
    add("time", duration(run.total_seconds),
        run.voxels_per_second ? short_number(*run.voxels_per_second / 1e6) + " Mvoxel/s" : "");
  }
  if (run.peak_memory > 0) add("peak memory", bytes(run.peak_memory));
  return "<dl id=\"figures\">" + figures + "</dl>\n";
}

std::string comparison_section(const RecordedRun& run) {
  std::string inside;
  if (run.previews.empty() && run.comparison.empty()) {
    inside =
        missing(run.recipe == "none"
                    ? "Nothing was adapted that could be compared."
                    : "This run compared nothing with the source, or its report is of an older fibflow.");
  } else {
    inside = run.previews.empty() ? missing("The report has no pictures.") : montage(run);
    if (!run.comparison.empty()) inside += comparison_table(run);
  }
  return section("comparison", "Source and adapted network", inside);
}

std::string match_section(const RecordedRun& run) {
  if (!run.match) return "";
  const RecordedRun::Match& match = *run.match;
  const auto scale = [](const std::array<double, 2>& by) {
    return by[0] == by[1] ? short_number(by[0])
                          : short_number(by[0]) + " × " + short_number(by[1]) + " (y, x)";
  };
  const auto share = [](double while_measuring, double in_use) -> std::string {
    if (in_use == 0) return "none";
    if (in_use == 1) return "all: the model as it is";
    return short_number(in_use) + (while_measuring == in_use ? "" : ", after measuring");
  };
  std::string inside = paragraph("The network saw slices at the scale " + scale(match.scale) + " (" +
                                 html(match.from) + "), with this share of the source's statistics: " +
                                 share(match.share_while_measuring, match.share_in_use) + ".");
  if (!match.candidates.empty()) {
    std::string table =
        "<div class=\"scroll\"><table><thead><tr><th>scale</th><th>share of the source</th><th>expected "
        "IoU</th><th>foreground</th><th>size of objects</th></tr></thead><tbody>\n";
    for (const RecordedRun::Match::Candidate& candidate : match.candidates) {
      table += "<tr><td>" + scale(candidate.scale) + "</td><td>" +
               share(candidate.share_while_measuring, candidate.share_in_use) + "</td><td>" +
               two_digits(candidate.expected_iou) + "</td><td>" + percent(candidate.foreground) +
               "</td><td>" + short_number(candidate.object_diameter) + " px</td></tr>\n";
    }
    inside += table + "</tbody></table></div>\n" +
              paragraph(
                  "What the network makes of some windows of the stack, in the order in which they were "
                  "looked at. Another "
                  "scale is used if the expected IoU is clearly higher there.");
  }
  return section("match", "Matched to the model", inside);
}

std::string drift_section(const RecordedRun& run) {
  std::string inside;
  if (!run.adaptation) {
    inside = missing("Nothing was adapted.");
  } else if (!run.adaptation->layer_drift.empty()) {
    inside = layer_bars(*run.adaptation);
  }
  if (run.slices.empty()) {
    if (run.adaptation) inside += missing(no_slices);
    return section("drift", "Drift of the statistics", inside);
  }
  const ZCharts charts(run);
  std::string drawn =
      charts.draw({"Drift from the source",
                   {ZCurve{"per channel", "orange", &SlicePoint::drift_from_source}},
                   short_number,
                   "From the source's statistics to those that the slice was segmented with."});
  drawn += charts.draw({"Drift of the slice",
                        {ZCurve{"per channel", "violet", &SlicePoint::slice_drift, true}},
                        short_number,
                        "From the statistics in use to the slice's own, where it was measured: a jump is a "
                        "change of the acquisition."});
  drawn += charts.draw(
      {"Step of the statistics",
       {ZCurve{"per channel", "amber", &SlicePoint::drift, true}},
       short_number,
       "How far the statistics moved where they were renewed; where there is no point, they still held."});
  if (!drawn.empty()) {
    inside += "<div class=\"charts\">" + drawn + "</div>\n" + event_list(run);
  } else if (run.adaptation) {
    inside += missing("The report has no drift of these slices.");
  }
  inside += paragraph(
      "Drift is the target-normalized squared Wasserstein-2 distance, (1 − σ̂/σ)² + (μ − μ̂)²/σ² for each "
      "channel: 0 is "
      "equal, 1 is a mean off by one standard deviation, or twice the spread.");
  return section("drift", "Drift of the statistics", inside);
}

std::string prediction_section(const RecordedRun& run) {
  if (run.slices.empty()) return section("prediction", "Predictions over z", missing(no_slices));
  const ZCharts charts(run);
  const std::string foreground = charts.draw(
      {"Foreground", {ZCurve{"share of the pixels", "blue", &SlicePoint::foreground}}, percent, ""});
  const std::string entropy =
      charts.draw({"Entropy", {ZCurve{"bits per pixel", "green", &SlicePoint::entropy}}, short_number, ""});
  const std::string expected =
      charts.draw({"Expected IoU",
                   {ZCurve{"by the network itself", "green", &SlicePoint::expected_iou}},
                   short_number,
                   ""});
  std::string inside = "<div class=\"charts\">" + foreground + expected + entropy + "</div>\n";
  if (foreground.empty()) inside += missing("The report has no foreground of these slices.");
  if (entropy.empty())
    inside += missing("The report has no entropy of these slices: it is of an older fibflow.");
  if (!expected.empty()) {
    inside += paragraph(
        "Expected IoU is what the network's probabilities let expect of its mask and the truth. It is no "
        "measure of how "
        "good the mask is, but where it falls, slices are harder for the network than those before.");
  }
  if (charts.decimated()) {
    inside +=
        paragraph("In these charts a point stands for about " + short_number(charts.slices_per_column()) +
                  " slices: the line is their mean, the band reaches from the smallest to the largest.");
  }
  return section("prediction", "Predictions over z", inside);
}

std::string cost_section(const RecordedRun& run) {
  std::string inside;
  if (run.total_seconds > 0) {
    std::string bars;
    const auto add = [&](const char* name, double seconds) {
      bars += bar(name, seconds, run.total_seconds, duration(seconds), "blue");
    };
    add("prepare", run.prepare_seconds);
    add("adapt first", run.adapt_seconds);
    add("segment", run.segment_seconds);
    add("total", run.total_seconds);
    inside += "<h3>Time</h3><div class=\"bars\">" + bars + "</div>\n";
  }
  std::string states;
  for (const RecordedRun::StateSummary& state : run.states) {
    if (state.slices == 0) continue;
    states += "<tr><td>" + html(state.state) + "</td><td>" + std::to_string(state.slices) + "</td><td>" +
              (state.work_seconds ? duration(*state.work_seconds) : "–") + "</td></tr>\n";
  }
  if (!states.empty()) {
    inside +=
        "<div class=\"scroll\"><table><thead><tr><th>slices are</th><th>how many</th><th>computing, per "
        "slice</th></tr>"
        "</thead><tbody>" +
        states + "</tbody></table></div>\n";
  }
  if (!run.slices.empty()) {
    const std::string chart = ZCharts(run).draw(
        {"Time of a slice", {ZCurve{"from read to written", "violet", &SlicePoint::seconds}}, duration, ""});
    inside += "<div class=\"charts\">" + chart + "</div>\n";
  }
  if (run.peak_memory > 0) {
    const double largest =
        std::max({run.peak_memory, run.memory_budget.value_or(0), run.expected_memory.value_or(0)});
    std::string bars = bar("peak", run.peak_memory, largest, bytes(run.peak_memory), "green");
    if (run.expected_memory)
      bars += bar("expected", *run.expected_memory, largest, bytes(*run.expected_memory), "green");
    if (run.memory_budget)
      bars += bar("allowed", *run.memory_budget, largest, bytes(*run.memory_budget), "green");
    inside += "<h3>Memory</h3><div class=\"bars\">" + bars + "</div>\n";
  }
  if (inside.empty()) inside = missing("Neither time nor memory is recorded.");
  return section("cost", "Time and memory", inside);
}

std::string options_section(const RecordedRun& run) {
  std::string inside;
  const auto add = [&inside](const char* title, const RecordedRun::Facts& all) {
    if (!all.empty()) inside += "<div><h3>" + std::string(title) + "</h3>" + facts(all) + "</div>\n";
  };
  add("Run", {{"command", "fibflow " + run.command}, {"started", run.started}, {"fibflow", run.fibflow}});
  add("Stack", run.input);
  add("Model", run.network);
  add("Options", run.options);
  add("Outputs", run.outputs);
  return section("options", "Run, options and versions", "<div class=\"columns\">" + inside + "</div>\n");
}

}  // namespace fibflow::pipeline
