// SPDX-License-Identifier: Apache-2.0
#include "quarantine.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <ctime>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "adapter/base/stop.hpp"
#include "adapter/base/units.hpp"
#include "adapter/log/log.hpp"
#include "large_objects.hpp"
#include "pack_format.hpp"
#include "pack_headers.hpp"

namespace adapter::store {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t slice_bytes = 64 * kib;
constexpr std::size_t scan_bytes = 256 * kib;
constexpr std::uint64_t entry_overhead_bytes = 64;

std::chrono::nanoseconds cpu_time_of_this_thread() noexcept {
  struct timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

constexpr mode_t private_folder = 0700;
/// Written through a second descriptor until it is complete, which others than root may only while it is writable.
constexpr unsigned unfinished_file_mode = 0600;
constexpr mode_t pack_file_mode = 0444;

}  // namespace

Limits without_limits() noexcept {
  Limits none;
  none.max_pack_bytes = UINT64_MAX;
  none.max_objects = UINT32_MAX;
  none.max_object_bytes = UINT64_MAX;
  none.max_paths = UINT64_MAX;
  none.max_tree_bytes = UINT64_MAX;
  none.max_depth = UINT64_MAX;
  return none;
}

Progress ProgressCounts::snapshot() const noexcept {
  Progress progress;
  progress.received_bytes = received_bytes_.load(std::memory_order_relaxed);
  progress.received_objects = received_objects_.load(std::memory_order_relaxed);
  progress.total_objects = total_objects_.load(std::memory_order_relaxed);
  progress.indexed_deltas = indexed_deltas_.load(std::memory_order_relaxed);
  progress.total_deltas = total_deltas_.load(std::memory_order_relaxed);
  return progress;
}

void ProgressCounts::record(const git_indexer_progress& stats) noexcept {
  received_bytes_.store(stats.received_bytes, std::memory_order_relaxed);
  received_objects_.store(stats.received_objects, std::memory_order_relaxed);
  total_objects_.store(stats.total_objects, std::memory_order_relaxed);
  indexed_deltas_.store(stats.indexed_deltas, std::memory_order_relaxed);
  total_deltas_.store(stats.total_deltas, std::memory_order_relaxed);
}

Quarantine::Quarantine(const Layout& layout, const Limits& limits, std::shared_ptr<ProgressCounts> counts, bool thin)
    : layout_(layout),
      limits_(limits),
      name_(unique_name("")),
      folder_(layout.incoming / name_),
      scan_(limits.max_object_bytes, limits.max_tree_bytes),
      counts_(std::move(counts)),
      thin_(thin) {}

Quarantine::Quarantine(const Layout& layout)
    : Quarantine(layout, without_limits(), std::make_shared<ProgressCounts>(), false) {}

Quarantine::~Quarantine() {
  indexer_.reset();
  bases_.reset();
  if (!started_) {
    return;
  }
  try {
    const UniqueFd incoming = open_directory(layout_.incoming);
    remove_tree_at(incoming.get(), name_);
  } catch (const Error& error) {
    log::warning("quarantine_left", "a transfer's files could not be removed; the next start removes them",
                 {{"folder", layout_.incoming.native()}, {"reason", error.text()}});
  }
}

int Quarantine::on_progress(const git_indexer_progress* stats, void* payload) noexcept {
  auto* self = static_cast<Quarantine*>(payload);
  self->counts_->record(*stats);
  if (self->resolving_budget_.count() > 0 &&
      cpu_time_of_this_thread() - self->resolving_since_ > self->resolving_budget_) {
    self->over_budget_ = true;
    return GIT_EUSER;
  }
  if (self->permit_ != nullptr) {
    try {
      self->permit_->give_way(*self->stop_);  // the library has freed the last delta's result
    } catch (...) {
      return GIT_EUSER;
    }
  }
  return self->stop_ != nullptr && self->stop_->stop_requested() ? GIT_EUSER : 0;
}

void Quarantine::start() {
  const UniqueFd incoming = open_directory(layout_.incoming);
  // The folder's own name is random: in an error it would say nothing, and make each one look like a new failure.
  if (mkdirat(incoming.get(), name_.c_str(), private_folder) != 0) {
    throw storage_error(errno, "make a folder in", layout_.incoming.native());
  }
  started_ = true;
  const UniqueFd folder = open_directory_at(incoming.get(), name_);
  ensure_directory_at(folder.get(), "pack", private_folder);
  if (thin_) {
    const std::array<std::filesystem::path, 1> kept{layout_.objects};
    try {
      bases_ = std::make_unique<ObjectDatabase>(kept);
    } catch (const Error& error) {
      // Without bases a thin pack fails when it is kept, which is where stored damage is dealt with.
      if (error.error_class() != ErrorClass::corrupt) {
        throw;
      }
    }
  }
  git_indexer_options options{};
  git_indexer_options_init(&options, GIT_INDEXER_OPTIONS_VERSION);
  options.progress_cb = &Quarantine::on_progress;
  options.progress_cb_payload = this;
  options.verify = 0;  // it would refuse a shallow pack; the walk afterwards is ours
  git_indexer* indexer = nullptr;
  const std::string path = pack_folder().string();
  git_odb* bases = bases_ ? bases_->handle() : nullptr;
  if (const int code = git_indexer_new(&indexer, path.c_str(), unfinished_file_mode, bases, &options); code < 0) {
    throw git::failure(code, "cannot start to index a pack");
  }
  indexer_.reset(indexer);
  open_pack();
}

/// The file that the indexer has just made: without it nothing is reserved and nothing is scanned.
void Quarantine::open_pack() {
  std::error_code error;
  const std::filesystem::directory_iterator made(pack_folder(), error);
  if (error || made == std::filesystem::directory_iterator()) {
    throw storage_error(error ? error.value() : ENOENT, "list a folder in", layout_.incoming.native());
  }
  pack_fd_ = UniqueFd(open(made->path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!pack_fd_) {
    throw storage_error(errno, "open a pack in", layout_.incoming.native());
  }
}

void Quarantine::read_header(std::string_view bytes) {
  header_.append(bytes.substr(0, pack_header_bytes - header_.size()));
  if (header_.size() < pack_header_bytes) {
    return;
  }
  if (!header_.starts_with("PACK") || big_endian(header_, 4) != 2) {
    throw Error(ErrorClass::corrupt, "the transfer is not a pack of version 2");
  }
  object_count_ = big_endian(header_, 8);
  if (object_count_ > limits_.max_objects) {
    throw Error(ErrorClass::limit, "the pack announces " + std::to_string(object_count_) + " objects, more than " +
                                       std::to_string(limits_.max_objects) + " (limits.max_objects)");
  }
}

/// The indexer grows its file by one byte at the end and writes the rest through a mapping: on a full disk that is a
/// SIGBUS and not an error. Blocks are taken here first, where it is one.
void Quarantine::reserve_space(std::uint64_t bytes) {
  if (!pack_fd_) {
    return;
  }
  const std::uint64_t from = received_bytes_ / page_bytes * page_bytes;
  const std::uint64_t length = received_bytes_ - from + bytes + page_bytes;
  int code = 0;
  do {
    code = fallocate(pack_fd_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from), static_cast<off_t>(length));
  } while (code != 0 && errno == EINTR);
  if (code != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
    throw storage_error(errno, "reserve space for a pack in", layout_.incoming.native());
  }
}

void Quarantine::check_call(int code, std::string_view what, const std::stop_token& stop) {
  if (code >= 0) {
    return;
  }
  failed_ = true;
  throw_if_stopped(stop, "indexing the pack");
  throw git::failure(code, what);
}

void Quarantine::append(std::string_view bytes, const std::stop_token& stop) {
  if (failed_) {
    throw Error(ErrorClass::corrupt, "the transfer failed before");
  }
  throw_if_stopped(stop, "indexing the pack");
  if (received_bytes_ + bytes.size() > limits_.max_pack_bytes) {
    failed_ = true;
    throw Error(ErrorClass::limit,
                "the pack has more than " + format_size(limits_.max_pack_bytes) + " (limits.max_pack_bytes)");
  }
  failed_ = true;  // until this call has succeeded
  if (header_.size() < pack_header_bytes) {
    read_header(bytes);
  }
  if (!indexer_) {
    start();
  }
  while (!bytes.empty()) {
    append_slice(bytes.substr(0, slice_bytes), stop);
    bytes.remove_prefix(std::min(slice_bytes, bytes.size()));
  }
  failed_ = false;
}

void Quarantine::append_slice(std::string_view bytes, const std::stop_token& stop) {
  reserve_space(bytes.size());
  stop_ = &stop;
  const int code = git_indexer_append(indexer_.get(), bytes.data(), bytes.size(), &stats_);
  stop_ = nullptr;
  check_call(code, "cannot index the pack", stop);
  received_bytes_ += bytes.size();
  stats_.received_bytes = received_bytes_;  // the library leaves this one to its own transports
  counts_->record(stats_);
  scan_received(stop);
}

/// Looks at what was received since the last look, from the file, where the indexer has put it.
void Quarantine::scan_received(const std::stop_token& stop) {
  std::string bytes(scan_bytes, '\0');
  while (pack_fd_ && scan_.consumed_bytes() < received_bytes_) {
    if (stop.stop_requested()) {
      throw Error(ErrorClass::cancelled, "indexing the pack was cancelled");
    }
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(scan_bytes, received_bytes_ - scan_.consumed_bytes()));
    const ssize_t count = pread(pack_fd_.get(), bytes.data(), size, static_cast<off_t>(scan_.consumed_bytes()));
    if (count <= 0) {
      throw storage_error(count < 0 ? errno : EIO, "read back a pack in", folder_.native());
    }
    if (const auto error = scan_.feed(std::string_view(bytes).substr(0, static_cast<std::size_t>(count)))) {
      throw Error(*error);
    }
  }
}

