#include "pipeline/report/page/report_page.h"

#include <gtest/gtest.h>

#include <pugixml.hpp>
#include <string>
#include <vector>

#include "io/error.h"
#include "pipeline/report/page/html.h"
#include "pipeline/report/page/z_chart.h"
#include "tests/fixtures/recorded_run_json.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;
using fibflow::testing::recorded_run_json;

RecordedRun read(const Json& json) {
  return parse_recorded_run(json.dump(), "run.json");
}

std::string page_of(const Json& json) {
  return report_page(read(json));
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The message of the refusal.
std::string refusal(const std::string& text) {
  try {
    parse_recorded_run(text, "run.json");
  } catch (const io::Error& error) {
    EXPECT_EQ(error.kind(), io::ErrorKind::bad_data);
    return error.what();
  }
  return "accepted";
}

std::string refusal(const Json& json) {
  return refusal(json.dump());
}

TEST(RecordedRunTest, RefusesWhatIsNoReportNamingTheFileAndTheReason) {
  EXPECT_TRUE(has(refusal(std::string("{\"a\": ")), "run.json: is not JSON: parse error"));
  EXPECT_TRUE(has(refusal(std::string("")), "is not JSON"));
  EXPECT_TRUE(has(refusal(std::string("{\"a\": 1e999}")), "is not JSON"));
  EXPECT_TRUE(has(refusal(std::string("\"\xff\"")), "is not JSON"));
  EXPECT_TRUE(has(refusal(Json::array()), "is not a JSON object"));
  EXPECT_TRUE(has(refusal(Json::object()), "\"fibflow run report\""));
  EXPECT_TRUE(
      has(refusal(Json{{"format", "fibflow run report"}, {"format_version", 3}}), "reads versions 1 and 2"));
  EXPECT_TRUE(has(refusal(Json{{"format", "fibflow run report"}}), "format_version is not a number"));
}

TEST(RecordedRunTest, NamesTheFieldThatIsWrong) {
  const auto with = [](const char* pointer, Json value) {
    Json json = recorded_run_json(4);
    json[Json::json_pointer(pointer)] = std::move(value);
    return refusal(json);
  };
  EXPECT_EQ(with("/slices/2/foreground", "much"), "run.json: slices[2].foreground is not a number");
  EXPECT_EQ(with("/slices/2/foreground", 1.5), "run.json: slices[2].foreground is no share between 0 and 1");
  EXPECT_EQ(with("/slices/1/z", 0), "run.json: slices[1].z is not larger than that of the slice before");
  EXPECT_EQ(with("/slices/1/z", 0.5), "run.json: slices[1].z is not a whole number from 0 on");
  EXPECT_EQ(with("/slices", "none"), "run.json: slices is not an array");
  EXPECT_EQ(with("/warnings", Json{1}), "run.json: warnings[0] is not a text");
  EXPECT_EQ(with("/adaptation/layer_names", Json{"one"}),
            "run.json: adaptation.layer_names has another length than layer_drift_from_source");
  EXPECT_EQ(with("/previews/0/mask", "https://elsewhere/mask.png"),
            "run.json: previews[0].mask is not a PNG as a data URL");
  EXPECT_EQ(with("/previews/0/mask", "data:image/png;base64,AA\" onload=\"alert(1)"),
            "run.json: previews[0].mask is not base64");
  EXPECT_EQ(with("/peak_memory", -1), "run.json: peak_memory is negative");
}

TEST(RecordedRunTest, RefusesEndlessNesting) {
  const std::string text = recorded_run_json(1).dump();
  const auto at = text.find("\"threads\":2") + std::string("\"threads\":").size();
  for (const int levels : {4, 20, 100000}) {
    std::string deep = text.substr(0, at);
    for (int i = 0; i < levels; ++i) deep += "{\"a\":";
    deep.append(1, '1').append(static_cast<std::size_t>(levels), '}').append(text, at + 1);
    const std::string answer = refusal(deep);
    EXPECT_EQ(has(answer, "nested too deeply"), levels > 4) << answer;
  }
  EXPECT_TRUE(has(refusal(std::string(100000, '[')), "nested too deeply"));
  // Names without end, too, but not objects without end.
  std::string names = "{\"options\": {";
  for (int i = 0; i < 200000; ++i) names += "\"" + std::to_string(i) + "\": 1, ";
  EXPECT_TRUE(has(refusal(names + "\"a\": 1}}"), "more names in one object"));
  std::string objects = "{\"slices\": [";
  for (int i = 0; i < 5000; ++i) objects += "{\"a\": {\"b\": 1}}, ";
  EXPECT_FALSE(has(refusal(objects + "1]}"), "more names in one object"));
}

// What this page is made of can be checked as XML, but for the elements that HTML does not close.
TEST(ReportPageTest, IsWellFormed) {
  std::string page = page_of(recorded_run_json(30));
  for (const char* start : {"<meta", "<img"}) {
    for (auto at = page.find(start); at != std::string::npos; at = page.find(start, at + 1))
      page.insert(page.find('>', at), 1, '/');
  }
  page.erase(0, page.find("<html"));
  pugi::xml_document document;
  const auto result = document.load_string(page.c_str());
  EXPECT_TRUE(result) << result.description() << " at "
                      << page.substr(static_cast<std::size_t>(result.offset), 80);
}

TEST(ReportPageTest, ShowsEverythingThatAReportHas) {
  const std::string page = page_of(recorded_run_json(30));
  for (const char* id : {"verdict", "figures", "comparison", "drift", "prediction", "cost", "options"})
    EXPECT_TRUE(has(page, "id=\"" + std::string(id) + "\"")) << id;
  EXPECT_EQ(times(page, "<figure class=\"chart\">"), 7U);
  EXPECT_EQ(times(page, "<img "), 15U);
  EXPECT_EQ(times(page, "class=\"missing\""), 0U);
  EXPECT_TRUE(has(page, "No sign against the adaptation"));
  EXPECT_TRUE(has(
      page, "the adapted network finds 15.0 % foreground where the source finds 5.0 %; it is more certain"));
  EXPECT_TRUE(has(page, "<bdi>enc.0.1</bdi>"));
  EXPECT_TRUE(has(page, "enc.0.1: 0.5")) << "4.0 over 8 channels";
  EXPECT_TRUE(has(page, "dec.0.1: infinite"));
  EXPECT_TRUE(has(page, "class=\"event changed\""));
  EXPECT_TRUE(has(page, "begun anew: the slices drift by 0.4")) << "in the title of the slice";
  EXPECT_TRUE(has(page, "<dt>memory</dt><dd><bdi>4.00 GiB</bdi></dd>"));
  EXPECT_TRUE(has(page, "1 min 39 s"));
  EXPECT_TRUE(has(page, "<td>segmented</td><td>30</td><td>0.11 s</td>"));
}

TEST(ReportPageTest, SaysWhatDoubtFoundAndWhatWasDone) {
  Json json = recorded_run_json(5);
  json["doubt"] = {
      {"doubtful", true},
      {"signs",
       {{{"sign", "foreground floods"}, {"value", 0.7}, {"limit", 0.3}, {"text", "70 % is foreground"}}}},
      {"on_doubt", "source"},
      {"action", "source used"}};
  json["warnings"] = {"a warning"};
  const std::string page = page_of(json);
  EXPECT_TRUE(has(page, "Adaptation is in doubt"));
  EXPECT_TRUE(has(page, "<li>70 % is foreground</li>"));
  EXPECT_TRUE(has(page, "segmented with the source&#39;s statistics") ||
              has(page, "segmented with the source's statistics"));
  EXPECT_TRUE(has(page, "<li>a warning</li>"));
  json["command"] = "adapt";
  EXPECT_FALSE(has(page_of(json), "The stack was")) << "nothing was segmented";
  EXPECT_TRUE(has(page_of(json), "The model was therefore written with the source"));
}

TEST(ReportPageTest, SaysThatOfALiveRunTheFirstSlicesWereComparedAndThoseAfterAChange) {
  Json json = recorded_run_json(5);
  EXPECT_FALSE(has(page_of(json), "The first slices were compared"));
  json["command"] = "watch";
  EXPECT_TRUE(has(page_of(json), "The first slices were compared"));
  json["events"] = {{{"z", 11}, {"event", "looked again"}, {"text", "nothing speaks against it"}}};
  EXPECT_TRUE(has(page_of(json), "No sign against the adaptation"));
  json["events"].push_back({{"z", 16}, {"event", "in doubt"}, {"text", "the foreground floods"}});
  EXPECT_FALSE(has(page_of(json), "No sign against the adaptation"));
  EXPECT_TRUE(has(page_of(json), "Adaptation is in doubt from slice 17 on"));
  EXPECT_TRUE(has(page_of(json), "the foreground floods"));
}

TEST(ReportPageTest, SaysHowTheStackWasMatched) {
  Json json = recorded_run_json(5);
  const std::string page = page_of(json);
  EXPECT_TRUE(has(page, "at the scale 0.5 (expected IoU)"));
  EXPECT_TRUE(has(page, "0.25, after measuring"));
  EXPECT_TRUE(has(page, "<td>0.61</td><td>8"));
  EXPECT_TRUE(has(page, ">Expected IoU<"));
  json["match"]["scale"] = {0.5};
  EXPECT_TRUE(has(refusal(json), "match.scale is no scale"));
  json["match"]["scale"] = {0.5, 0.75};
  json["match"]["candidates"] = Json::array();
  EXPECT_TRUE(has(page_of(json), "0.5 × 0.75 (y, x)"));
  json["match"] = nullptr;
  EXPECT_FALSE(has(page_of(json), "Matched to the model"));
}

TEST(ReportPageTest, LeavesOutWhatAnOlderReportLacksWithAWord) {
  Json json = recorded_run_json(10);
  for (const char* name : {"comparison", "doubt", "previews", "states", "events", "plan"}) json.erase(name);
  for (Json& slice : json["slices"]) {
    for (const char* name :
         {"entropy", "expected_iou", "measured", "drift_from_source", "slice_drift", "work_seconds"})
      slice.erase(name);
  }
  json["adaptation"].erase("layer_names");
  json["adaptation"].erase("layer_channels");
  const std::string page = page_of(json);
  EXPECT_TRUE(has(page, "No verdict"));
  EXPECT_TRUE(has(page, "This run compared nothing with the source"));
  EXPECT_TRUE(has(page, "no entropy of these slices"));
  EXPECT_TRUE(has(page, "<bdi>layer 1</bdi>"));
  EXPECT_EQ(times(page, "<figure class=\"chart\">"), 3U);
}

TEST(ReportPageTest, NeedsNothingButTheFormat) {
  const std::string page = page_of({{"format", "fibflow run report"}, {"format_version", 1}});
  EXPECT_GE(times(page, "class=\"missing\""), 4U);
  EXPECT_TRUE(has(page, "No slice is recorded."));
}

TEST(ReportPageTest, NoTextOfAReportBecomesMarkup) {
  const std::string evil = "</title></bdi><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\x01";
  Json json = recorded_run_json(5);
  const std::string clean = page_of(json);
  // Every text of the report, wherever it is.
  const Json flat = json.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    if (!value.is_string() || pointer == "/format" || pointer.find("/previews") == 0) continue;
    if (pointer.ends_with("/state") || pointer.ends_with("/recipe")) continue;
    json[Json::json_pointer(pointer)] = evil;
  }
  json["warnings"] = {evil};
  json["doubt"]["doubtful"] = true;
  json["doubt"]["signs"] = {{{"text", evil}}};
  json["options"][evil] = evil;
  const std::string page = page_of(json);
  EXPECT_FALSE(has(page, "<script"));
  EXPECT_FALSE(has(page, "<img src=x"));
  EXPECT_EQ(times(page, "<img"), times(clean, "<img"));
  EXPECT_EQ(times(page, "</title>"), times(clean, "</title>"));
  EXPECT_FALSE(has(page, "\x01"));
  EXPECT_TRUE(has(page,
                  "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;&lt;img src=x "
                  "onerror=alert(2)&gt;&amp;amp;\uFFFD"));
}

