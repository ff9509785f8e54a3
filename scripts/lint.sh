#!/usr/bin/env bash
# Looks at the code without running it: clang-format, clang-tidy, clang's warnings as errors.
#
#   scripts/lint.sh           format of all files; clang-tidy over the libraries and the program; clang's warnings over the rest
#   scripts/lint.sh --all     clang-tidy over tests, benchmarks and fuzzers, too
#   scripts/lint.sh --fix     formats the files
#   scripts/lint.sh FILE...   clang-tidy over these
#
# Needs a configured release build (scripts/build.sh): how files are compiled is taken from there.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-dependencies.sh --checks

code() { git ls-files "$@" | while read -r file; do [ -f "$file" ] && echo "$file"; done; }
parallel() { xargs -P "$(nproc)" -n 1 "$@"; }
tidy=(clang-tidy -p build/release --quiet --warnings-as-errors='*')

case "${1:-}" in
  --fix)
    code '*.h' '*.cpp' | xargs clang-format -i
    exit 0 ;;
  '' | --all) ;;
  *)
    printf '%s\n' "$@" | parallel "${tidy[@]}"
    exit 0 ;;
esac

[ -f build/release/compile_commands.json ] || cmake --preset release >/dev/null
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {   # run WHAT COMMAND...: quiet unless it fails
  local what=$1 begin=$SECONDS
  shift
  "$@" >"$log" 2>&1 || { grep -v 'warnings generated\.$' "$log" | head -200; echo "$what: not clean"; exit 1; }
  echo "$what: clean ($((SECONDS - begin)) s)"
}
format() { code '*.h' '*.cpp' | xargs clang-format --dry-run -Werror; }
libraries() { code 'io/*.cpp' 'model/*.cpp' 'nodes/*.cpp' 'pipeline/*.cpp' 'examples/*.cpp' | parallel "${tidy[@]}"; }
rest() { code 'tests/*.cpp' ':!tests/fuzz' | parallel "${tidy[@]}" "$@"; }

run "clang-format" format
run "clang-tidy" libraries
if [ "${1:-}" = "--all" ]; then
  run "clang-tidy over the tests" rest
else
  run "clang's warnings over the tests" rest --checks='-*,clang-diagnostic-*,modernize-use-override,modernize-use-nullptr'
fi
