#!/bin/bash
# compiler_test.sh CASE SOURCE_DIR: what we know about compilers, kept true. Cases: coroutines, refusal, headers.
set -euo pipefail
source_dir=$2
here=$source_dir/tests/compiler
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

coroutines() {  # our compiler must be right; what g++ does is written down, and that it is still wrong is why it is refused
  for level in -O0 -O2; do
    clang++-19 -std=c++20 $level "$here/coroutine_repro.cc" -o "$scratch/clang"
    "$scratch/clang" || fail "clang++-19 $level destroys a closure twice"
    g++ -std=c++20 $level "$here/coroutine_repro.cc" -o "$scratch/gcc"
    if said=$("$scratch/gcc"); then
      echo "g++ $(g++ -dumpfullversion) $level is right: $said. CMakeLists.txt may let it in."
    else
      echo "g++ $(g++ -dumpfullversion) $level is wrong, as known of 12.2: $said"
    fi
  done
}

refusal() {
  if cmake -S "$source_dir" -B "$scratch/build" -DCMAKE_CXX_COMPILER=g++ >"$scratch/out" 2>&1; then fail "g++ was let in"; fi
  tr -s ' \n' ' ' <"$scratch/out" | grep -q "Notaus builds with clang++-19 or newer (found GNU " ||
    { cat "$scratch/out"; fail "g++ was refused for another reason"; }
}

headers() {  # customers compile these with their own compiler, as strictly as they like
  local strict=(-std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only -I"$source_dir/include")
  for compiler in g++ clang++-19; do
    for header in "$source_dir"/include/notaus/*.hpp; do
      echo "#include <notaus/$(basename "$header")>" >"$scratch/alone.cc"
      $compiler "${strict[@]}" "$scratch/alone.cc" || fail "$compiler: $(basename "$header") does not stand alone"
    done
    $compiler "${strict[@]}" "$here/customer.cc" || fail "$compiler: customer.cc"
    if $compiler "${strict[@]}" -DNO_ANSWER_TAKEN "$here/customer.cc" 2>/dev/null; then
      fail "$compiler: admit() without a look at its answer compiles, so these checks check nothing"
    fi
  done
}

"$1"
