// SPDX-License-Identifier: Apache-2.0
#include "client/admin_target.hpp"

#include <algorithm>
#include <utility>

#include "adapter/base/text.hpp"

namespace adapter::app {
namespace {

/// What the configuration says.
struct Configured {
  config::Admin admin;
  std::optional<std::filesystem::path> ca_file;
  std::string trouble;  ///< why it says nothing; empty: it can be read
  bool bad = false;     ///< a daemon that runs goes on with the configuration before
};

Result<Configured> read_configuration(const Options& options, const config::Environment& environment) {
  Configured configured;
  if (const auto ca_file = config::variable(environment, "ADAPTER_CA_FILE")) {
    configured.ca_file = *ca_file;
  }
  const std::string default_listen = config::variable(environment, "ADAPTER_ADMIN_LISTEN").value_or("");
  const Result<config::Choice> choice = config::choose(options.config_file, environment);
  if (!choice) {
    if (options.config_file || options.admin_url.empty()) {
      return Error(
          ErrorClass::config,
          choice.error().text() +
              (options.admin_url.empty() ? "; without it, --admin URL names the port of a daemon that runs" : ""));
    }
    configured.trouble = choice.error().text();
    return configured;
  }
  if (choice->source == config::Source::none) {
    configured.admin.listen = default_listen;
    if (const auto token_file = config::variable(environment, "ADAPTER_ADMIN_TOKEN_FILE")) {
      configured.admin.token_file = *token_file;
    }
    configured.trouble = "there is no configuration";
    return configured;
  }
  const config::Loaded loaded = choice->source == config::Source::environment
                                    ? config::load_environment(environment)
                                    : config::load_file(choice->file, environment);
  configured.admin = loaded.admin;
  if (loaded.config) {
    configured.ca_file = loaded.config->ca_file ? loaded.config->ca_file : configured.ca_file;
  } else {
    if (configured.admin.listen.empty()) {
      configured.admin.listen = default_listen;
    }
    if (const auto token_file = config::variable(environment, "ADAPTER_ADMIN_TOKEN_FILE");
        token_file && !configured.admin.token_file) {
      configured.admin.token_file = *token_file;
    }
    const auto first = std::ranges::find(loaded.findings, false, &config::Finding::warning);
    configured.bad = true;
    configured.trouble = "the configuration is bad: " + config::to_text(*first);
  }
  return configured;
}

std::string why_not(const Configured& configured, std::string_view key) {
  return configured.trouble.empty() ? "the configuration has no " + std::string(key) : configured.trouble;
}

/// Nobody can be reached at a wildcard; whoever listens there listens on loopback too.
Result<http::Url> without_wildcard(const http::Url& url) {
  const std::string& host = url.origin().host;
  const std::string_view loopback = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "[::1]" : "";
  if (loopback.empty()) {
    return url;
  }
  return http::Url::parse(url.origin().scheme + "://" + std::string(loopback) + ":" +
                          std::to_string(url.origin().port) + url.path());
}

Result<http::Url> url_of_option(const std::string& text) {
  if (text.find("://") == std::string::npos) {
    // Not quoted: a password may be part of it.
    return Error(ErrorClass::config,
                 "--admin takes a URL; write http:// or https:// before host and port, for example "
                 "http://127.0.0.1:8080/");
  }
  Result<http::Url> url = http::Url::parse(text);
  if (!url) {
    return std::move(url.error()).with_context("--admin takes a URL such as http://127.0.0.1:8080/");
  }
  if (!url->query().empty()) {
    return Error(ErrorClass::config, "--admin: the URL of an admin port has no query");
  }
  return without_wildcard(*url);
}

/// Nothing when the token may go there.
std::optional<Error> refuse_plain_http(const http::Url& url, const std::string& file, bool from_configuration) {
  if (url.origin().scheme == "https" || http::is_loopback_name(url.origin().host)) {
    return std::nullopt;
  }
  return Error(ErrorClass::config,
               "the token in " + escape(file) + " is not sent to " + url.origin().to_string() +
                   ": without TLS everybody on the way could read it; " +
                   (from_configuration ? "let admin.listen be loopback or 0.0.0.0 (in IPv6 [::]), which is asked "
                                         "on loopback from the daemon's machine, or ask over https:// with --admin"
                                       : "ask over https://, or on loopback from the machine (the pod) that the "
                                         "daemon is on"));
}

std::optional<Error> take_token(AdminTarget& target, const Options& options, const Configured& configured) {
  const bool named = options.admin_token_file.has_value();
  const auto& file = named ? options.admin_token_file : configured.admin.token_file;
  if (!file) {
    target.no_token = why_not(configured, "admin.token_file");
    return std::nullopt;
  }
  auth::SecretReader reader(config::SecretSource{config::SecretSource::Kind::file, file->native()});
  const Result<bool> read = reader.refresh();
  if (!read) {
    target.no_token = read.error().text();
    return named ? std::optional(Error(read.error()).with_context("--admin-token-file")) : std::nullopt;
  }
  if (auto refused = refuse_plain_http(target.url, file->native(), target.from_configuration)) {
    target.no_token = refused->text();
    return refused;
  }
  target.token = std::move(reader);
  target.token_file = file->native();
  return std::nullopt;
}

}  // namespace

Result<http::Url> url_of_listen(std::string_view listen) {
  if (listen.ends_with(":0")) {
    return Error(ErrorClass::config,
                 "admin.listen leaves the choice of the port to the system; name the one that the daemon's log gives "
                 "(admin_listening) with --admin http://HOST:PORT");
  }
  Result<http::Url> url = http::Url::parse("http://" + std::string(listen) + "/");
  if (!url) {
    return std::move(url.error()).with_context("admin.listen");
  }
  return without_wildcard(*url);
}

Result<AdminTarget> find_admin(const Options& options, const config::Environment& environment, TokenUse use) {
  const Result<Configured> configured = read_configuration(options, environment);
  if (!configured) {
    return configured.error();
  }
  if (options.admin_url.empty() && configured->admin.listen.empty()) {
    const std::string why = why_not(*configured, "admin.listen");
    return Error(ErrorClass::config,
                 configured->bad
                     ? "it is not known where the daemon's admin port is: " + why +
                           "; a daemon that runs goes on with the configuration before: ask it with --admin URL, or "
                           "correct the file"
                     : "it is not known where the daemon's admin port is: name it with --admin URL, or set "
                       "admin.listen (" +
                           why + ")");
  }
  Result<http::Url> url =
      options.admin_url.empty() ? url_of_listen(configured->admin.listen) : url_of_option(options.admin_url);
  if (!url) {
    return std::move(url.error());
  }
  AdminTarget target(std::move(*url));
  target.from_configuration = options.admin_url.empty();
  target.ca_file = configured->ca_file;
  auto refused = take_token(target, options, *configured);
  if (refused && use == TokenUse::wanted) {
    return std::move(*refused);
  }
  return target;
}

}  // namespace adapter::app
