// SPDX-License-Identifier: Apache-2.0
// What keeps the page current: lists, single answers and the event stream, and how that goes.

const base = location.origin + location.pathname.replace(/[^/]*$/, "") + "api/v1/";
const TYPES = ["checked", "changed", "published", "failed", "recovered", "reloaded", "reload_failed"];
const ANSWER_LIMIT = 20000;
const LIST_AT_LEAST_EVERY = 60000;
const LIST_AT_MOST_EVERY = 1000;
const FEW = 4;
// Answers may be made of what the server knew this long ago.
const ANSWER_AGE = 500;

let stream = null;
let connection = "connecting";
let configured = null;
let updated_at = 0;
let listed_at = 0;
let listing = null;
let list_again = false;
let failures = 0;
let retry_timer = 0;
let lost_timer = 0;
let refetch_timer = 0;
let refreshing = false;

class Refused extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

async function call(path, method) {
  const answer = await fetch(base + path, {
    method: method || "GET",
    cache: "no-store",
    redirect: "error",
    signal: AbortSignal.timeout(ANSWER_LIMIT),
  });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, body.detail || body.title || "HTTP " + answer.status);
  return body;
}

const address_of = (name) => "repositories/" + encodeURIComponent(name);

function note_updated() {
  updated_at = Date.now();
}

// ---- the state of the connection

const CONNECTION_WORDS = {
  connecting: "Connecting",
  live: "Live",
  polling: "Polling",
  lost: "Reconnecting",
  locked: "Token needed",
};

function set_connection(state) {
  clearTimeout(lost_timer);
  lost_timer = 0;
  connection = state;
  document.getElementById("connection").dataset.state = state;
  write(document.querySelector("#connection .words"), CONNECTION_WORDS[state]);
  draw_updated();
}

function draw_updated() {
  write(document.querySelector("#connection .when"), updated_at ? "updated " + clock(updated_at) : "");
  const outdated = document.getElementById("outdated");
  show(outdated, connection === "lost");
  document.body.classList.toggle("lost", connection === "lost");
  if (connection !== "lost") return;
  write(outdated, "The daemon does not answer. " +
    (updated_at ? "What is shown is as of " + clock(updated_at) + "." : "Trying again."));
}

// A stream that comes back within a moment is nothing to be told of.
function lose_soon() {
  if (lost_timer === 0 && connection === "live") lost_timer = setTimeout(set_connection, 3000, "lost");
}

function lock() {
  if (stream) stream.close();
  stream = null;
  set_connection("locked");
  show(document.getElementById("token"), true);
  for (const id of ["board", "unconfigured", "empty"]) show(document.getElementById(id), false);
}

// ---- lists

function show_list(list) {
  // It was answered before the token changed.
  if (connection === "locked") return;
  configured = list.configured;
  forget(take_list(list));
  listed_at = Date.now();
  note_updated();
  write(document.getElementById("version"), visible(list.version || ""));
  show_reload(list.last_reload);
  const none = repositories.size === 0;
  show(document.getElementById("unconfigured"), !configured && none);
  show(document.getElementById("empty"), configured && none);
  show(document.getElementById("board"), !none);
  for (const repository of repositories.values()) touch(repository);
  const added = [...repositories.values()].some((repository) => !repository.view);
  if (added) arrange();
  else want_order();
  draw_counts();
}

function show_reload(reload) {
  const banner = document.getElementById("reload-failed");
  const failed = Boolean(reload) && !reload.successful;
  show(banner, failed);
  if (!failed) return;
  const more = reload.errors > 1 ? " (and " + many(reload.errors - 1, "more error") + ")" : "";
  write(banner, "The configuration was changed and has errors; the one of " + moment(time_of(reload.success_time)) +
    " is in use. " + visible(reload.problem || "") + more);
}

