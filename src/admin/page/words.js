// SPDX-License-Identifier: Apache-2.0
// Words: ages, sizes, states. Nothing here touches the document.

const HEALTHS = ["stale", "pending", "empty", "failing", "ok", "suspended"];
const HEALTH_WORDS = {
  ok: "Ok",
  failing: "Failing",
  stale: "Stale",
  pending: "Pending",
  empty: "Empty",
  suspended: "Suspended",
};
const HEALTH_MEANS = {
  ok: "the last check succeeded",
  failing: "the last attempt failed; what is published is still fresh",
  stale: "no successful check for longer than allowed",
  pending: "nothing is published yet",
  empty: "the remote has no commit",
  suspended: "suspended by the configuration",
};
const BUSY = new Set(["recovering", "checking", "queued", "fetching", "publishing"]);
const PHASE_WORDS = {
  recovering: "starting",
  checking: "checking",
  queued: "queued",
  fetching: "fetching",
  publishing: "publishing",
  suspended: "suspended",
  stopped: "stopped",
};

// Refs and error texts come from strangers: what would turn or hide the words around it is shown as its number.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function visible(text) {
  return String(text).replace(UNSEEN, (each) => "\\u{" + each.charCodeAt(0).toString(16) + "}");
}

// Two digits of one unit say enough and change seldom.
function span(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return seconds + " s";
  if (seconds < 120 * 60) return Math.floor(seconds / 60) + " min";
  if (seconds < 48 * 3600) return Math.floor(seconds / 3600) + " h";
  return Math.floor(seconds / 86400) + " d";
}

function moment(time) {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

function clock(time) {
  return new Date(time).toLocaleTimeString();
}

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return (unit === 0 || count >= 100 ? Math.round(count) : count.toFixed(1)) + " " + units[unit];
}

function many(count, one, more) {
  return count.toLocaleString() + " " + (count === 1 ? one : more || one + "s");
}

function progress_words(progress) {
  if (!progress) return "fetching";
  if (progress.total_objects > 0) {
    return "fetching " + Math.floor((100 * progress.received_objects) / progress.total_objects) + " %";
  }
  return "fetching " + bytes(progress.received_bytes);
}

// What the repository does next, counted from now; the server's own words are as old as its answer.
function next_words(state, now) {
  if (state.phase === "fetching") return progress_words(state.progress);
  if (PHASE_WORDS[state.phase]) return PHASE_WORDS[state.phase];
  const retry = state.phase === "backing_off";
  if (state.next_due === null) return retry ? "retry" : "not planned";
  const left = state.next_due - now;
  if (left <= 0) return retry ? "retry due" : "due";
  return (retry ? "retry in " : "in ") + span(left);
}

function outcome_words(outcomes) {
  if (outcomes.length === 0) return "no attempt yet";
  const counts = new Map();
  for (const { result, count } of outcomes) counts.set(result, (counts.get(result) || 0) + count);
  const parts = [...counts].map(([result, count]) => count + " " + visible(result));
  return "last " + [...counts.values()].reduce((sum, each) => sum + each, 0) + ": " + parts.join(", ") + "; newest: " +
    visible(outcomes[outcomes.length - 1].result);
}

function verdict_words(total, unready, failing) {
  if (unready > 0) return unready + " of " + many(total, "repository", "repositories") + " not ready";
  const all = total === 1 ? "The repository is ready" : "All " + total.toLocaleString() + " repositories are ready";
  return failing > 0 ? all + ", " + failing + " failing" : all;
}
