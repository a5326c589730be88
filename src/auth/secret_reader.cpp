// SPDX-License-Identifier: Apache-2.0
#include "adapter/auth/secret_reader.hpp"

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
#include "secret_oddity.hpp"

namespace adapter::auth {
namespace {

constexpr std::uint64_t max_secret_bytes = 64ULL * 1024;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

Error auth_error(const std::string& text) {
  return Error(ErrorClass::auth, text);
}

std::string name_of(const config::SecretSource& source) {
  const bool is_file = source.kind == config::SecretSource::Kind::file;
  return (is_file ? "secret file " : "environment variable ") + escape(source.where);
}

/// The same for ever for a source that is not a file.
Result<FileVersion> version_of(const config::SecretSource& source, const FileVersion& before) {
  if (source.kind == config::SecretSource::Kind::environment) {
    return FileVersion();
  }
  FileVersion version = FileVersion::of(source.where, before);
  if (!version.stamp()) {
    return auth_error(storage_error(errno, "read", source.where).text());
  }
  return version;
}

Result<Secret> read_bytes(const config::SecretSource& source, const config::Environment& environment) {
  if (source.kind == config::SecretSource::Kind::environment) {
    std::optional<std::string> value = environment(source.where);
    if (!value) {
      return auth_error(name_of(source) + " is not set");
    }
    return Secret(std::move(*value));
  }
  try {
    return Secret(read_file(source.where, max_secret_bytes));
  } catch (const Error& error) {
    return auth_error(error.text());
  }
}

/// The secret itself: what people's editors put behind it is dropped, what could change a request is refused.
Result<Secret> read_secret(const config::SecretSource& source, const config::Environment& environment) {
  Result<Secret> raw = read_bytes(source, environment);
  if (!raw) {
    return raw;
  }
  std::string_view bytes = raw->reveal();
  if (bytes.starts_with(byte_order_mark)) {
    bytes.remove_prefix(byte_order_mark.size());
  }
  if (bytes.ends_with('\n')) {
    bytes.remove_suffix(1);
    if (bytes.ends_with('\r')) {
      bytes.remove_suffix(1);
    }
  }
  if (bytes.empty()) {
    return auth_error(name_of(source) + " is empty");
  }
  if (bytes.size() > max_secret_bytes) {
    return auth_error(name_of(source) + " is larger than " + std::to_string(max_secret_bytes) + " bytes");
  }
  if (bytes.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    return auth_error(name_of(source) + " holds a line break or a NUL inside; it must be one line");
  }
  return Secret(bytes);
}

}  // namespace

config::ContentFault examine_secret(const config::SecretSource& source, const config::Environment& environment) {
  const Result<Secret> secret = read_secret(source, environment);
  if (!secret) {
    return {secret.error().text(), true};
  }
  const std::string oddity = describe_oddity(secret->reveal());
  return {oddity.empty() ? oddity : name_of(source) + " " + oddity + "; it is used as it is", false};
}

SecretReader::SecretReader(config::SecretSource source, config::Environment environment)
    : source_(std::move(source)), environment_(std::move(environment)) {}

Result<bool> SecretReader::refresh() {
  // The version is taken before the bytes are read: the next look notices a change in between.
  Result<FileVersion> version = version_of(source_, version_);
  if (!version) {
    value_ = Secret();
    return version.error();
  }
  const bool is_read = !value_.empty() && version_ == *version;
  version_ = *version;
  if (is_read) {
    return false;
  }
  value_ = Secret();
  Result<Secret> secret = read_secret(source_, environment_);
  if (!secret) {
    return secret.error();
  }
  redaction_ = log::Redaction(*secret);
  const std::string oddity = describe_oddity(secret->reveal());
  if (!oddity.empty()) {
    log::warning("secret_odd", name_of(source_) + " " + oddity + "; it is used as it is", {{"secret", source_.where}});
  }
  value_ = std::move(*secret);
  return true;
}

}  // namespace adapter::auth
