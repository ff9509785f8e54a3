#!/usr/bin/env bash
# service_unit_test.sh UNIT: systemd has nothing to say against the unit. Exits with 77 where there is no systemd-analyze.
set -euo pipefail

if ! command -v systemd-analyze >/dev/null; then
  echo "systemd-analyze is not installed"
  exit 77
fi
# What it ignores it only tells about, and exits with 0.
said=$(systemd-analyze verify --man=no "$1" 2>&1) || { echo "$said"; exit 1; }
echo "$said"
[ -z "$said" ]
