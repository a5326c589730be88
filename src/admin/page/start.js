// SPDX-License-Identifier: Apache-2.0
// What a person does to the page, and its beginning.

const search = document.getElementById("search");
const announcement = document.getElementById("announcement");

function announce(text) {
  announcement.textContent = text;
}

async function sync_now(repository) {
  if (repository.asked) return;
  repository.asked = { id: 0, at: Date.now() };
  repository.note = null;
  touch_now(repository);
  try {
    const { id } = await call(address_of(repository.name) + "/sync", "POST");
    repository.asked = { id, at: Date.now() };
  } catch (error) {
    repository.asked = null;
    const why = error instanceof Refused ? error.message : "the daemon does not answer";
    note_for(repository, "Sync was refused: " + why);
    announce(repository.name + ": sync was refused: " + why);
    if (error.status === 401) lock();
  }
  touch_now(repository);
}

function show_all() {
  view.health = "all";
  view.text = search.value = "";
  draw_counts();
  filter();
  write_address();
  search.focus();
}

const ACTIONS = {
  "reload": () => location.reload(),
  "reverse": () => sort_by(view.key),
  "show-all": show_all,
  "details": (element) => toggle_details(element.closest(".entry").repository),
  "sync": (element) => sync_now(element.closest(".entry").repository),
};

function listen() {
  document.addEventListener("click", (event) => {
    const element = event.target.closest("[data-action]");
    if (element) ACTIONS[element.dataset.action](element);
  });
  for (const kind of ["pointermove", "pointerdown", "keydown", "focusin"]) {
    table.addEventListener(kind, (event) => {
      if (event.target.closest(".entry")) handled_at = performance.now();
    }, { passive: true });
  }
  let writing = 0;
  search.addEventListener("input", () => {
    view.text = search.value.trim();
    filter();
    clearTimeout(writing);
    writing = setTimeout(write_address, 400);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || search.value === "") return;
    search.value = "";
    search.dispatchEvent(new Event("input"));
  });
  for (const header of table.querySelectorAll("[data-key]")) {
    header.firstElementChild.addEventListener("click", () => sort_by(header.dataset.key));
  }
  document.getElementById("order").addEventListener("change", (event) => sort_by(event.target.value));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) tick();
  });
  window.addEventListener("hashchange", () => {
    show_address();
    arrange();
    draw_counts();
  });
}

function show_address() {
  read_address();
  search.value = view.text;
  draw_order();
}

make_state_buttons();
for (const [key, { words }] of Object.entries(ORDERS)) document.getElementById("order").append(new Option(words, key));
show_address();
listen();
connect();
setInterval(() => {
  tick();
  draw_updated();
  refresh();
}, 1000);
