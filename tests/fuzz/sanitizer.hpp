// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the address sanitizer does in a fuzzer unless ASAN_OPTIONS says otherwise: an input takes microseconds, so what
/// it has freed need not be watched through millions of others, nor each allocation keep its stack. Run what was found
/// again with ASAN_OPTIONS=malloc_context_size=30 to see where its memory came from.
#pragma once

extern "C" const char* __asan_default_options() { return "quarantine_size_mb=8:malloc_context_size=0"; }
