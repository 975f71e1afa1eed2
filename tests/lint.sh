#!/bin/bash
# tests/lint.sh [COMMIT]: clang-format and clang-tidy, as errors, over all C++ or over what differs from COMMIT.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ $# -gt 0 ]]; then
  list() { { git diff --name-only --diff-filter=d "$1" -- "${@:2}"; git ls-files -o --exclude-standard -- "${@:2}"; } | sort -u; }
  since=$1
else
  list() { git ls-files -co --exclude-standard -- "${@:2}"; }
  since=
fi
good=true
list "$since" '*.cc' '*.h' '*.hpp' | xargs -r clang-format-19 --dry-run --Werror || good=false
list "$since" 'src/*.cc' | xargs -r -P "$(nproc)" -n 4 clang-tidy-19 -p build/dev --quiet --warnings-as-errors='*' \
  2> >(grep -v 'warnings generated' >&2) || good=false
$good
