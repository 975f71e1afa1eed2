#!/bin/bash
# manual_test.sh BUILD_DIR: two readers of manual pages have nothing to say about ours, and it has what the program has.
set -euo pipefail
page=$1/notaus.1
fail() { echo "FAILED: $*"; exit 1; }

mandoc -T lint -W warning "$page" || fail "mandoc"
said=$(MANWIDTH=100 man --warnings -l "$page" 2>&1 >/dev/null)
[[ -z $said ]] || fail "man: $said"

# Every flag of every command's --help stands in it.
text=$(MANWIDTH=2000 man -l "$page" | sed 's/.\x08//g')
for command in stop resume status "tools approve" "mcp install" "audit list"; do
  for flag in $("$1/notaus" $command --help | grep -oE '^ +--[a-z-]+' | tr -d ' '); do
    sed -n "/^   notaus $command\$/,/^   notaus /p" <<<"$text" | grep -q -- "^ *$flag" || fail "notaus $command: no $flag"
  done
done
for section in "EXIT STATUS" ENVIRONMENT FILES; do grep -q "^$section" <<<"$text" || fail "no $section"; done

# The check can fail.
! sed 's/^\.SH FILES/.SHH FILES/' "$page" | mandoc -T lint -W warning >/dev/null || fail "mandoc lets anything pass"
