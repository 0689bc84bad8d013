#!/usr/bin/env bash
# Fails when a chapter header, or the umbrella, costs its includer more than its budget, in seconds of CPU in user mode (the
# clock on the wall would measure the machine's other work too), at each of five attempts:
# check_compile_time.sh <compiler> <include directory> <seconds a chapter> <seconds the umbrella> <flag>...
# They are seconds of a machine that compiles the whole standard library in one: where other work takes a part of the
# processor's speed, or it is slower, that unit, compiled beside the header, says by how much.
#
# context.hpp makes all that the library makes, so it includes every chapter, as the umbrella does.
set -euo pipefail
compiler=$1 include=$2 chapter_budget=$3 umbrella_budget=$4
flags=("${@:5}")
export CCACHE_DISABLE=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
TIMEFORMAT=%U

cpu_seconds() {  # cpu_seconds <header>
  printf '#include <%s>\n' "$1" > "$scratch/unit.cpp"
  { time "$compiler" -std=c++20 -O0 -I "$include" "${flags[@]}" -c "$scratch/unit.cpp" -o "$scratch/unit.o" \
    2> "$scratch/errors"; } 2>&1 || { cat "$scratch/errors" >&2; echo "$1 does not compile" >&2; return 1; }
}

check() {  # check <header> <budget>
  local seconds standard attempt
  for attempt in 1 2 3 4 5; do
    seconds=$(cpu_seconds "$1")
    awk -v a="$seconds" -v b="$2" 'BEGIN { exit !(a <= b) }' && { echo "$1: $seconds s of $2"; return 0; }
    standard=$(cpu_seconds bits/stdc++.h)
    awk -v a="$seconds" -v b="$2" -v c="$standard" 'BEGIN { exit !(c > 1 && a <= b * c) }' &&
      { echo "$1: $seconds s of $2, where the standard library takes $standard s"; return 0; }
    echo "$1: $seconds s, over its budget of $2; the standard library takes $standard s"
  done
  return 1
}

failed=0
cd "$include"
for header in multiprocessing/*.hpp; do
  case $header in
    multiprocessing/context.hpp) budget=$umbrella_budget ;;
    *) budget=$chapter_budget ;;
  esac
  check "$header" "$budget" || failed=1
done
check multiprocessing.hpp "$umbrella_budget" || failed=1
exit "$failed"
