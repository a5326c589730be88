// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace adapter::admin {

/// The status page: one HTML document in UTF-8 with its script and its style inside. It asks for nothing but the API,
/// by addresses relative to its own. Made from the files beside this one when the program is built.
[[nodiscard]] std::string_view page_html() noexcept;

/// The Content-Security-Policy that page_html() must be served with: it names the document's script and style by their
/// SHA-256, so that nothing else runs in it, whatever a remote managed to have shown.
[[nodiscard]] std::string_view page_content_security_policy() noexcept;

}  // namespace adapter::admin