/// A thin pack is completed with the bases it lacks, through the same mapping as all else.
void Quarantine::reserve_for_bases(const std::stop_token& stop) {
  std::unordered_set<ObjectId> bases(scan_.named_bases().begin(), scan_.named_bases().end());
  std::uint64_t bytes = 0;
  std::size_t steps = 0;
  for (const ObjectId& id : bases) {
    look_at_stop(stop, steps++, "indexing the pack");
    if (const auto header = bases_->header(id)) {
      bases_->require(id);
      bytes += compressBound(static_cast<uLong>(header->size_bytes)) + entry_overhead_bytes;
    }
  }
  if (bytes > limits_.max_pack_bytes) {
    throw Error(ErrorClass::limit, "the bases that the pack's deltas need have more than " +
                                       format_size(limits_.max_pack_bytes) + " (limits.max_pack_bytes)");
  }
  takes_kept_bases_ = bytes > 0;
  if (takes_kept_bases_) {
    reserve_space(bytes);
  }
}

/// Refuses a pack whose deltas unfold beyond all measure; gives resolving them its time.
void Quarantine::begin_budget() {
  const PackCost cost{received_bytes_, object_count_, scan_.unfolded_bytes(), scan_.large_unfolded_bytes()};
  if (const auto refusal = unfolding_refusal(cost, limits_)) {
    throw Error(*refusal);
  }
  resolving_budget_ = resolving_time(budget_, cost, limits_);
  resolving_since_ = cpu_time_of_this_thread();
}

