// SPDX-License-Identifier: Apache-2.0
// The table as a whole: what is drawn in which frame, the order of the rows, the counts above them.

const ORDER_EVERY = 1000;
const HELD_FOR = 3000;
// Faster than anybody reads, and a fraction of the work of every frame. Drawing has an eighth of the time at the most, layout and
// paint included, however many rows there are and however slow the machine.
const DRAW_EVERY = 100;
const DRAW_AT_LEAST_EVERY = 1000;
const DRAW_SHARE = 8;
const FRAME_BUDGET = 8;

const table = document.getElementById("table");
const touched = new Set();
const far = new Set();
const near = new Set();
let frame_asked = false;
let frame_timer = 0;
let drawn_at = -Infinity;
let draw_cost = 0;
let order_wanted = false;
let ordered_at = -Infinity;
let handled_at = -Infinity;

// Rows far from the window keep their last words until they come near.
const watcher = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    if (isIntersecting) {
      near.add(target.repository);
      far.delete(target.repository);
      touch(target.repository);
    } else {
      near.delete(target.repository);
    }
  }
}, { rootMargin: "300px" });

// What is sent while a frame is made arrives when the browser has painted it.
const painted = new MessageChannel();
painted.port1.onmessage = ({ data }) => {
  draw_cost = performance.now() - data;
};

function touch(repository) {
  touched.add(repository);
  ask_frame();
}

// For what a person did, and looks at.
function touch_now(repository) {
  touched.add(repository);
  clearTimeout(frame_timer);
  frame_timer = 0;
  frame_asked = true;
  requestAnimationFrame(draw_frame);
}

function ask_frame() {
  if (frame_asked) return;
  frame_asked = true;
  const pause = Math.min(Math.max(DRAW_EVERY, DRAW_SHARE * draw_cost), DRAW_AT_LEAST_EVERY);
  const early = drawn_at + pause - performance.now();
  if (early > 0) frame_timer = setTimeout(requestAnimationFrame, early, draw_frame);
  else requestAnimationFrame(draw_frame);
}

// Draws for a part of a frame; what does not fit is drawn in the next. Rows far from the window wait until they come near, or for the
// tick, which draws the ones that changed together.
function draw_frame() {
  frame_asked = false;
  drawn_at = performance.now();
  const ends = drawn_at + FRAME_BUDGET;
  const now = server_now();
  for (const repository of touched) {
    touched.delete(repository);
    if (repositories.get(repository.name) !== repository) continue;
    if (repository.view && !near.has(repository)) far.add(repository);
    else draw_entry(repository, now);
    if (performance.now() > ends) break;
  }
  if (order_wanted && order_may_change()) arrange();
  painted.port2.postMessage(drawn_at);
  if (touched.size > 0) ask_frame();
}

// Draws far rows for a part of a frame, oldest change first: a search in the page and a print find them a moment late.
function draw_far(now) {
  const ends = performance.now() + FRAME_BUDGET;
  for (const repository of far) {
    far.delete(repository);
    draw_entry(repository, now);
    if (performance.now() > ends) break;
  }
}

// A row must not slip away from under a pointer or a key that is about to press it.
function order_may_change() {
  const now = performance.now();
  return now - ordered_at >= ORDER_EVERY && now - handled_at >= HELD_FOR;
}

function want_order() {
  order_wanted = true;
}

// Puts the rows into their order with as few moves as there can be, and hides those that are filtered out.
function arrange() {
  order_wanted = false;
  ordered_at = performance.now();
  const order = sorted();
  const now = server_now();
  const focused = document.activeElement;
  for (const repository of order) if (!repository.view) draw_entry(repository, now);
  const place = new Map([...table.children].map((root, index) => [root.repository, index]));
  const stays = standing(order.filter((repository) => place.has(repository)), place);
  let after = table.firstElementChild;
  for (const repository of order) {
    const { root } = repository.view;
    if (!stays.has(repository)) {
      after.after(root);
      if (!place.has(repository)) watcher.observe(root);
    }
    after = root;
  }
  filter(order);
  // An element that is moved loses the focus.
  if (focused && focused !== document.activeElement && table.contains(focused)) focused.focus({ preventScroll: true });
}

function filter(order) {
  let shown = 0;
  for (const repository of order || repositories.values()) {
    const fits = matches(repository);
    show(repository.view.root, fits);
    if (fits) shown += 1;
  }
  show(document.getElementById("none"), shown === 0);
}

function forget(gone) {
  for (const repository of gone) {
    for (const set of [near, far, touched]) set.delete(repository);
    if (repository.view) {
      watcher.unobserve(repository.view.root);
      repository.view.root.remove();
    }
  }
}

function draw_order() {
  for (const header of table.querySelectorAll("[data-key]")) {
    const chosen = header.dataset.key === view.key;
    const down = Boolean(ORDERS[header.dataset.key].falls) !== view.reversed;
    if (chosen) header.setAttribute("aria-sort", down ? "descending" : "ascending");
    else header.removeAttribute("aria-sort");
  }
  document.getElementById("order").value = view.key;
}

function sort_by(key) {
  view.reversed = view.key === key && !view.reversed;
  view.key = key;
  draw_order();
  arrange();
  write_address();
}

// ---- counts

function make_state_buttons() {
  const all = [["all", "All", ""], ["unready", "Not ready", "what /readyz complains of"]];
  for (const health of HEALTHS) all.push([health, HEALTH_WORDS[health], HEALTH_MEANS[health]]);
  for (const [key, words, means] of all) {
    const button = document.createElement("button");
    const shape = document.createElement("span");
    const count = document.createElement("span");
    button.type = "button";
    button.dataset.state = key;
    button.title = means;
    shape.className = "shape";
    shape.setAttribute("aria-hidden", "true");
    count.className = "count";
    button.append(shape, " " + words + " ", count);
    button.addEventListener("click", () => choose_state(key));
    document.getElementById("states").append(button);
  }
}

function choose_state(key) {
  view.health = view.health === key ? "all" : key;
  draw_counts();
  filter();
  write_address();
}

function draw_counts() {
  const found = counts();
  for (const button of document.getElementById("states").children) {
    const key = button.dataset.state;
    button.setAttribute("aria-pressed", String(view.health === key));
    write(button.lastElementChild, found[key].toLocaleString());
    show(button, found[key] > 0 || key === "all" || view.health === key);
  }
  const verdict = document.getElementById("verdict");
  verdict.dataset.health = found.unready > 0 ? "stale" : found.failing > 0 ? "failing" : "ok";
  write(verdict.lastElementChild, found.all === 0 ? "" : verdict_words(found.all, found.unready, found.failing));
  show(verdict, found.all > 0);
  const title = (found.unready > 0 ? found.unready + " not ready – " : "") + "adapter";
  if (document.title !== title) document.title = title;
}

// Once a second: ages, what became stale, counts, and an order that was put off.
function tick() {
  const now = server_now();
  for (const repository of repositories.values()) {
    if (grew_stale(repository.state, now)) {
      touch(repository);
      want_order();
    } else if (repository.view && near.has(repository)) {
      draw_times(repository, now);
    }
  }
  draw_far(now);
  draw_counts();
  if (order_wanted) ask_frame();
}
