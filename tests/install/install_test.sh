#!/bin/bash
# install_test.sh SOURCE_DIR BUILD_DIR: installs into an empty place; then a project that knows only that place builds and runs.
set -euo pipefail
source_dir=$1 build_dir=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

cmake --install "$build_dir" --prefix "$scratch/place" >/dev/null
for program in notaus notaus-gate; do
  [[ ! -x $build_dir/$program || -x $scratch/place/bin/$program ]] || fail "$program is built and not installed"
done
[[ -f $scratch/place/include/notaus/guard.hpp ]] || fail "no guard.hpp"
for file in man/man1/notaus.1 bash-completion/completions/notaus zsh/site-functions/_notaus fish/vendor_completions.d/notaus.fish; do
  [[ -s $scratch/place/share/$file ]] || fail "no share/$file"
done
if grep -rIE "(^|[^[:alnum:]_/.-])$source_dir/" "$scratch/place"; then fail "installed files name the place they were built in"; fi

cp -r "$source_dir/tests/install/outside" "$scratch/outside"
for example in "$source_dir"/examples/*.cc; do
  [[ ! -e $example ]] || cp "$example" "$scratch/outside"
done

for compiler in clang++-19 g++; do
  cmake -S "$scratch/outside" -B "$scratch/$compiler" -DCMAKE_PREFIX_PATH="$scratch/place" -DCMAKE_CXX_COMPILER=$compiler \
    -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Werror" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "$compiler: find_package"; }
  cmake --build "$scratch/$compiler" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "$compiler: build"; }
  mkdir -p "$scratch/empty"
  "$scratch/$compiler/no_page" "$scratch/empty" || fail "$compiler: a guard without a page must deny"
done

# The check can fail: without the installed place there is no notaus to find.
if cmake -S "$scratch/outside" -B "$scratch/nowhere" -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_PREFIX_PATH="$scratch/empty" \
  -DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF -Dnotaus_DIR="$scratch/empty" >/dev/null 2>&1; then
  fail "the outside project was built without the installed library"
fi