TEST(ReportPageTest, RefersToNothingOutside) {
  const std::string page = page_of(recorded_run_json(40));
  for (const char* what :
       {"http:", "https:", "<script", "<link", "<iframe", "@import", "url(", "javascript:"})
    EXPECT_FALSE(has(page, what)) << what;
  EXPECT_EQ(times(page, "src=\""), times(page, "src=\"data:image/png;base64,"));
  EXPECT_TRUE(has(page, "default-src 'none'"));
}

RecordedSlice slice_with(std::int64_t z, std::optional<double> foreground) {
  RecordedSlice slice;
  slice.z = z;
  slice.foreground = foreground;
  return slice;
}

/// A run of slices with this foreground.
RecordedRun run_with(const std::vector<std::optional<double>>& foreground) {
  RecordedRun run;
  for (std::size_t z = 0; z < foreground.size(); ++z)
    run.slices.add(slice_with(static_cast<std::int64_t>(z), foreground[z]));
  return run;
}

std::string foreground_chart(const RecordedRun& run) {
  const ZCurve curve{"foreground", "blue", &SlicePoint::foreground};
  return ZCharts(run).draw({"Foreground", {curve}, short_number, ""});
}

TEST(ZChartTest, DrawsEachOfFewSlices) {
  const std::string drawn = foreground_chart(run_with({0.0, 1.0, 0.5}));
  EXPECT_TRUE(has(drawn, "d=\"M166.6667,1000L500,0L833.3333,500\"")) << drawn;
  EXPECT_FALSE(has(drawn, "band"));
  EXPECT_EQ(times(drawn, "class=\"hit\""), 3U);
  EXPECT_TRUE(has(drawn, "<title>slice 2\nforeground: 0.5</title>")) << drawn;
}

