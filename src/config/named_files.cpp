// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/base/file.hpp"
#include "adapter/config/checks.hpp"

namespace adapter::config {
namespace {

/// What keeps this process from reading the file; empty: nothing does.
std::string fault_of(const std::filesystem::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) {
    const int failure = errno;
    const std::string text = storage_error(failure, "read", file.native()).text();
    return failure == ENOENT ? text + "; make the file, or correct the path" : text;
  }
  if (!S_ISREG(info.st_mode)) {
    try {
      static_cast<void>(read_file(file, 0));  // says what it is, without reading it
    } catch (const Error& error) {
      return error.text();
    }
  }
  if (::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) != 0) {
    return storage_error(errno, "read", file.native()).text() + "; let the user that runs adapter read it";
  }
  return {};
}

/// By the key, or the variable, that names it: password_file, secret_file[1], ADAPTER_ADMIN_TOKEN_FILE.
bool holds_a_secret(const NamedFile& named) {
  std::string_view key = named.place.key;
  key = key.substr(key.rfind('.') + 1);
  return key.find("ca_file") == std::string_view::npos && key.find("CA_FILE") == std::string_view::npos;
}

}  // namespace

std::vector<Finding> check_named_files(const std::vector<NamedFile>& files, const SecretLook& look) {
  std::vector<Finding> findings;
  for (const NamedFile& named : files) {
    std::string fault = fault_of(named.file);
    const bool readable = fault.empty();
    if (readable && holds_a_secret(named)) {
      fault = look(named.file);
    }
    if (!fault.empty()) {
      Finding finding = named.place;
      finding.rule = readable ? "odd-secret" : "unreadable-file";
      finding.message = std::move(fault);
      finding.warning = true;
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

}  // namespace adapter::config
