#!/usr/bin/env bash
# Hurts fibflow in all the ways that its tests know, and prints how often: kills at random moments and at chosen changes of
# the file system, syncs that fail and lose what was written, states that were crafted, a simulated acquisition that is killed
# while it is followed.
#
#   scripts/test-faults.sh [--kills N] [--seed N]    kills in each test (default 300), and what is drawn by chance
set -euo pipefail
cd "$(dirname "$0")/.."
kills=300
seed=1
while [ $# -gt 0 ]; do
  case $1 in
    --kills) kills=$2; shift 2 ;;
    --seed) seed=$2; shift 2 ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 64 ;;
  esac
done

scripts/install-dependencies.sh --tests
scripts/build.sh release killed_segment_tests watching_tests cli_tests resume_tests fibflow_cli
results=build/release/faults
rm -rf "$results"
mkdir -p "$results"
export FIBFLOW_KILLS=$kills FIBFLOW_FAILING_SYNCS=$kills FIBFLOW_SEED=$seed FIBFLOW_CRAFTED=0

failed=0
run() {
  local name=$1 filter=$2
  build/release/tests/"$name" --gtest_filter="$filter" --gtest_output="json:$results/$(basename "$name").json" \
    >"$results/$(basename "$name").log" 2>&1 || { failed=1; grep -A5 -E 'Failure|FAILED' "$results/$(basename "$name").log" | head -40; }
}
run system/killed_segment_tests '*Killed*:*Interrupted*'
run system/watching_tests '*Killed*:*Sync*:*Trial*'
run pipeline/cli_tests 'ResumeCommandTest.Killed*'
run pipeline/resume_tests 'Crafted*'

python3 - "$results"/*.json <<'TABLE'
import json, sys
print(f'{"test":78} {"tried":>6} {"failed":>6}')
total = bad = 0
for path in sys.argv[1:]:
    for suite in json.load(open(path))["testsuites"]:
        for test in suite["testsuite"]:
            faults, wrong = int(test.get("faults", 0)), len(test.get("failures", []))
            if test["status"] != "RUN" or not (faults or wrong):
                continue
            total, bad = total + faults, bad + (1 if wrong else 0)
            name = f'{suite["name"].split("/")[-1]}.{test["name"].split("/")[0]}'
            if test.get("value_param", "{}") != "{}":
                name = name[:40] + "... " + test["value_param"]
            print(f"{name[:78]:78} {faults:6} {1 if wrong else 0:6}")
print(f'{"all":78} {total:6} {bad:6}')
TABLE
exit "$failed"
