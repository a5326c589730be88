// SPDX-License-Identifier: Apache-2.0
// One repository's rows in the table: made once, and then only what differs is written.

const OUTCOME_WIDTH = 4;
const RESULT_SHOWN = 5000;
const NOTE_SHOWN = 30000;
const entry_template = document.getElementById("entry");

// Writing what stands there already still costs the browser a layout.
function write(node, text) {
  if (node.written === text) return;
  node.written = text;
  node.textContent = text;
}

function label(node, name, text) {
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

function make_entry(repository) {
  const root = entry_template.content.firstElementChild.cloneNode(true);
  const part = (selector) => root.querySelector(selector);
  const parts = {
    root,
    state: part(".state .words"),
    name: part(".name button"),
    ref: part(".ref"),
    commit: part(".commit code"),
    changed: part(".changed"),
    success: part(".success"),
    next: part(".next"),
    strip: part("svg"),
    sync: part("[data-action=sync]"),
    failure: part(".failure"),
    note: part(".note"),
    details: null,
    outcomes: "",
  };
  write(parts.name, repository.name);
  write(part(".action .unseen"), " " + repository.name);
  root.repository = repository;
  repository.view = parts;
}

function kind_of(result) {
  return result === "unchanged" || result === "changed" ? result : "failed";
}

// One path for each kind: a dashed line draws a run of bars at the cost of one.
function draw_strip(parts, outcomes) {
  const words = outcome_words(outcomes);
  const key = outcomes.map(({ result, count }) => kind_of(result)[0] + count).join();
  label(parts.strip, "aria-label", words);
  label(parts.strip.parentNode, "title", words);
  if (parts.outcomes === key) return;
  parts.outcomes = key;
  const lines = { unchanged: "", changed: "", failed: "" };
  const height = { unchanged: 13.5, changed: 11, failed: 8 };
  let at = OUTCOME_WIDTH * (KEPT_OUTCOMES - outcomes.reduce((sum, { count }) => sum + count, 0));
  for (const { result, count } of outcomes) {
    const kind = kind_of(result);
    lines[kind] += "M" + at + " " + height[kind] + "h" + (OUTCOME_WIDTH * count - 1);
    at += OUTCOME_WIDTH * count;
  }
  for (const path of parts.strip.children) path.setAttribute("d", lines[path.classList[0]]);
}

function draw_failure(parts, { failure }, now) {
  show(parts.failure, failure !== null);
  if (failure === null) return;
  const [kind, since, text] = parts.failure.firstElementChild.children;
  write(kind, visible(failure.class));
  write(text, visible(failure.text));
  const times = many(failure.count, "failure");
  write(since, failure.since === null ? times : "for " + span(now - failure.since) + ", " + times);
  label(since, "title", failure.since === null ? "" : "since " + moment(failure.since));
}

function result_words(result) {
  return { unchanged: "Up to date", changed: "Updated" }[result] || "Failed";
}

function note_for(repository, text) {
  repository.note = { text, until: Date.now() + NOTE_SHOWN };
}

// Ends what a click began, once the attempt that it asked for has ended.
function settle_asked(repository) {
  const { asked, state } = repository;
  if (!asked || !asked.id) return;
  if (state.attempts.ended >= asked.id) {
    const newest = state.outcomes[state.outcomes.length - 1];
    const result = newest ? newest.result : "unchanged";
    repository.asked = null;
    repository.note = { button: result_words(result), good: kind_of(result) !== "failed", until: Date.now() + RESULT_SHOWN };
    announce(repository.name + ": " + result_words(result));
  } else if (state.attempts.begun < asked.id && Date.now() - asked.at > 10000) {
    repository.asked = null;
    note_for(repository, "Asked for; it has not begun yet: " + (state.waiting_for || "it waits for its turn"));
  }
}

function draw_sync(repository) {
  settle_asked(repository);
  const { asked, note, view: parts } = repository;
  if (note && Date.now() > note.until) repository.note = null;
  const { button, good, text } = repository.note || {};
  write(parts.sync.firstElementChild, asked ? "Syncing…" : button || "Sync now");
  parts.sync.classList.toggle("good", good === true);
  parts.sync.classList.toggle("bad", good === false);
  label(parts.sync, "aria-disabled", String(Boolean(asked)));
  show(parts.note, Boolean(text));
  if (text) write(parts.note.firstElementChild, visible(text));
}

// What changes by time alone.
function draw_times(repository, now) {
  const { state, view: parts } = repository;
  write(parts.changed, state.last_change === null ? "–" : span(now - state.last_change));
  write(parts.success, state.last_success === null ? "never" : span(now - state.last_success) + " ago");
  write(parts.next, next_words(state, now));
  draw_failure(parts, state, now);
  draw_sync(repository);
  if (parts.details) draw_details(repository, now);
}

function draw_entry(repository, now) {
  const { state } = repository;
  if (!repository.view) make_entry(repository);
  const parts = repository.view;
  if (parts.health !== state.health) {
    parts.health = state.health;
    parts.root.dataset.health = state.health;
    write(parts.state, HEALTH_WORDS[state.health] || visible(state.health));
    label(parts.state.parentNode, "title", HEALTH_MEANS[state.health] || "");
  }
  parts.root.classList.toggle("busy", BUSY.has(state.phase));
  label(parts.name, "title", visible(state.url));
  write(parts.ref, visible(state.ref));
  label(parts.ref, "title", visible(state.resolved_ref || state.ref));
  write(parts.commit, state.commit ? visible(state.commit).slice(0, 7) : "–");
  label(parts.commit, "title", state.commit ? visible(state.commit) : "nothing is published");
  label(parts.changed, "title", state.last_change === null ? "not since it was first published here" : moment(state.last_change));
  label(parts.success, "title", state.last_success === null ? "never" : moment(state.last_success));
  label(parts.next, "title", visible(state.waiting_for || ""));
  draw_strip(parts, state.outcomes);
  draw_times(repository, now);
}
