#include "pipeline/live/service/service_notify.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "pipeline/live/status/liveness.h"
#include "tests/fixtures/service_manager.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow::pipeline {
namespace {

using fibflow::testing::abstract_name;
using Manager = fibflow::testing::ServiceManager;

TEST(ServiceNotifyTest, SpeaksToAPathAndToAnAbstractSocket) {
  const fibflow::testing::TemporaryFolder folder;
  for (const std::string& address : {folder / "notify", abstract_name()}) {
    const Manager manager(address);
    ServiceNotifier notifier;
    EXPECT_TRUE(notifier.active()) << address;
    notifier.ready("follows /acquisition");
    EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=follows /acquisition") << address;
    notifier.status("slice 3");
    notifier.status("slice 3");
    notifier.status("two\nlines");
    notifier.stopping("signal 15");
    EXPECT_EQ(manager.heard(), "STATUS=slice 3");
    EXPECT_EQ(manager.heard(), "STATUS=two lines");
    EXPECT_EQ(manager.heard(), "STOPPING=1\nSTATUS=signal 15");
    EXPECT_EQ(manager.heard(), "");
  }
}

TEST(ServiceNotifyTest, TakesItsVariablesOutOfTheEnvironment) {
  const Manager manager(abstract_name());
  setenv("WATCHDOG_USEC", "30000000", 1);
  const ServiceNotifier notifier;
  EXPECT_EQ(notifier.watchdog(), std::chrono::seconds(30));
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  }
}

TEST(ServiceNotifyTest, DoesNothingWithoutAManager) {
  unsetenv("NOTIFY_SOCKET");
  setenv("WATCHDOG_USEC", "1000", 1);
  ServiceNotifier notifier;
  EXPECT_FALSE(notifier.active());
  EXPECT_EQ(notifier.watchdog().count(), 0);
  notifier.ready("");
  notifier.feed();
  notifier.tell([]() -> std::string { throw std::logic_error("nobody listens"); });
}

TEST(ServiceNotifyTest, SurvivesAManagerThatIsGoneOrNonsense) {
  for (const std::string& address :
       {std::string("/nowhere/notify"), std::string("relative"), std::string("/") + std::string(500, 'x'),
        std::string("@"), std::string("")}) {
    setenv("NOTIFY_SOCKET", address.c_str(), 1);
    setenv("WATCHDOG_USEC", "12x", 1);
    ServiceNotifier notifier;
    EXPECT_EQ(notifier.watchdog().count(), 0);
    notifier.ready("x");
    notifier.feed();
  }
}

TEST(ServiceNotifyTest, TellsAStatusNowAndThenAndOnlyIfItChanged) {
  const Manager manager(abstract_name());
  ServiceNotifier seldom(std::chrono::hours(1));
  seldom.ready("follows /acquisition");
  manager.heard();
  int asked = 0;
  for (int i = 0; i < 3; ++i) {
    seldom.tell([&] { return "slice " + std::to_string(++asked); });
  }
  EXPECT_EQ(manager.heard(), "STATUS=slice 1");
  EXPECT_EQ(manager.heard(), "");
  EXPECT_EQ(asked, 1) << "what is not sent is not made";
  setenv("NOTIFY_SOCKET", abstract_name().c_str(), 1);
  ServiceNotifier often(std::chrono::milliseconds(0));
  for (const char* line : {"a", "a", "b"}) {
    often.tell([&] { return line; });
  }
  EXPECT_EQ(manager.heard(), "STATUS=a");
  EXPECT_EQ(manager.heard(), "STATUS=b");
  EXPECT_EQ(manager.heard(), "");
}

TEST(ServiceNotifyTest, FeedsTheWatchdogAtMostEveryFourthOfItsTime) {
  const Manager manager(abstract_name());
  setenv("WATCHDOG_USEC", "3600000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  ServiceNotifier notifier;
  for (int i = 0; i < 1000; ++i) notifier.feed();
  EXPECT_EQ(manager.heard(), "WATCHDOG=1");
  EXPECT_EQ(manager.heard(), "");
}

TEST(ServiceNotifyTest, LeavesAnotherProcesssWatchdogAlone) {
  const Manager manager(abstract_name());
  setenv("WATCHDOG_USEC", "1000000", 1);
  setenv("WATCHDOG_PID", "1", 1);
  ServiceNotifier notifier;
  notifier.feed();
  EXPECT_EQ(manager.heard(), "");
}

TEST(ServiceNotifyTest, ARunThatHangsStarvesTheWatchdog) {
  const Manager manager(abstract_name());
  setenv("WATCHDOG_USEC", "4", 1);  // so short that each sign of life is passed on
  ServiceNotifier notifier;
  Liveness liveness(std::chrono::seconds(60), [&notifier] { notifier.feed(); });
  liveness.waiting("slice 0 is not there yet");
  EXPECT_EQ(manager.heard(), "WATCHDOG=1");
  usleep(1);
  const Liveness::Work work(liveness);
  EXPECT_EQ(manager.heard(), "WATCHDOG=1");
  // The segmentation hangs, while the folder goes on being looked at.
  for (int i = 0; i < 10; ++i) {
    usleep(1);
    liveness.waiting("slice 1 is not there yet");
  }
  EXPECT_EQ(manager.heard(), "");
  liveness.progress();
  EXPECT_EQ(manager.heard(), "WATCHDOG=1");
}

}  // namespace
}  // namespace fibflow::pipeline
