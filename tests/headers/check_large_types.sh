#!/usr/bin/env bash
# Fails when large types cost the compiler more than small ones: large_types.cpp must pass with little memory and time.
# check_large_types.sh <compiler> <flag>...
set -euo pipefail
ulimit -v 2500000  # KiB; the same unit with small types takes about a fifth
ulimit -t 60       # seconds of CPU
export CCACHE_DISABLE=1
exec "$1" -std=c++20 -fsyntax-only "${@:2}" "$(dirname "$0")/large_types.cpp"
