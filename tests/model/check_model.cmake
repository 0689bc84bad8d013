# Explores a model completely: cmake -D MODEL=<file> -D DEFINES=<-D...> -D EXPECT=holds|fails -D SCRATCH=<dir> -D SPIN=<spin>
# -D COMPILER=<a C compiler> -P check_model.cmake. A model that fails shows its shortest found trace in words.

get_filename_component(folder ${MODEL} DIRECTORY)
get_filename_component(name ${MODEL} NAME)
separate_arguments(DEFINES)
file(REMOVE_RECURSE ${SCRATCH})
file(GLOB models ${folder}/*.pml)
file(COPY ${models} DESTINATION ${SCRATCH})  # spin writes beside its input

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${SCRATCH} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command} ended with ${result}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${SPIN} -a ${DEFINES} ${name})
# SAFETY: no cycles are looked for. COLLAPSE: states are stored in parts, without loss. MEMLIM: in MB.
run(${COMPILER} -w -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=1000 -o pan pan.c)
run(${SCRATCH}/pan -m2000000)  # so deep

if(NOT output MATCHES "errors: ([0-9]+)")
  message(FATAL_ERROR "the checker has reported no result:\n${output}")
endif()
set(errors ${CMAKE_MATCH_1})
if(errors EQUAL 0)
  if(output MATCHES "max search depth too small|not completed|out of memory|hash-table is full|truncated")
    message(FATAL_ERROR "the search was not complete:\n${output}")
  endif()
  set(result holds)
else()
  if(NOT output MATCHES "pan:1: (invalid end state|assertion violated)")
    message(FATAL_ERROR "the search ended for another reason than a wrong state:\n${output}")
  endif()
  set(result fails)
endif()

string(REGEX MATCH "[0-9.e+]+ states, stored" states "${output}")
message(STATUS "${name} ${DEFINES}: ${result}, ${states}")
if(NOT result STREQUAL EXPECT)
  if(result STREQUAL fails)
    run(${SPIN} -t ${DEFINES} ${name})
  endif()
  message(FATAL_ERROR "${name} ${DEFINES} ${result}, but it should be that it ${EXPECT}:\n${output}")
endif()
