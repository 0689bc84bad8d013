// SPDX-License-Identifier: BSL-1.0
/// \file
/// Catch2, of whichever major version is installed; what the two spell differently has one name here.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>

using Catch::Approx;
/// Matches a message that holds `text`: CHECK_THROWS_WITH(call(), contains("what to do")).
inline auto contains(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#else
#include <catch2/catch.hpp>

/// Matches a message that holds `text`: CHECK_THROWS_WITH(call(), contains("what to do")).
inline auto contains(const std::string& text) { return Catch::Matchers::Contains(text); }
#endif
