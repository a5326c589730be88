// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace adapter::crypto {

/// Throws an Error of class config unless `done`: this OpenSSL does not compute `algorithm`, with the first reason in
/// the thread's error queue, which is empty afterwards.
void require(bool done, std::string_view algorithm);

}  // namespace adapter::crypto