TEST(ZChartTest, ThousandsOfSlicesBecomeAMeanBetweenExtremes) {
  std::vector<std::optional<double>> values(5000, 0.25);
  values[1234] = 1;
  values[1235] = 0;
  const std::string drawn = foreground_chart(run_with(values));
  EXPECT_EQ(times(drawn, "class=\"hit\""), 240U);
  EXPECT_EQ(times(drawn, "class=\"band blue\""), 1U);
  EXPECT_TRUE(has(drawn, ": 0 to 1, mean 0.27")) << "one slice in five thousand can be seen";
  EXPECT_LT(drawn.size(), 100000U);
}

TEST(ZChartTest, DrawsGapsWhereNothingWasMeasured) {
  const std::string drawn = foreground_chart(run_with({0.5, 1.0, std::nullopt, 0.5, std::nullopt}));
  EXPECT_TRUE(has(drawn, "d=\"M100,500L300,0M700,500\"")) << drawn;
  EXPECT_TRUE(has(drawn, "<path class=\"curve dots blue\" d=\"M700,500h0\""))
      << "one value alone is a dot: " << drawn;
  EXPECT_EQ(foreground_chart(run_with({std::nullopt, std::nullopt})), "");
}

TEST(ZChartTest, BetweenSampledSlicesThereIsNoGap) {
  const RecordedRun run = run_with({std::nullopt, 1.0, std::nullopt, 0.5, std::nullopt});
  ZCurve curve{"foreground", "blue", &SlicePoint::foreground, true};
  const std::string drawn = ZCharts(run).draw({"Foreground", {curve}, short_number, ""});
  EXPECT_TRUE(has(drawn, "d=\"M300,0L700,500\"")) << drawn;
  EXPECT_FALSE(has(drawn, "dots"));
}

