#!/bin/bash
# tests/run.sh PART…: runs parts of the tests, all of them even if one fails, and ends with what failed, how, and the sum in the words of ctest.
set -uo pipefail
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}
total=0 failed=0 bad=() reports=()

part() {  # part NAME PRESET LABELS
  local xml=build/$2/$1.xml
  rm -f "$xml"
  reports+=("$xml")
  echo "== $1 (build/$2)"
  ctest --test-dir "build/$2" -L "$3" -j "$jobs" --output-on-failure --no-tests=error --output-junit "$PWD/$xml" --timeout "${4:-120}" || bad+=("$1")
  local tests failures
  tests=$(grep -om1 'tests="[0-9]*"' "$xml" 2>/dev/null | tr -dc 0-9)
  failures=$(grep -om1 'failures="[0-9]*"' "$xml" 2>/dev/null | tr -dc 0-9)
  total=$((total + ${tests:-0})) failed=$((failed + ${failures:-0}))
}

for name in "$@"; do
  case $name in
    check) part check dev '^(unit|check)$' ;;
    long) part long dev '^test$' 900 ;;
    asan) ASAN_OPTIONS=detect_stack_use_after_return=1 part asan asan '^unit$' 300 ;;
    tsan) TSAN_OPTIONS=halt_on_error=1:die_after_fork=0 part tsan tsan '^(unit|races)$' 300 ;;
    soak) part soak dev '^soak$' 36000 ;;
    *) echo "tests/run.sh: no part '$name'; there are check, long, asan, tsan, soak" >&2; exit 2 ;;
  esac
done

echo
# At the end, and briefly: of a long log on another machine often only the end is kept.
[[ ${#bad[@]} -gt 0 ]] && echo "failed: ${bad[*]}" && python3 tests/failures.py "${reports[@]}"
# A part that could not run at all has no count, and still fails the whole.
[[ ${#bad[@]} -gt 0 && $failed -eq 0 ]] && failed=${#bad[@]}
echo "$((total > 0 ? (total - failed) * 100 / total : 0))% tests passed, $failed tests failed out of $total"
[[ ${#bad[@]} -eq 0 && $total -gt 0 ]]
