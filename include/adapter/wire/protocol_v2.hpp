// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/base/error.hpp"
#include "adapter/base/limits.hpp"
#include "adapter/base/object_id.hpp"
#include "adapter/wire/pkt_line.hpp"

namespace adapter::wire {

/// What a server said it can do (the answer to GET info/refs with Git-Protocol: version=2).
struct Capabilities {
  int version = 0;    ///< 2, or 0/1 for a server that does not speak v2
  std::string agent;  ///< at most 1 KiB; escaped by whoever prints it
  bool ls_refs_unborn = false;
  bool fetch_shallow = false;
  bool fetch_filter = false;
  bool fetch_wait_for_done = false;
  bool fetch_sideband_all = false;
  std::string object_format = "sha1";
  std::vector<std::string> lines;  ///< as advertised, for `ls-remote`; the first 64, at most 1 KiB of each

  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

/// Reads the capability advertisement, packet by packet, with or without the "# service=git-upload-pack" preamble.
/// An object format other than sha1 is an error of class protocol that says so; so is a v2 answer without ls-refs and
/// fetch. A server that answers in v0 or v1 is done after its first line of refs; packets taken after that are ignored.
class CapabilitiesParser {
public:
  [[nodiscard]] std::optional<Error> take(const Pkt& pkt);
  [[nodiscard]] bool done() const noexcept { return done_; }
  [[nodiscard]] const Capabilities& result() const noexcept { return result_; }

private:
  [[nodiscard]] std::optional<Error> take_first_line(std::string_view line);
  [[nodiscard]] std::optional<Error> take_capability(std::string_view line);
  [[nodiscard]] std::optional<Error> finish();

  Capabilities result_;
  bool preamble_ = false;
  bool preamble_ended_ = false;
  bool version_1_ = false;
  bool version_seen_ = false;
  bool has_ls_refs_ = false;
  bool has_fetch_ = false;
  bool done_ = false;
};

struct Ref {
  std::string name;                ///< "HEAD", "refs/heads/main"
  ObjectId id;                     ///< zero for an unborn HEAD
  std::optional<ObjectId> peeled;  ///< of an annotated tag: the object it finally points at
  std::string symref_target;       ///< of HEAD: "refs/heads/main"; else empty

  friend bool operator==(const Ref&, const Ref&) = default;
};

/// An ls-refs request: capabilities, `peel`, `symrefs`, `unborn` where known, one `ref-prefix` each.
[[nodiscard]] std::string ls_refs_request(const Capabilities& capabilities, const std::vector<std::string>& prefixes,
                                          std::string_view agent);

inline constexpr std::size_t all_refs = std::numeric_limits<std::size_t>::max();

/// Reads the answer, and keeps only refs that were asked for: those below a prefix that ends in "/", else the one of
/// exactly that name. Servers may ignore the narrowing, and a prefix brings its neighbours ("main-2"). A kept ref with
/// a name git does not allow, a malformed line and a name listed twice are errors of class protocol, more than max_refs
/// one of class limit. No prefixes: all are kept. Of the refs that were asked for only the first `most_kept` are kept;
/// the others are checked and counted, and a name listed twice is not noticed among them.
class LsRefsParser {
public:
  LsRefsParser(std::vector<std::string> prefixes, const Limits& limits, std::size_t most_kept = all_refs);
  [[nodiscard]] std::optional<Error> take(const Pkt& pkt);
  [[nodiscard]] bool done() const noexcept { return done_; }
  [[nodiscard]] const std::vector<Ref>& refs() const noexcept { return refs_; }
  [[nodiscard]] std::vector<Ref> take_refs() && { return std::move(refs_); }

private:
  [[nodiscard]] std::optional<Error> take_ref(std::string_view line);
  [[nodiscard]] std::optional<Error> finish();

  std::vector<std::string> prefixes_;
  std::uint64_t max_refs_;
  std::size_t most_kept_;
  std::uint64_t count_ = 0;  ///< of refs that were asked for
  std::vector<Ref> refs_;
  bool done_ = false;
};

/// git-check-ref-format(1)'s rules for a full name (one slash at least), and "HEAD".
[[nodiscard]] bool is_valid_ref_name(std::string_view name) noexcept;

struct FetchArguments {
  std::vector<ObjectId> wants;
  std::vector<ObjectId> haves;    ///< tips we hold complete
  std::vector<ObjectId> shallow;  ///< our present boundary
  std::uint32_t depth = 0;        ///< 0: no `deepen`
};

/// A fetch request that is complete in one round: always `done`, with `thin-pack`, `ofs-delta`; never bundle-uri or
/// packfile-uris. `shallow` and `depth` are left out when the server does not know them: the answer is the whole
/// history. Precondition: at least one want.
[[nodiscard]] std::string fetch_request(const Capabilities& capabilities, const FetchArguments& arguments,
                                        std::string_view agent);

/// Reads the answer to such a request: (acknowledgments) (shallow-info) packfile. An ERR packet, a side-band 3 message
/// and sections in a wrong order are errors; the server's words are escaped and cut to max_sideband_line_bytes.
class FetchParser {
public:
  struct Event {
    enum class Kind : std::uint8_t { none, pack, progress } kind = Kind::none;
    std::string_view bytes;  ///< views the packet; of progress at most max_sideband_line_bytes, not escaped
  };
  [[nodiscard]] Result<Event> take(const Pkt& pkt);
  [[nodiscard]] bool done() const noexcept { return section_ == Section::done; }
  [[nodiscard]] const std::vector<ObjectId>& shallow() const noexcept { return shallow_; }
  [[nodiscard]] const std::vector<ObjectId>& unshallow() const noexcept { return unshallow_; }

private:
  // In the order of the protocol; sections that were not asked for (wanted-refs, packfile-uris) are errors.
  enum class Section : std::uint8_t { start, between, acknowledgments, shallow_info, packfile, done };

  [[nodiscard]] std::optional<Error> end_section(PktKind kind);
  [[nodiscard]] std::optional<Error> take_line(std::string_view line);
  [[nodiscard]] std::optional<Error> begin_section(std::string_view line);
  [[nodiscard]] std::optional<Error> take_acknowledgment(std::string_view line);
  [[nodiscard]] std::optional<Error> take_boundary(std::string_view line);
  [[nodiscard]] Result<Event> take_pack(const Pkt& pkt);

  Section section_ = Section::start;
  Section last_section_ = Section::start;
  bool pack_seen_ = false;
  std::vector<ObjectId> shallow_;
  std::vector<ObjectId> unshallow_;
};

/// The error a server's "ERR …" or side-band 3 text stands for: class not_found for the forms that say so ("not our
/// ref", "repository not found"), else protocol. The words are escaped and cut to max_sideband_line_bytes.
[[nodiscard]] Error server_error(std::string_view message);

}  // namespace adapter::wire