// Fetches the list; one at a time, and once more when it was asked for meanwhile. Rejects as call() does.
async function fetch_list() {
  if (listing) {
    list_again = true;
    return listing;
  }
  listing = (async () => {
    do {
      list_again = false;
      const list = await call("repositories");
      show_list(list);
      follow(list.event_id);
    } while (list_again);
  })();
  try {
    await listing;
  } finally {
    listing = null;
  }
}

// Begins, and begins again after whatever went wrong, less and less often.
async function connect() {
  clearTimeout(retry_timer);
  retry_timer = 0;
  try {
    await fetch_list();
  } catch (error) {
    if (error.status === 401) {
      lock();
      return;
    }
    set_connection("lost");
    connect_later();
  }
}

function connect_later() {
  if (retry_timer !== 0 || connection === "locked") return;
  failures += 1;
  const wait = Math.min(30000, 1000 * 2 ** Math.min(failures, 5)) * (0.5 + Math.random() / 2);
  retry_timer = setTimeout(connect, wait);
}

// ---- events

function follow(since) {
  if (stream || connection === "locked") return;
  stream = new EventSource(base + "events?since=" + encodeURIComponent(since || ""));
  stream.addEventListener("open", () => {
    failures = 0;
    set_connection("live");
  });
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) {
      // It was answered, and not by a stream: too many are open, or the token is another.
      stream = null;
      set_connection("polling");
      connect_later();
    } else {
      lose_soon();
    }
  });
  stream.addEventListener("reset", () => refetch());
  for (const type of TYPES) stream.addEventListener(type, receive);
  // What happened between the state of a list and its event id is in neither.
  setTimeout(refetch, 4 * ANSWER_AGE);
}

function receive(message) {
  note_updated();
  const event = JSON.parse(message.data);
  if (event.type === "reloaded" || event.type === "reload_failed" || !repositories.has(event.repository)) {
    refetch();
    return;
  }
  const repository = take_event(event, message.lastEventId);
  if (!repository) return;
  touch(repository);
  want_order();
}

// ---- what events do not tell

function refetch() {
  // Events of what is not in the list yet, or no longer, come in numbers.
  const early = listed_at + LIST_AT_MOST_EVERY - Date.now();
  if (early > 0) {
    if (refetch_timer === 0) refetch_timer = setTimeout(refetch, early);
    return;
  }
  refetch_timer = 0;
  fetch_list().catch((error) => {
    if (error.status === 401) lock();
    else if (!stream || stream.readyState !== EventSource.OPEN) set_connection("lost");
    connect_later();
  });
}

async function fetch_one(repository) {
  const { seq } = repository;
  const answer = await call(address_of(repository.name));
  note_updated();
  // An event that came meanwhile is newer than the answer may be.
  if (repositories.get(repository.name) !== repository || repository.seq !== seq) return;
  take_state(repository.name, answer, seq, Infinity);
  touch(repository);
  want_order();
}

// Once a second: few repositories are asked for one by one, many by the list, and that the less often the longer it is.
async function refresh() {
  if (refreshing || listing || retry_timer !== 0 || connection === "locked" || document.hidden) return;
  const since = Date.now() - listed_at;
  const wanted = [];
  for (const repository of repositories.values()) {
    const { state, dirty, asked, told } = repository;
    if (Date.now() - told < ANSWER_AGE || !(asked || near.has(repository))) continue;
    if (dirty || asked || BUSY.has(state.phase)) wanted.push(repository);
  }
  const often = configured === false || wanted.length > FEW;
  if (since > LIST_AT_LEAST_EVERY || (often && since > 5000 + 10 * repositories.size)) {
    refetch();
    return;
  }
  if (connection === "lost") return;
  refreshing = true;
  const asked_first = wanted.sort((a, b) => Boolean(b.asked) - Boolean(a.asked)).slice(0, FEW);
  const answers = await Promise.allSettled(asked_first.map(fetch_one));
  const refused = answers.map(({ reason }) => (reason instanceof Refused ? reason.status : 0));
  if (refused.includes(401)) lock();
  // It is no longer configured.
  if (refused.includes(404)) refetch();
  refreshing = false;
}
