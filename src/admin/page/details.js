// SPDX-License-Identifier: Apache-2.0
// All that is known of one repository, below its row when its name is pressed.

function took(seconds) {
  return seconds < 1 ? Math.round(seconds * 1000) + " ms" : seconds.toFixed(1) + " s";
}

function at(time, now) {
  return time === null ? "never" : moment(time) + " (" + span(now - time) + " ago)";
}

function left_out(state) {
  return [
    state.left_out_links > 0 ? many(state.left_out_links, "symbolic link") + " left out" : "",
    state.submodules > 0 ? many(state.submodules, "submodule") + ", shown as empty folders" : "",
    state.lfs_pointers > 0 ? many(state.lfs_pointers, "LFS file") + ", shown as pointers" : "",
  ].filter(Boolean).join("; ");
}

function failure_words({ failure }, now) {
  if (!failure) return "";
  const since = failure.since === null ? "" : " since " + moment(failure.since) + " (" + span(now - failure.since) + ")";
  return failure.class + ": " + failure.text + " – " + many(failure.count || 1, "failure") + since;
}

// [name, value]; an empty value has no line.
function facts(state, now) {
  const durations = [
    typeof state.last_check_seconds === "number" ? "check " + took(state.last_check_seconds) : "",
    typeof state.last_sync_seconds === "number" ? "sync " + took(state.last_sync_seconds) : "",
  ];
  return [
    ["Failure", failure_words(state, now)],
    ["Address", state.url],
    ["Ref", state.resolved_ref && state.resolved_ref !== state.ref ? state.ref + " = " + state.resolved_ref : state.ref],
    ["Commit", state.commit || "nothing is published"],
    ["Before it", state.previous || ""],
    ["Tree", state.tree_path || ""],
    ["Last check", at(state.last_check, now)],
    ["Last success", at(state.last_success, now)],
    ["Last change", at(state.last_change, now)],
    ["Next check", next_words(state, now) + (state.next_due === null ? "" : ", " + moment(state.next_due))],
    ["Stale after", typeof state.max_staleness_seconds === "number" ? span(state.max_staleness_seconds * 1000) : "never"],
    ["Took", durations.filter(Boolean).join(", ")],
    ["Received", bytes(state.received_bytes || 0) + (state.published_paths ? ", " + many(state.published_paths, "path") : "")],
    ["Not as in git", left_out(state)],
    ["Webhook", state.webhook ? (state.hooked ? "deliveries arrive, polling is relaxed" : "set up, no delivery so far") : "none"],
    ["Attempts", many(state.attempts.ended, "attempt") + " since the start"],
  ];
}

function draw_details(repository, now) {
  const list = repository.view.details.querySelector("dl");
  const lines = facts(repository.state, now).filter(([, value]) => value);
  while (list.children.length > 2 * lines.length) list.lastElementChild.remove();
  while (list.children.length < 2 * lines.length) list.append(document.createElement(list.children.length % 2 ? "dd" : "dt"));
  lines.forEach(([name, value], line) => {
    write(list.children[2 * line], name);
    write(list.children[2 * line + 1], visible(value));
  });
}

function toggle_details(repository) {
  const parts = repository.view;
  if (parts.details) {
    parts.details.remove();
    parts.details = null;
  } else {
    const row = document.createElement("div");
    const cell = document.createElement("div");
    row.className = "details";
    row.setAttribute("role", "row");
    cell.setAttribute("role", "cell");
    cell.setAttribute("aria-colspan", "9");
    cell.append(document.createElement("dl"));
    row.append(cell);
    parts.root.append(row);
    parts.details = row;
    draw_details(repository, server_now());
  }
  parts.name.setAttribute("aria-expanded", String(parts.details !== null));
}