TEST(ZChartTest, SlicesThatAreNotThereLeaveRoom) {
  RecordedRun run;
  run.slices.add(slice_with(100, 1));
  run.slices.add(slice_with(109, 1));
  const std::string drawn = foreground_chart(run);
  EXPECT_TRUE(has(drawn, "d=\"M50,0h0M950,0h0\"")) << drawn;
  EXPECT_TRUE(has(drawn, ">105</span>")) << drawn;
}

TEST(ZChartTest, AxesHaveRoundNumbers) {
  EXPECT_EQ(axis_ticks(1), (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(axis_ticks(0).size(), 2U);
  for (const double largest : {1e-7, 0.013, 0.2, 0.99, 3.0, 41.0, 5000.0}) {
    const auto ticks = axis_ticks(largest);
    EXPECT_GE(ticks.back(), largest * (1 - 1e-9));
    EXPECT_LE(ticks.size(), 6U) << largest;
    EXPECT_GE(ticks.size(), 3U) << largest;
  }
}

TEST(HtmlTest, SpeaksNumbers) {
  EXPECT_EQ(short_number(0.012345), "0.0123");
  EXPECT_EQ(short_number(1234.5), "1234");
  EXPECT_EQ(percent(0.1234), "12.3 %");
  EXPECT_EQ(percent(0.00012), "0.012 %");
  EXPECT_EQ(duration(0.00035), "0.35 ms");
  EXPECT_EQ(duration(59.2), "59.2 s");
  EXPECT_EQ(duration(200), "3 min 20 s");
  EXPECT_EQ(duration(7500), "2 h 5 min");
  EXPECT_EQ(coordinate(-0.00001), "0");
}

}  // namespace
}  // namespace fibflow::pipeline
