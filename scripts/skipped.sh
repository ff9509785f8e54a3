#!/usr/bin/env bash
# Says which tests did not run, and why: scripts/skipped.sh RESULTS (JUnit, as ctest writes it)
# Fails if too many of them need recorded data, which is not part of the project: those see nothing where it is not.
set -euo pipefail
most_with_recorded_data=35

awk -v most="$most_with_recorded_data" '
  BEGIN { RS = "</testcase>" }
  /<skipped/ {
    match($0, /name="[^"]*"/)
    name = substr($0, RSTART + 6, RLENGTH - 7)
    reason = "says no reason"
    lines = split($0, line, "\n")
    for (i = 2; i <= lines; ++i) {   # behind "FILE:LINE: Skipped"
      if (line[i - 1] ~ /: Skipped$/) { reason = line[i]; break }
    }
    if (reason ~ /^recorded data is not here/) ++recorded
    else print "not run: " name ": " reason
  }
  END {
    if (recorded > 0) print "not run: " recorded " tests that need recorded data, of at most " most
    if (recorded > most) { print "too many tests need recorded data"; exit 1 }
  }' "$1"
