// SPDX-License-Identifier: Apache-2.0
// What is known of each repository, from lists and from events. Nothing here touches the document.

const KEPT_OUTCOMES = 50;

// name → {state, order, seq, heard, told, dirty, asked, note, view}: `seq` is the number of the newest event that `state` holds,
// `heard` the server's time of it and `told` ours, `dirty` says that the server knows more than its events told, `asked` is the
// attempt that a click waits for.
const repositories = new Map();
let boot = "";
// The server's clock less ours.
let skew = 0;

function server_now() {
  return Date.now() + skew;
}

function parse_id(id) {
  const at = String(id || "").lastIndexOf("-");
  return at < 0 ? { boot: "", seq: 0 } : { boot: id.slice(0, at), seq: Number(id.slice(at + 1)) || 0 };
}

const time_of = (text) => (text ? Date.parse(text) : null);

function state_of(answer) {
  return {
    ...answer,
    last_check: time_of(answer.last_check),
    last_success: time_of(answer.last_success),
    last_change: time_of(answer.last_change),
    next_due: time_of(answer.next_due),
    outcomes: answer.outcomes || [],
    attempts: answer.attempts || { begun: 0, ended: 0 },
    failure: answer.failure ? { ...answer.failure, since: time_of(answer.failure.since) } : null,
  };
}

// Takes the state of a list or of one answer, made at a time of the server, unless events that came meanwhile know better.
function take_state(name, answer, seq, made) {
  let repository = repositories.get(name);
  if (!repository) {
    repository = { name, order: repositories.size, seq: 0, heard: 0, told: 0, dirty: false, asked: null, note: null, view: null };
    repositories.set(name, repository);
  } else if (repository.seq > seq || repository.heard >= made) {
    repository.dirty = true;
    return;
  }
  repository.state = state_of(answer);
  repository.seq = seq;
  repository.dirty = false;
}

// Takes a whole list; the repositories that are gone.
function take_list(list) {
  const id = parse_id(list.event_id);
  if (id.boot !== boot) {
    boot = id.boot;
    for (const repository of repositories.values()) repository.seq = repository.heard = 0;
  }
  const made = Date.parse(list.generated_at);
  skew = made - Date.now() || 0;
  const left = new Set(repositories.keys());
  list.repositories.forEach((answer, order) => {
    take_state(answer.name, answer, id.seq, made);
    repositories.get(answer.name).order = order;
    left.delete(answer.name);
  });
  const gone = [...left].map((name) => repositories.get(name));
  for (const name of left) repositories.delete(name);
  return gone;
}

function add_outcome(state, result) {
  const last = state.outcomes[state.outcomes.length - 1];
  if (last && last.result === result) last.count += 1;
  else state.outcomes.push({ result, count: 1 });
  let total = state.outcomes.reduce((sum, each) => sum + each.count, 0);
  while (total > KEPT_OUTCOMES) {
    total -= 1;
    state.outcomes[0].count -= 1;
    if (state.outcomes[0].count === 0) state.outcomes.shift();
  }
}

function succeed(state, time) {
  state.failure = null;
  state.last_success = time;
  if (state.commit) {
    state.health = "ok";
    state.ready = true;
  }
  state.phase = "waiting";
}

function fail(state, event, time) {
  state.failure = {
    class: event.class,
    text: event.text || "",
    since: state.failure ? state.failure.since : time,
    count: event.failures || 1,
  };
  state.phase = "backing_off";
  // The next answer tells when.
  state.next_due = null;
  if (!state.commit) {
    state.health = "stale";
    state.ready = false;
  } else if (state.health !== "stale") {
    state.health = "failing";
  }
}

const ON_EVENT = {
  checked(state, event, time) {
    const gap = state.next_due - state.last_check;
    if (state.next_due && state.last_check && gap > 0) state.next_due = time + gap;
    state.last_check = time;
    if (event.ends_attempt) succeed(state, time);
  },
  changed(state) {
    state.phase = "queued";
  },
  published(state, event, time) {
    if (event.commit && event.commit !== state.commit) {
      state.previous = event.previous || state.commit;
      state.last_change = time;
    }
    state.commit = event.commit || state.commit;
    succeed(state, time);
  },
  failed: fail,
  recovered(state) {
    state.failure = null;
  },
};

// Applies one event; its repository, or null where nothing changed.
function take_event(event, id) {
  const { boot: from, seq } = parse_id(id);
  const repository = repositories.get(event.repository);
  if (!repository || from !== boot || seq <= repository.seq || !ON_EVENT[event.type]) return null;
  const { state } = repository;
  repository.seq = seq;
  repository.dirty = true;
  const time = time_of(event.time);
  repository.heard = time;
  repository.told = Date.now();
  ON_EVENT[event.type](state, event, time);
  // The strip of an answer may be a moment newer than what stood beside it.
  if (event.ends_attempt && event.attempt > state.attempts.ended) {
    state.attempts.ended = event.attempt;
    add_outcome(state, event.result);
  }
  return repository;
}

// Freshness ends by time alone, without an event.
function grew_stale(state, now) {
  if (state.health !== "ok" && state.health !== "failing") return false;
  if (state.max_staleness_seconds === null || state.last_success === null) return false;
  if (now - state.last_success <= state.max_staleness_seconds * 1000) return false;
  state.health = "stale";
  state.ready = false;
  return true;
}

function is_unready({ ready, health }) {
  return !ready && health !== "suspended";
}

function counts() {
  const found = { all: repositories.size, unready: 0 };
  for (const health of HEALTHS) found[health] = 0;
  for (const { state } of repositories.values()) {
    found[state.health] = (found[state.health] || 0) + 1;
    if (is_unready(state)) found.unready += 1;
  }
  return found;
}
