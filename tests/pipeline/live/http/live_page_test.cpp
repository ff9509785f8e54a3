#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/live/http/live_server.h"
#include "tests/fixtures/browser.h"
#include "tests/fixtures/phantom_run.h"

// The live page in a real browser. With FIBFLOW_SCREENSHOTS=FOLDER set, each look of it is kept there.

namespace fibflow::pipeline {
namespace {

using fibflow::testing::Browser;

struct LivePageTest : ::testing::Test {
  void SetUp() override {
    if (!browser) GTEST_SKIP() << "Chromium is not installed";
    browser->resize(1280, 900);
    browser->set_dark(false);
    server.emplace(board, liveness, ListenAddress());
  }
  static void SetUpTestSuite() {
    if (!Browser::program().empty()) browser = std::make_unique<Browser>(1280, 900);
  }
  static void TearDownTestSuite() { browser.reset(); }

  void open() {
    browser->open(server->url() + "?every=0.1");
    browser->wait_until("document.getElementById('updated').textContent !== ''");
  }
  std::string text(const std::string& id) {
    return browser->evaluate("document.getElementById('" + id + "').textContent").get<std::string>();
  }
  void wait_for(const std::string& id, const std::string& text) {
    browser->wait_until("document.getElementById('" + id + "').textContent === '" + text + "'");
  }
  bool visible(const std::string& id) {
    return browser
        ->evaluate("document.getElementById('" + id + "').checkVisibility({visibilityProperty: true})")
        .get<bool>();
  }
  void keep(const std::string& name) {
    if (const char* folder = std::getenv("FIBFLOW_SCREENSHOTS")) {
      browser->save_screenshot(std::string(folder) + "/" + name + ".png");
    }
  }

