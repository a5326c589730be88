// SPDX-License-Identifier: Apache-2.0
#include <asio/io_context.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/async/task_scope.hpp"
#include "adapter/async/workers.hpp"
#include "adapter/auth/credentials.hpp"
#include "adapter/base/text.hpp"
#include "adapter/log/log.hpp"
#include "adapter/net/http_client.hpp"
#include "adapter/transport/remote.hpp"
#include "asked_refs.hpp"
#include "commands.hpp"
#include "load.hpp"
#include "process/process.hpp"
#include "version.hpp"

namespace adapter::app {
namespace {

/// What the configuration, where there is one, says about this URL.
struct Settings {
  std::vector<config::Credential> credentials;
  transport::RemoteOptions remote;
};

/// A repository that has exactly this URL decides; else the credential with the longest prefix that has a CA file.
Settings settings_for(const http::Url& url, const std::optional<config::Config>& config) {
  Settings settings;
  settings.remote.agent = std::string("adapter/") + version;
  if (!config) {
    if (const auto ca_file = config::variable(config::process_environment(), "ADAPTER_CA_FILE")) {
      settings.remote.ca_file = *ca_file;
    }
    return settings;
  }
  settings.credentials = config->credentials;
  settings.remote.ca_file = config->ca_file;
  std::size_t longest = 0;
  for (const config::Credential& credential : config->credentials) {
    if (credential.ca_file && url.is_below(credential.url) && credential.url.path().size() >= longest) {
      settings.remote.ca_file = credential.ca_file;
      longest = credential.url.path().size();
    }
  }
  for (const config::Repository& repository : config->repositories) {
    if (repository.url == url) {
      settings.remote.ca_file = repository.ca_file;
      settings.remote.allow_insecure = repository.allow_insecure;
      settings.remote.allow_loopback = repository.allow_loopback;
      settings.remote.limits = repository.limits;
    }
  }
  return settings;
}

/// What a remote says, which may repeat the credential that it was sent.
std::string printable(std::string_view text) {
  return escape(log::redacted(text));
}

void print(const wire::Capabilities& capabilities, const std::vector<wire::Ref>& refs) {
  std::printf("# protocol version %d\n", capabilities.version);
  for (const std::string& line : capabilities.lines) {
    std::printf("# %s\n", printable(line).c_str());
  }
  for (const wire::Ref& ref : refs) {
    if (ref.id.is_zero()) {
      std::printf("# %s is unborn: %s has no commit yet\n", printable(ref.name).c_str(),
                  printable(ref.symref_target).c_str());
      continue;
    }
    const std::string target = ref.symref_target.empty() ? std::string() : "\t-> " + printable(ref.symref_target);
    std::printf("%s\t%s%s\n", ref.id.to_hex().c_str(), printable(ref.name).c_str(), target.c_str());
    if (ref.peeled) {
      std::printf("%s\t%s^{}\n", ref.peeled->to_hex().c_str(), printable(ref.name).c_str());
    }
  }
}

asio::awaitable<void> list(transport::Remote& remote, std::vector<std::string> prefixes, std::optional<Error>& failure,
                           std::vector<wire::Ref>& refs) {
  try {
    refs = co_await remote.ls_refs(std::move(prefixes), wire::all_refs);
  } catch (const Error& error) {
    failure = error;
  }
}

}  // namespace

int ls_remote_command(const Options& options) {
  configure_logging(options, nullptr);
  const Result<http::Url> url = http::Url::parse(options.url);
  if (!url) {
    std::fprintf(stderr, "adapter: %s\n", url.error().text().c_str());
    return exit_usage;
  }
  const Result<config::Choice> choice = config::choose(options.config_file, config::process_environment());
  if (!choice) {
    std::fprintf(stderr, "adapter: %s\n", choice.error().text().c_str());
    return exit_usage;
  }
  std::optional<config::Config> config;
  if (choice->source != config::Source::none) {
    config::Loaded loaded = load_choice(*choice);
    if (!loaded.config) {
      print_findings(loaded.findings);
      return exit_usage;
    }
    config = std::move(loaded.config);
  }
  Settings settings = settings_for(*url, config);
  asio::io_context loop(1);
  async::Workers workers(1, async::Workers::OneLane{});
  const auto client = net::make_http_client(loop.get_executor(), workers, net::ClientOptions());
  auth::Credentials credentials(workers, std::move(settings.credentials), config::process_environment());
  const auto remote = transport::make_remote(*client, credentials, *url, std::move(settings.remote));
  std::optional<Error> failure;
  std::vector<wire::Ref> refs;
  async::TaskScope scope(loop.get_executor());
  scope.spawn("ls-remote",
              [](transport::Remote& from, std::vector<std::string> prefixes, net::HttpClient& connections,
                 std::optional<Error>& failed, std::vector<wire::Ref>& listed) -> asio::awaitable<void> {
                co_await list(from, std::move(prefixes), failed, listed);
                connections.close();
              }(*remote, prefixes_for(options.refs), *client, failure, refs));
  loop.run();
  if (failure) {
    std::fprintf(stderr, "adapter: %s\n", failure->text().c_str());
    return exit_failed;
  }
  print(remote->capabilities().value_or(wire::Capabilities()), refs);
  const std::vector<std::string> absent = describe_absent(options.refs, refs);
  for (const std::string& sentence : absent) {
    std::fprintf(stderr, "adapter: %s\n", sentence.c_str());
  }
  return absent.empty() ? exit_ok : exit_failed;
}

}  // namespace adapter::app
