#!/usr/bin/env bash
# Fails when a chapter header, or the umbrella, costs its includer more than its budget, in seconds of CPU in user mode (the
# clock on the wall would measure the machine's other work too), the best of three:
# check_compile_time.sh <compiler> <include directory> <seconds a chapter> <seconds the umbrella> <flag>...
set -euo pipefail
compiler=$1 include=$2 chapter_budget=$3 umbrella_budget=$4
flags=("${@:5}")
export CCACHE_DISABLE=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
TIMEFORMAT=%U

check() {  # check <header> <budget>
  local best=999 seconds attempt
  printf '#include <%s>\n' "$1" > "$scratch/unit.cpp"
  for attempt in 1 2 3; do
    seconds=$({ time "$compiler" -std=c++20 -O0 -I "$include" "${flags[@]}" -c "$scratch/unit.cpp" -o "$scratch/unit.o" \
      2> "$scratch/errors"; } 2>&1) || { cat "$scratch/errors"; echo "$1 does not compile"; exit 1; }
    best=$(awk -v a="$best" -v b="$seconds" 'BEGIN { print a < b ? a : b }')
    awk -v a="$best" -v b="$2" 'BEGIN { exit !(a <= b) }' && { echo "$1: $best s of $2"; return 0; }
  done
  echo "$1: $best s, over its budget of $2"
  return 1
}

failed=0
cd "$include"
for header in multiprocessing/*.hpp; do
  check "$header" "$chapter_budget" || failed=1
done
check multiprocessing.hpp "$umbrella_budget" || failed=1
exit "$failed"
