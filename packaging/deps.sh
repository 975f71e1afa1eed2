#!/bin/bash
# packaging/deps.sh GROUP…: installs the Debian 12 packages that building, testing, measuring or formatting Notaus needs.
#
# With all of them there it does nothing: no network, no root. Otherwise apt-get as root or through sudo; where there is neither,
# it prints the line to run and fails.
set -euo pipefail

build="clang-19 lld-19 ccache cmake ninja-build pkg-config libfmt-dev libcli11-dev libyaml-cpp-dev libsimdjson-dev nlohmann-json3-dev
       libboost1.81-dev libboost-json1.81-dev libsqlite3-dev libb2-dev libssl-dev libkainjow-mustache-dev"
test="libgtest-dev libclang-rt-19-dev g++ python3 strace spin e2fsprogs mount python3-venv nginx-light caddy slowhttptest openssl chromium zsh fish man-db mandoc
      golang-golang-x-mod-dev libgoogle-gson-java python3-jsonschema"
bench="libbenchmark-dev redis-server libhiredis-dev gnuplot-nox python3 python3-venv wrk haproxy nginx-light"
fmt="clang-format-19 clang-tidy-19 python3"

# A Go or Java from elsewhere is as good, too; the libraries are Debian's.
go_is_here() { command -v go >/dev/null; }
java_is_here() { command -v javac >/dev/null; }

# A Node.js from elsewhere is as good as Debian's, which has npm in a package of its own.
node_is_here() {
  command -v npm >/dev/null && node --eval 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' 2>/dev/null
}

wanted=()
for group in "$@"; do
  case $group in
    build) wanted+=($build) ;;
    test) wanted+=($test); node_is_here || wanted+=(nodejs npm); go_is_here || wanted+=(golang-go); java_is_here || wanted+=(default-jdk-headless) ;;
    bench) wanted+=($bench); node_is_here || wanted+=(nodejs npm) ;;
    fmt) wanted+=($fmt) ;;
    *) echo "deps.sh: no group '$group'; there are build, test, bench, fmt" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "deps.sh: not a Debian. Install the like of these, then run make with NO_DEPS=1: ${wanted[*]}" >&2
  exit 1
fi

here=" $(dpkg-query --show --showformat '${db:Status-Status}=${Package} ' "${wanted[@]}" 2>/dev/null || true)"
missing=()
for package in "${wanted[@]}"; do
  [[ $here == *" installed=$package "* ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if [[ $(id -u) -eq 0 ]]; then
  root=()
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
  root=(sudo)
else
  echo "Packages are missing, and there is neither root nor sudo to install them. Have someone run:" >&2
  echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }  # a machine that has just booted may be upgrading
install() { apt install --yes --no-install-recommends "${missing[@]}" >/dev/null; }

echo "Installing ${missing[*]}"
if apt-cache show "${missing[@]}" >/dev/null 2>&1; then
  install || { apt update && install; }  # the lists may be older than the mirror
else
  apt update && install
fi