void Quarantine::complete(const std::stop_token& stop) {
  if (thin_) {
    begin_budget();
  }
  // libgit2 holds a delta, its base and its result. The CPU time that it may take for all deltas is bounded below.
  std::optional<LargeObjectPermit> permit;
  if (scan_.largest_delta_bytes() >= large_object_bytes) {
    permit.emplace(stop);
  }
  stop_ = &stop;
  permit_ = permit.has_value() ? &*permit : nullptr;
  const int code = git_indexer_commit(indexer_.get(), &stats_);
  permit_ = nullptr;
  stop_ = nullptr;
  permit.reset();
  if (over_budget_) {
    const double seconds = std::chrono::duration<double>(resolving_budget_).count();
    Error error(ErrorClass::limit, "resolving the deltas of the pack (" + format_size(received_bytes_) +
                                       ") takes more than " + std::to_string(std::llround(seconds)) +
                                       " seconds of CPU time; fewer versions of large files need less (depth: 1)");
    error.set_retryable(takes_kept_bases_);
    throw Error(error);
  }
  check_call(code, "cannot complete the pack", stop);
  counts_->record(stats_);
}

std::optional<std::string> Quarantine::finish(const std::stop_token& stop) {
  if (failed_) {
    throw Error(ErrorClass::corrupt, "the transfer failed before");
  }
  if (received_bytes_ == 0) {
    return std::nullopt;
  }
  failed_ = true;
  if (header_.size() < pack_header_bytes) {
    throw Error(ErrorClass::corrupt, "the pack ends within its header");
  }
  if (object_count_ == 0) {
    if (received_bytes_ != pack_header_bytes + ObjectId::size_bytes) {
      throw Error(ErrorClass::corrupt, "the pack announces no objects and has some");
    }
    indexer_.reset();
    return std::nullopt;
  }
  if (bases_ && !list_packs(layout_.packs).empty()) {
    reserve_for_bases(stop);
  }
  complete(stop);
  struct stat info{};
  if (pack_fd_ && (fstat(pack_fd_.get(), &info) != 0 || ftruncate(pack_fd_.get(), info.st_size) != 0 ||
                   fchmod(pack_fd_.get(), pack_file_mode) != 0)) {
    throw storage_error(errno, "finish a pack in", folder_.native());  // reserved past the end
  }
  std::string stem = "pack-" + std::string(git_indexer_name(indexer_.get()));
  indexer_.reset();
  bases_.reset();
  pack_fd_.reset();
  if (thin_) {
    check_delta_chains(pack_folder(), stem, stop);
  }
  return stem;
}

}  // namespace adapter::store
