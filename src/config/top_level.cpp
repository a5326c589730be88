// SPDX-License-Identifier: Apache-2.0
#include "top_level.hpp"

#include "adapter/base/text.hpp"
#include "values.hpp"

namespace adapter::config {
namespace {

constexpr std::uint64_t max_workers = 64;
constexpr std::uint64_t max_syncs = 256;
constexpr std::uint64_t max_transfers = 1024;
constexpr std::uint64_t max_connections_per_host = 64;
constexpr std::chrono::milliseconds shortest_prune_delay{100};
constexpr std::chrono::milliseconds longest_prune_delay = std::chrono::hours(24 * 365);

constexpr std::pair<std::string_view, log::Level> levels[] = {{"debug", log::Level::debug},
                                                              {"info", log::Level::info},
                                                              {"warning", log::Level::warning},
                                                              {"error", log::Level::error}};
constexpr std::pair<std::string_view, log::Format> formats[] = {{"text", log::Format::text},
                                                                {"json", log::Format::json}};
constexpr std::pair<std::string_view, Sandbox> sandboxes[] = {
    {"auto", Sandbox::automatic}, {"require", Sandbox::require}, {"off", Sandbox::off}};

void read_log(Context& context, const Value& value, Config& config) {
  const Fields fields(context, value, Section::log);
  config.log_level = fields.choice<log::Level>("level", levels).value_or(config.log_level);
  config.log_format = fields.choice<log::Format>("format", formats);
}

void read_concurrency(Context& context, const Value& value, Concurrency& concurrency) {
  const Fields fields(context, value, Section::concurrency);
  if (const auto syncs = fields.integer("syncs", 1, max_syncs)) {
    concurrency.syncs = static_cast<std::uint32_t>(*syncs);
  }
  if (const auto transfers = fields.integer("transfers", 1, max_transfers)) {
    concurrency.transfers = static_cast<std::uint32_t>(*transfers);
  }
  if (const auto connections = fields.integer("connections_per_host", 1, max_connections_per_host)) {
    concurrency.connections_per_host = static_cast<std::uint32_t>(*connections);
  }
}

/// `true`, `false` or `{after: DURATION}`.
std::optional<std::chrono::milliseconds> read_prune(Context& context, const Fields& top) {
  const Value* value = top.find("prune");
  if (value == nullptr) {
    return std::nullopt;
  }
  if (value->node->kind != Node::Kind::mapping) {
    const std::optional<bool> on = top.boolean("prune", "true, false or {after: 1h}");
    return on.value_or(false) ? std::optional(default_prune_delay) : std::nullopt;
  }
  Fields fields(context, *value, Section::prune);
  if (!fields.require("after", "write how long a repository has been gone, for example after: 1h")) {
    return std::nullopt;
  }
  return fields.duration("after", shortest_prune_delay, longest_prune_delay);
}

/// `listen` stands at `place`, in the file or in the variable. Whoever can reach the port must show a token, unless
/// only this machine can.
void check_listen(Context& context, const std::string& listen, const Place& place, bool has_token) {
  const Result<ListenAddress> address = read_listen(listen);
  if (!address) {
    context.report.error(place, "bad-value", address.error().text());
  } else if (!has_token && !http::is_loopback_name(address->host)) {
    context.report.error(
        place, "insecure",
        "an address that is not loopback needs a token; write admin.token_file, or set ADAPTER_ADMIN_TOKEN_FILE");
  }
}

void read_admin(Context& context, const Value* value, Admin& admin) {
  bool has_token = false;
  bool listens_in_file = false;
  if (const auto file = variable(context.environment, "ADAPTER_ADMIN_TOKEN_FILE")) {
    admin.token_file = (working_directory() / *file).lexically_normal();
    has_token = true;
  }
  if (value != nullptr) {
    const Fields fields(context, *value, Section::admin);
    if (fields.has("token_file")) {
      has_token = true;
      admin.token_file = fields.named_file("token_file");
    }
    for (const Value& item : fields.list("allowed_hosts", "a list of host names")) {
      const auto text = read_text(context, item, "a host name");
      if (!text) {
        continue;
      }
      Result<std::string> host = read_host(*text);
      if (host) {
        admin.allowed_hosts.push_back(std::move(*host));
      } else {
        context.report.error(item.place(), "bad-value", host.error().text());
      }
    }
    const Value* listen = fields.find("listen");
    listens_in_file = listen != nullptr;
    const bool off = listens_in_file && listen->node->kind == Node::Kind::scalar && listen->node->text.empty();
    if (const auto text = off ? std::nullopt : fields.text("listen", "host:port, for example 127.0.0.1:8080")) {
      admin.listen = *text;
      admin.listen_is_configured = true;
      check_listen(context, *text, listen->place(), has_token);
    }
  }
  if (has_token && admin.token_file &&
      (value == nullptr || !Fields(context, *value, Section::admin).has("token_file"))) {
    context.report.name_file(Place{nullptr, {}, "ADAPTER_ADMIN_TOKEN_FILE"}, *admin.token_file,
                             NamedFile::Kind::secret);
  }
  if (listens_in_file) {
    return;
  }
  if (const auto text = variable(context.environment, "ADAPTER_ADMIN_LISTEN")) {
    admin.listen = *text;
    admin.listen_is_configured = *text != image_admin_listen;
    check_listen(context, *text, Place{nullptr, {}, "ADAPTER_ADMIN_LISTEN"}, has_token);
  }
}

}  // namespace

void read_settings_of_program(Context& context, const Fields* top, Config& config) {
  const std::optional<std::string> from_variable = variable(context.environment, "ADAPTER_DATA_DIR");
  config.data_dir = (working_directory() / from_variable.value_or("data")).lexically_normal();
  if (top == nullptr || !top->has("data_dir")) {
    const Place place{nullptr, {}, from_variable ? "ADAPTER_DATA_DIR" : "data_dir"};
    context.report.name_file(place, config.data_dir, NamedFile::Kind::directory);
  }
  const Value* admin = nullptr;
  if (top != nullptr) {
    admin = top->find("admin");
    if (auto path = top->named_file("data_dir", NamedFile::Kind::directory)) {
      config.data_dir = std::move(*path);
    }
    if (const auto workers = top->integer("workers", 1, max_workers)) {
      config.workers = static_cast<std::uint32_t>(*workers);
    }
    if (const Value* log = top->find("log")) {
      read_log(context, *log, config);
    }
    if (const Value* concurrency = top->find("concurrency")) {
      read_concurrency(context, *concurrency, config.concurrency);
    }
    config.prune = read_prune(context, *top);
    config.sandbox = top->choice<Sandbox>("sandbox", sandboxes).value_or(Sandbox::automatic);
  }
  read_admin(context, admin, config.admin);
}

}  // namespace adapter::config
