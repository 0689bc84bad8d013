# Runs one fuzzer over its corpus: cmake -D PROGRAM=... -D NAME=... -D CORPUS=... -P run_fuzzer.cmake
# What it finds stays in the folder where it runs: inputs that reach new code in found_<name>/, the one that failed beside it.
cmake_minimum_required(VERSION 3.24)

set(runs 20000)
if(DEFINED ENV{MULTIPROCESSING_FUZZ_RUNS})
  set(runs $ENV{MULTIPROCESSING_FUZZ_RUNS})
endif()
file(MAKE_DIRECTORY found_${NAME})
# The bookkeeping of entropic=1 takes longer than the inputs. One second an input holds on a machine that has nothing else to do.
set(timeout 10)
if(runs GREATER 1000000)
  set(timeout 1)
endif()
execute_process(COMMAND ${PROGRAM} -runs=${runs} -max_len=4096 -timeout=${timeout} -rss_limit_mb=256 -entropic=0 -print_final_stats=1
  -artifact_prefix=${NAME}- found_${NAME} ${CORPUS} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${NAME} failed on the input that is named above")
endif()