  StatusBoard board;
  fibflow::testing::PhantomRun run{board, 384, 500};
  std::atomic<int> silent_seconds = 0;
  Liveness liveness{std::chrono::seconds(60), {}, [this] {
                      return Liveness::Time(std::chrono::seconds(silent_seconds.load()));
                    }};
  std::optional<LiveServer> server;
  static inline std::unique_ptr<Browser> browser;
};

TEST_F(LivePageTest, OfAnInboxItShowsTheStacks) {
  board.change([](LiveStatus& status) {
    status.state = LiveState::running;
    InboxStatus& inbox = status.inbox.emplace();
    inbox.stack = "cell 3.tif";
    inbox.slices = 480;
    inbox.slices_done = 120;
    inbox.done = 1;
    inbox.failed = 1;
    inbox.waiting = 2;
    inbox.note({"cell 1.tif", "done", "cell 1", ""});
    inbox.note({"<b>cell 2</b>.tif", "failed", "", "cell 2.tif: page 2: it is truncated"});
  });
  run.add_slices(120);
  open();
  wait_for("at-work", "cell 3.tif: 120 of 480 slices");
  EXPECT_EQ(text("stack-counts"), "1 done, 2 waiting, 1 failed");
  EXPECT_TRUE(visible("stacks"));
  EXPECT_FALSE(visible("newest"));
  EXPECT_NEAR(browser->evaluate("document.getElementById('progress').value").get<double>(), 0.25, 1e-9);
  const std::string list = text("stack-list");
  EXPECT_NE(list.find("<b>cell 2</b>.tif: cell 2.tif: page 2"), std::string::npos) << list;
  EXPECT_NE(list.find("cell 1/report.html"), std::string::npos) << list;
  keep("inbox");
  browser->set_dark(true);
  keep("inbox-dark");
  board.change([](LiveStatus& status) { status.inbox->stack.clear(); });
  wait_for("at-work", "None is at work.");
  EXPECT_FALSE(visible("progress"));
}

TEST_F(LivePageTest, ShowsARunFromItsStartWithoutBeingLoadedAgain) {
  open();
  EXPECT_EQ(text("state-name"), "starting");
  EXPECT_TRUE(visible("no-slice"));
  EXPECT_NE(text("foreground-chart").find("nothing measured yet"), std::string::npos);
  keep("starting");
  browser->evaluate("window.stillTheSamePage = true");

  run.add_slices(500);
  run.enter(LiveState::running);
  wait_for("state-name", "running");
  wait_for("processed", "500");
  wait_for("newest-title", "Newest slice: 499");
  for (const char* chart : {"foreground", "drift", "entropy", "latency"}) {
    const std::string path =
        "document.querySelector('#" + std::string(chart) + "-chart .curve').getAttribute('d')";
    browser->wait_until(path + ".split('L').length === 500");
    const std::string label =
        browser->evaluate("document.querySelector('#" + std::string(chart) +
                          "-chart svg').ariaLabel ||"
                          "document.querySelector('#" +
                          std::string(chart) + "-chart svg').getAttribute('aria-label')");
    EXPECT_NE(label.find("over slices 0 to 499"), std::string::npos) << label;
  }
  browser->wait_until("document.getElementById('image').naturalWidth === 384");
  browser->wait_until("document.getElementById('mask').naturalWidth === 384");
  EXPECT_FALSE(visible("no-slice"));
  keep("running");

  run.add_slice();
  wait_for("processed", "501");
  wait_for("newest-title", "Newest slice: 500");
  EXPECT_EQ(browser->evaluate("window.stillTheSamePage"), true);
  EXPECT_EQ(browser->complaints(), "");
}

TEST_F(LivePageTest, TheMaskCanBeHiddenAndFaded) {
  run.add_slices(3);
  open();
  wait_for("newest-title", "Newest slice: 2");
  EXPECT_TRUE(visible("mask"));
  browser->evaluate("document.getElementById('show-mask').click()");
  EXPECT_FALSE(visible("mask"));
  EXPECT_TRUE(visible("image"));
  run.add_slice();
  wait_for("newest-title", "Newest slice: 3");
  EXPECT_FALSE(visible("mask")) << "a new slice brought it back";
  browser->evaluate("document.getElementById('show-mask').click()");
  browser->evaluate(
      "{ const o = document.getElementById('opacity'); o.value = 30; o.dispatchEvent(new Event('input')); }");
  EXPECT_EQ(browser->evaluate("getComputedStyle(document.getElementById('mask')).opacity"), "0.3");
}

TEST_F(LivePageTest, SaysWhatIsInTheWay) {
  run.add_slices(40);
  run.enter(LiveState::paused, "no room on /segmented");
  board.change([](LiveStatus& status) {
    status.counts.skipped = 2;
    status.warnings.add("slice 7 did not come within 10 min: skipped <b>&amp;");
    status.warnings.add("the latency is above the interval of the acquisition");
    status.warnings.add("the latency is above the interval of the acquisition");
  });
  open();
  EXPECT_EQ(text("state-name"), "paused");
  EXPECT_EQ(text("reason"), "no room on /segmented");
  wait_for("warned", "3 warnings");
  EXPECT_EQ(text("counts"), "40 seen, 2 skipped");
  const std::string list = text("warning-list");
  EXPECT_NE(list.find("interval of the acquisition (2 times)"), std::string::npos) << list;
  EXPECT_NE(list.find("skipped <b>&amp;"), std::string::npos) << "a text was taken for HTML: " << list;
  keep("paused");
  silent_seconds = 3600;
  wait_for("state-name", "no progress");
  keep("no_progress");
}

TEST_F(LivePageTest, SaysThatTheDaemonIsLostAndFindsItAgain) {
  run.add_slices(5);
  run.enter(LiveState::running);
  open();
  wait_for("newest-title", "Newest slice: 4");
  const ListenAddress address = server->address();
  server.reset();
  browser->wait_until("!document.getElementById('lost').hidden");
  EXPECT_NE(text("lost").find("connection to the daemon is lost"), std::string::npos);
  EXPECT_FALSE(visible("state")) << "the last state is shown as if it were the present one";
  keep("lost");
  server.emplace(board, liveness, address);
  browser->wait_until("document.getElementById('lost').hidden");
  EXPECT_EQ(text("state-name"), "running");
}

TEST_F(LivePageTest, FitsPhonesAndScreensInTheirLight) {
  run.add_slices(30);
  run.enter(LiveState::waiting, "slice 30 is not there yet");
  for (const bool dark : {false, true}) {
    browser->set_dark(dark);
    for (const auto& [width, height] : {std::pair(360, 780), std::pair(820, 1180), std::pair(1920, 1080)}) {
      browser->resize(width, height);
      open();
      wait_for("newest-title", "Newest slice: 29");
      browser->wait_until("document.querySelectorAll('.curve').length === 4");
      EXPECT_LE(browser->evaluate("document.documentElement.scrollWidth").get<int>(), width);
      EXPECT_EQ(
          browser->evaluate("[...document.querySelectorAll('.card')].filter((card) => card.scrollWidth > "
                            "card.clientWidth + 1).map((card) => card.textContent).join()"),
          "")
          << "text is cut off at " << width;
      keep(std::string(dark ? "dark_" : "light_") + std::to_string(width));
    }
    const auto lightness =
        browser->evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
            .get<int>();
    EXPECT_EQ(lightness < 128, dark);
  }
}

TEST_F(LivePageTest, TextStandsOutFromItsGround) {
  run.add_slices(5);
  board.change([](LiveStatus& status) { status.warnings.add("something"); });
  // The contrast of WCAG 2, of everything that has text of its own.
  const std::string lowest = R"js((() => {
    const rgb = (color) => color.match(/[\d.]+/g).map(Number);
    const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
    const ground = (e) => { for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    } return [255, 255, 255]; };
    let worst = { contrast: 99, text: "" };
    for (const e of document.body.querySelectorAll("*")) {
      const own = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim() !== "");
      if (!own || !e.checkVisibility() || e.closest("script, noscript")) continue;
      const style = getComputedStyle(e);
      const [a, b] = [light(rgb(e instanceof SVGElement ? style.fill : style.color)), light(ground(e))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (contrast < worst.contrast) worst = { contrast, text: e.textContent };
    }
    return worst;
  })())js";
  for (const bool dark : {false, true}) {
    browser->set_dark(dark);
    open();
    wait_for("warned", "1 warning");
    browser->wait_until("document.querySelectorAll('.curve').length === 4");
    const auto worst = browser->evaluate(lowest);
    EXPECT_GE(worst["contrast"].get<double>(), 4.5) << worst.dump() << (dark ? " dark" : " light");
  }
}

}  // namespace
}  // namespace fibflow::pipeline
