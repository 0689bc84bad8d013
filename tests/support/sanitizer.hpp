// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a test has to know of the sanitizer that it may be compiled with.
#pragma once

// g++ tells by macros, clang by __has_feature.
#if defined(__SANITIZE_ADDRESS__)
#define TEST_ASAN true
#define TEST_TSAN false
#elif defined(__SANITIZE_THREAD__)
#define TEST_ASAN false
#define TEST_TSAN true
#elif defined(__has_feature)
#define TEST_ASAN __has_feature(address_sanitizer)
#define TEST_TSAN __has_feature(thread_sanitizer)
#else
#define TEST_ASAN false
#define TEST_TSAN false
#endif

/// Whether ThreadSanitizer runs a thread of its own beside ours: then each fork warns of threads.
inline constexpr bool sanitizer_has_thread = TEST_TSAN;
/// Whether a sanitizer stops the program when it finds no free descriptor for itself.
inline constexpr bool sanitizer_needs_descriptors = TEST_ASAN;
/// Whether a sanitizer maps terabytes for itself, and so ends the program when address space is short.
inline constexpr bool sanitizer_needs_address_space = TEST_ASAN;
