// SPDX-License-Identifier: Apache-2.0
#include "redirect_credential.hpp"

#include <string>

namespace adapter::transport {

std::optional<Error> redirect_credential_error(const auth::Credentials& credentials, const http::Url& asked,
                                               const http::Url& target) {
  const std::optional<http::Url> own = credentials.prefix_for(asked);
  const std::optional<http::Url> selected = credentials.prefix_for(target);
  if (!selected || selected == own) {
    return std::nullopt;
  }
  const std::string instead = own ? "instead of the one for " + own->display() : "instead of none";
  return Error(ErrorClass::policy, asked.display() + " redirected to " + target.display() +
                                       ", which would use the credential for " + selected->display() + " " + instead +
                                       " and is not followed; if that is where the repository lives now, write it as "
                                       "its url");
}

}  // namespace adapter::transport
