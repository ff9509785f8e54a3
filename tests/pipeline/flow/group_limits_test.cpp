#include "pipeline/flow/group_limits.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fixtures/temporary_folder.h"

namespace fibflow::pipeline {
namespace {

class GroupLimitsTest : public ::testing::Test {
 protected:
  void file(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name.substr(1);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text << "\n";
  }
  GroupLimits limits() { return group_limits(std::string(folder_ / "")); }

  testing::TemporaryFolder folder_;
};

TEST_F(GroupLimitsTest, WithoutGroupsThereIsNone) {
  EXPECT_FALSE(limits().memory);
  EXPECT_FALSE(limits().processors);
}

TEST_F(GroupLimitsTest, TheSmallestOfTheGroupsAroundItHolds) {
  file("/proc/self/cgroup", "0::/system.slice/slurmstepd.scope/job_7/step_0");
  file("/sys/fs/cgroup/system.slice/slurmstepd.scope/memory.max", "max");
  file("/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/memory.max", "524288000");
  file("/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/cpu.max", "150000 100000");
  file("/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_0/memory.max", "1073741824");
  file("/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_0/cpu.max", "max 100000");
  EXPECT_EQ(limits().memory, 524288000U);
  EXPECT_EQ(limits().processors, 1.5);
}

TEST_F(GroupLimitsTest, SoItIsInVersionOne) {
  file("/proc/self/cgroup",
       "11:memory:/slurm/uid_1/job_7\n4:cpu,cpuacct:/slurm/uid_1/job_7\n1:name=systemd:/x");
  file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  file("/sys/fs/cgroup/memory/slurm/uid_1/memory.limit_in_bytes", "2147483648");
  file("/sys/fs/cgroup/memory/slurm/uid_1/job_7/memory.limit_in_bytes", "9223372036854771712");
  file("/sys/fs/cgroup/cpu,cpuacct/slurm/uid_1/job_7/cpu.cfs_quota_us", "400000");
  file("/sys/fs/cgroup/cpu,cpuacct/slurm/uid_1/job_7/cpu.cfs_period_us", "100000");
  EXPECT_EQ(limits().memory, 2147483648U);
  EXPECT_EQ(limits().processors, 4);
}

TEST_F(GroupLimitsTest, AContainerSeesItsGroupAtTheTop) {
  file("/proc/self/cgroup", "0::/../../not/visible");
  file("/sys/fs/cgroup/memory.max", "1000000");
  file("/sys/fs/cgroup/memory.high", "900000");
  EXPECT_EQ(limits().memory, 900000U);
}

}  // namespace
}  // namespace fibflow::pipeline
