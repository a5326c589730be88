// SPDX-License-Identifier: Apache-2.0
// Which repositories are shown, and in what order. Kept in the address, so that a reload and a link show the same.

const collator = new Intl.Collator("en", { numeric: true });
const failures_in = (state) =>
  state.outcomes.reduce((sum, { result, count }) => (result === "unchanged" || result === "changed" ? sum : sum + count), 0);
const health_rank = (state) => (is_unready(state) ? 0 : 10) + HEALTHS.indexOf(state.health);
// What never happened is the oldest of all.
const age_rank = (time) => (time === null ? -Infinity : time);

// Each compares as its first click sorts; `falls` tells assistive technology that this is descending.
const ORDERS = {
  state: {
    words: "State",
    compare: (a, b) => health_rank(a) - health_rank(b) || (is_unready(a) ? by_age(a.last_success, b.last_success) : 0),
  },
  name: { words: "Repository", compare: (a, b) => collator.compare(a.name, b.name) },
  ref: { words: "Ref", compare: (a, b) => collator.compare(a.ref, b.ref) },
  commit: { words: "Commit", compare: (a, b) => plain(a.commit || "~", b.commit || "~") },
  changed: { words: "Changed", compare: (a, b) => by_age(b.last_change, a.last_change) },
  success: { words: "Last success", falls: true, compare: (a, b) => by_age(a.last_success, b.last_success) },
  next: { words: "Next check", compare: (a, b) => plain(a.next_due ?? Infinity, b.next_due ?? Infinity) },
  outcomes: { words: "Last 50", falls: true, compare: (a, b) => failures_in(b) - failures_in(a) },
};

const view = { key: "state", reversed: false, health: "all", text: "" };

function plain(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

function by_age(a, b) {
  return plain(age_rank(a), age_rank(b));
}

function sorted() {
  const { compare } = ORDERS[view.key];
  const sign = view.reversed ? -1 : 1;
  return [...repositories.values()].sort((a, b) => sign * compare(a.state, b.state) || a.order - b.order);
}

function matches({ state }) {
  if (view.health === "unready" ? !is_unready(state) : view.health !== "all" && view.health !== state.health) return false;
  if (view.text === "") return true;
  const failure = state.failure ? state.failure.class + " " + state.failure.text : "";
  const all = [state.name, state.ref, state.resolved_ref, state.commit, state.url, failure].join(" ").toLowerCase();
  return view.text.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

// The places, in `order`, of a longest run that already stands in order: all others have to move.
function standing(order, place) {
  const ends = [];
  const before = new Map();
  for (const each of order) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (place.get(ends[middle]) < place.get(each)) low = middle + 1;
      else high = middle;
    }
    if (low > 0) before.set(each, ends[low - 1]);
    ends[low] = each;
  }
  const run = new Set();
  for (let each = ends[ends.length - 1]; each !== undefined; each = before.get(each)) run.add(each);
  return run;
}

function read_address() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const sort = wanted.get("sort") || "";
  view.reversed = sort.startsWith("-");
  const key = sort.replace(/^-/, "");
  view.key = Object.hasOwn(ORDERS, key) ? key : "state";
  const health = wanted.get("state") || "";
  view.health = health === "unready" || HEALTHS.includes(health) ? health : "all";
  view.text = (wanted.get("filter") || "").slice(0, 200);
}

function write_address() {
  const wanted = new URLSearchParams();
  if (view.key !== "state" || view.reversed) wanted.set("sort", (view.reversed ? "-" : "") + view.key);
  if (view.health !== "all") wanted.set("state", view.health);
  if (view.text !== "") wanted.set("filter", view.text);
  const text = wanted.toString();
  history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
}
