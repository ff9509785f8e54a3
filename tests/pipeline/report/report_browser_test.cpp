// The page of `fibflow report` in a real browser, as a file. With FIBFLOW_SCREENSHOTS=FOLDER set, its looks are kept there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "pipeline/report/page/report_page.h"
#include "tests/fixtures/browser.h"
#include "tests/fixtures/recorded_run_json.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow::pipeline {
namespace {

using fibflow::testing::Browser;
using Json = nlohmann::json;

const std::string look = R"js((() => {
  const box = element => element.getBoundingClientRect();
  const found = {charts: []};
  for (const figure of document.querySelectorAll("figure.chart")) {
    const plot = box(figure.querySelector("svg")), curve = box(figure.querySelector(".curve:not(.dots)"));
    const labels = [...figure.querySelectorAll(".plot span")].map(box);
    found.charts.push({
      width: plot.width, height: plot.height, curve_width: curve.width, curve_height: curve.height,
      stroke: getComputedStyle(figure.querySelector(".curve")).stroke,
      titles: figure.querySelectorAll("title").length,
      label_height: Math.min(...labels.map(l => l.height)),
      left: Math.min(...labels.map(l => l.left)), right: Math.max(...labels.map(l => l.right))});
  }
  found.images = document.images.length;
  found.broken = [...document.images].filter(i => !(i.naturalWidth > 0)).length;
  found.bars = [...document.querySelectorAll(".bar rect:not(.rail)")].map(r => box(r).width);
  found.loaded = performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("data:"));
  found.scripts = document.scripts.length;
  found.page_width = document.documentElement.scrollWidth;
  found.view_width = window.innerWidth;
  return found;
})())js";

struct ReportBrowserTest : ::testing::Test {
  void SetUp() override {
    if (!browser) GTEST_SKIP() << "Chromium is not installed";
    browser->set_dark(false);
  }
  static void SetUpTestSuite() {
    if (!Browser::program().empty()) browser = std::make_unique<Browser>(1280, 900);
  }
  static void TearDownTestSuite() { browser.reset(); }

  void open(const Json& report) const {
    const std::string page = report_page(parse_recorded_run(report.dump(), "run.json"));
    browser->open("file://" + folder.write("report.html", page));
    browser->wait_until("document.readyState === 'complete'");
  }
  static void keep(const std::string& name) {
    if (const char* to = std::getenv("FIBFLOW_SCREENSHOTS"))
      browser->save_screenshot(std::string(to) + "/report_" + name + ".png");
  }

  const fibflow::testing::TemporaryFolder folder;
  static inline std::unique_ptr<Browser> browser;
};

TEST_F(ReportBrowserTest, DrawsEveryChartAtAnyWidthAndLoadsNothing) {
  for (const int depth : {30, 5000}) {
    open(testing::recorded_run_json(depth));
    for (const int width : {1280, 390}) {
      browser->resize(width, 3000);
      browser->wait_until("window.innerWidth === " + std::to_string(width));
      const Json found = browser->evaluate(look);
      SCOPED_TRACE(std::to_string(depth) + " slices, " + std::to_string(width) + " pixels: " + found.dump());
      EXPECT_LE(found["page_width"], width) << "something sticks out";
      EXPECT_EQ(found["charts"].size(), 7U);
      for (const Json& chart : found["charts"]) {
        EXPECT_GT(chart["width"], width == 390 ? 200 : 350);
        EXPECT_GT(chart["height"], 100);
        EXPECT_GT(chart["curve_width"].get<double>(), 0.4 * chart["width"].get<double>());
        EXPECT_GT(chart["curve_height"].get<double>(), 0.01 * chart["height"].get<double>());
        EXPECT_NE(chart["stroke"], "none");
        EXPECT_GT(chart["label_height"], 10) << "labels can be read";
        EXPECT_GE(chart["left"], 0);
        EXPECT_LE(chart["right"], width);
        EXPECT_GE(chart["titles"], std::min(depth, 240));
      }
      EXPECT_EQ(found["images"], 15);
      EXPECT_EQ(found["broken"], 0);
      EXPECT_GE(found["bars"].size(), 9U);
      EXPECT_GT(found["bars"][0], 40);
      EXPECT_EQ(found["scripts"], 0);
      EXPECT_EQ(found["loaded"], Json::array());
      EXPECT_EQ(browser->complaints(), "");
      keep(std::to_string(depth) + "_slices_" + std::to_string(width));
    }
  }
}

TEST_F(ReportBrowserTest, ADarkScreenGetsADarkPage) {
  const std::string ground = "getComputedStyle(document.body).backgroundColor";
  open(testing::recorded_run_json(30));
  const Json light = browser->evaluate(ground);
  browser->set_dark(true);
  EXPECT_NE(browser->evaluate(ground), light);
  browser->resize(1280, 3000);
  keep("dark");
}

TEST_F(ReportBrowserTest, RunsNoScriptOfAReport) {
  Json report = testing::recorded_run_json(5);
  const std::string evil =
      "</title></bdi><script>window.ran = true</script><img src=x onerror=\"window.ran = true\">";
  report["input"]["path"] = evil;
  report["model"]["file"] = evil;
  report["warnings"] = {evil};
  open(report);
  const Json found = browser->evaluate(look);
  EXPECT_EQ(found["scripts"], 0);
  EXPECT_EQ(found["images"], 15);
  EXPECT_EQ(found["loaded"], Json::array());
  EXPECT_EQ(browser->evaluate("window.ran === undefined"), true);
  EXPECT_EQ(browser->complaints(), "");
}

}  // namespace
}  // namespace fibflow::pipeline
