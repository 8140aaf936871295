// The desk by keyboard: one key each for what a reviewer does two hundred times a day. Everything works without it.
const desk = document.querySelector("[data-desk]");
const STORE = desk ? `desk-${desk.dataset.case}-` : "";
const KEYS = [
  ["n", "Claim the next case"],
  ["g q", "Back to the queues"],
  ["j / k", desk ? "Next, previous section" : "Next, previous row"],
  ...(desk
    ? [
        ["a / d", "Verdict: approve, decline"],
        ["s", "Ask the borrower for documents"],
        ["r", "Return to the initial stage"],
        ["e", "Escalate"],
        ["u", "Suspend"],
        ["b", "Give back"],
        ["w", "Skip, unworked"],
        ["c", "Propose another amount"],
        ["x", "Step back: I know this borrower"],
        ["1 to 9", "Tick a reason of the open form"],
        ["c", "Checklist: 1 to 9 tick, kept at once"],
        ["t", "Telephone"],
        ["o", "Amount and term of the offer"],
        ["m", "Write a note"],
        ["v", "Show personal data, with a reason"],
        ["p", "Print for an auditor"],
        ["Ctrl Enter", "Send the form"],
        ["Esc", "Leave the field, close the form"],
      ]
    : [["Enter", "Open the row"], ["/", "Search"]]),
  ["?", "This list"],
];

const silent = () => {
  try { return window.localStorage.getItem("desk-keys") === "off"; } catch { return false; }
};
const typing = (node) => node instanceof Element && node.matches("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
const seen = (node) => Boolean(node && node.getClientRects().length);

// --- help -----------------------------------------------------------------------------------------------------------

function help() {
  let box = document.querySelector(".desk-keys");
  if (!box) {
    box = document.createElement("dialog");
    box.className = "desk-keys";
    const title = box.appendChild(document.createElement("h2"));
    title.id = "desk-keys-title";
    title.textContent = "Keys";
    box.setAttribute("aria-labelledby", title.id);
    const list = box.appendChild(document.createElement("dl"));
    for (const [key, what] of KEYS) {
      list.appendChild(document.createElement("dt")).appendChild(document.createElement("kbd")).textContent = key;
      list.appendChild(document.createElement("dd")).textContent = what;
    }
    const label = box.appendChild(document.createElement("label"));
    const off = label.appendChild(document.createElement("input"));
    off.type = "checkbox";
    off.checked = silent();
    off.addEventListener("change", () => window.localStorage.setItem("desk-keys", off.checked ? "off" : "on"));
    label.append(" Switch single keys off on this computer (? and Esc stay)");
    const close = box.appendChild(document.createElement("button"));
    close.type = "button";
    close.className = "desk-button";
    close.textContent = "Close";
    close.addEventListener("click", () => box.close());
    document.body.appendChild(box);
  }
  if (!box.open) box.showModal();
}

// --- moving ---------------------------------------------------------------------------------------------------------

function move(step) {
  const places = desk
    ? [...desk.querySelectorAll("[data-section]")].filter(seen)
    : [...document.querySelectorAll("#result_list tbody tr")].filter(seen);
  const here = places.findIndex((place) => place.contains(document.activeElement) || place.classList.contains("desk-here"));
  const next = places[Math.min(Math.max(here + step, 0), places.length - 1)];
  if (!next) return;
  places.forEach((place) => place.classList.remove("desk-here"));
  if (desk) return next.focus();
  next.classList.add("desk-here");
  (next.querySelector("th a, td a") || next).focus();
}

// --- acts -----------------------------------------------------------------------------------------------------------

const panels = () => [...document.querySelectorAll(".desk-act")];
const openPanel = () => panels().find((panel) => panel.open);

function openAct(key) {
  const verdict = key === "d" ? "decline" : "approve";
  const panel = panels().find((one) => one.dataset.key === (key === "d" ? "a" : key));
  if (!panel) return false;
  panel.open = true;
  const choice = panel.querySelector(`input[name=outcome][value=${verdict}]`);
  if (choice && "ad".includes(key)) {
    choice.checked = true;
    fit(panel);
  }
  (choice || shownReasons(panel)[0] || panel.querySelector("select, textarea"))?.focus(); // a digit ticks from here
  panel.scrollIntoView({ block: "nearest" });
  return true;
}

// Shows the reasons that fit the verdict, and numbers those in sight.
function fit(panel) {
  const outcome = panel.querySelector("input[name=outcome]:checked")?.value;
  if (panel.querySelector("input[name=outcome]")) {
    for (const part of panel.querySelectorAll("[data-outcome]")) {
      part.hidden = Boolean(outcome) && part.dataset.outcome !== "" && part.dataset.outcome !== outcome;
      for (const field of part.querySelectorAll("input, select")) field.disabled = part.hidden; // or it would be sent
    }
  }
  const boxes = shownReasons(panel);
  panel.querySelectorAll(".desk-digit").forEach((digit) => { digit.hidden = true; });
  boxes.slice(0, 9).forEach((box, place) => {
    const digit = box.closest("label").querySelector(".desk-digit");
    digit.textContent = String(place + 1);
    digit.hidden = false;
  });
}

const shownReasons = (panel) => [...panel.querySelectorAll("input[name=reasons]")].filter((box) => seen(box));

function tick(number) {
  const panel = openPanel();
  const box = panel && shownReasons(panel)[number - 1];
  if (!box) return;
  box.click();
  box.focus();
}

let ticking = Promise.resolve(); // the ticks of the checklist that are on their way

// After them: an act needs them, and a page that is left takes what is not sent with it.
function send(form, button) {
  ticking.then(() => { if (!form.dataset.sent) form.requestSubmit(button); });
}

// --- what is typed stays --------------------------------------------------------------------------------------------

function keep(form) {
  const values = [...new FormData(form)].filter(([name, value]) => name !== "csrfmiddlewaretoken" && typeof value === "string");
  try { window.sessionStorage.setItem(STORE + form.dataset.keeps, JSON.stringify(values)); } catch { /* the store is full or shut */ }
}

function forget(name) {
  window.sessionStorage.removeItem(STORE + name);
}

function bring(form) {
  let values;
  try { values = JSON.parse(window.sessionStorage.getItem(STORE + form.dataset.keeps) || "null"); } catch { return; }
  if (!values || form.querySelector(".desk-refusal, .errorlist")) return; // the server has given it back already
  const named = (name) => values.filter(([one]) => one === name).map(([, value]) => value);
  for (const field of form.elements) {
    if (!field.name || field.name === "csrfmiddlewaretoken" || field.type === "file") continue;
    const kept = named(field.name);
    if (field.type === "checkbox" || field.type === "radio") field.checked = kept.includes(field.value);
    else if (kept.length && field.type !== "submit") field.value = kept[0];
  }
}

function forms() {
  // A form that was sent and is not here again with a refusal was done. After an act the case is another one: what was
  // begun on its other forms was about the former.
  const sent = window.sessionStorage.getItem(`${STORE}sent`);
  if (sent && !document.querySelector(".desk-refusal, .errorlist")) {
    const kept = Object.keys(window.sessionStorage).filter((key) => key.startsWith(STORE)).map((key) => key.slice(STORE.length));
    for (const name of sent === "note" ? ["note"] : kept.filter((one) => one !== "note")) forget(name);
  }
  window.sessionStorage.removeItem(`${STORE}sent`);
  for (const form of desk.querySelectorAll("form[data-keeps]")) {
    bring(form);
    form.addEventListener("input", () => keep(form));
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) return event.preventDefault(); // a second press while the first is on its way
      form.dataset.sent = "1";
      if (event.submitter?.name !== "recompute") window.sessionStorage.setItem(`${STORE}sent`, form.dataset.keeps);
    });
  }
}

// --- the offer ------------------------------------------------------------------------------------------------------

let asking = 0;

async function recompute(amount, months) {
  const place = document.querySelector("[data-quote]");
  const form = document.querySelector("[data-try]");
  if (!place || !form) return;
  const turn = (asking += 1);
  place.setAttribute("aria-busy", "true");
  try {
    const query = new URLSearchParams({ amount, months });
    const answer = await fetch(`${form.dataset.try}?${query}`, { headers: { Accept: "text/html" } });
    if (!answer.ok || turn !== asking) return;
    const told = new DOMParser().parseFromString(await answer.text(), "text/html");
    place.replaceChildren(...told.body.childNodes);
  } catch { /* the network is away: what stands there stays */ } finally {
    if (turn === asking) place.removeAttribute("aria-busy");
  }
}

function offer() {
  const form = document.querySelector("[data-try]");
  const decide = document.querySelector("[data-act=decide] form");
  let timer;
  const soon = (source) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      const amount = source.elements.amount.value;
      const months = source.elements.months.value;
      if (form && source !== form) { form.elements.amount.value = amount; form.elements.months.value = months; }
      if (decide && source === form) { decide.elements.amount.value = amount; decide.elements.months.value = months; }
      recompute(amount, months);
    }, 250);
  };
  for (const source of [form, decide].filter(Boolean)) {
    if (!source.elements.amount) continue;
    for (const name of ["amount", "months"]) source.elements[name].addEventListener("input", () => soon(source));
  }
  form?.addEventListener("submit", (event) => { event.preventDefault(); soon(form); });
  for (const button of desk.querySelectorAll("[data-recompute]")) button.hidden = true; // it happens while one types
}

// --- checklist ------------------------------------------------------------------------------------------------------

// A tick is kept at once; what the server then says stands there.
function checklist() {
  const place = document.querySelector("[data-checklist]");
  if (!place) return;
  const button = () => place.querySelector("button");
  const plain = () => button()?.setAttribute("hidden", "");
  let latest = 0;
  const put = async (turn) => {
    if (turn !== latest) return; // a later tick says it all
    const form = place.querySelector("form");
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
      const told = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-checklist]");
      if (!answer.ok || !told || turn !== latest) return;
      const here = place.contains(document.activeElement) ? document.activeElement.value : "";
      place.replaceChildren(...told.childNodes);
      plain();
      if (here) place.querySelector(`input[value="${CSS.escape(here)}"]`)?.focus();
    } catch {
      button()?.removeAttribute("hidden"); // the network is away: by the button, then
    }
  };
  plain();
  place.addEventListener("change", () => {
    const turn = (latest += 1);
    ticking = ticking.then(() => put(turn));
  });
}

// --- personal data --------------------------------------------------------------------------------------------------

function reveals() {
  for (const form of desk.querySelectorAll("form[data-reveal]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!form.reportValidity()) return;
      const place = form.parentElement.querySelector("[data-revealed-here]");
      try {
        const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
        const told = new DOMParser().parseFromString(await answer.text(), "text/html");
        const shown = told.querySelector("[data-revealed]");
        if (!answer.ok || !shown) throw new Error(told.querySelector(".errorlist")?.textContent || "Not shown: the reason was not taken.");
        shown.removeAttribute("class");
        place.replaceChildren(shown);
      } catch (error) {
        place.textContent = error.message;
      }
    });
  }
}

// --- time -----------------------------------------------------------------------------------------------------------

const WARN = 3 * 60e3;
let lastMove = Date.now();
let lastKept = Date.now();
let leaseEnds = desk?.dataset.lease ? Date.parse(desk.dataset.lease) : 0;
let ahead = desk ? Date.parse(desk.dataset.now) - Date.now() : 0; // the platform's clock against this one
let lost = false;

const span = (ms) => {
  const minutes = Math.floor(Math.abs(ms) / 60e3);
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes} min`;
};

function alarm(text, again) {
  const place = document.querySelector("[data-lease-alarm]");
  if (!text) { place.hidden = true; return; }
  if (place.dataset.said === text) return;
  place.dataset.said = text;
  place.textContent = text;
  if (again) {
    const button = place.appendChild(document.createElement("button"));
    button.type = "button";
    button.className = "desk-button";
    button.textContent = "Keep the case";
    button.addEventListener("click", stay);
  }
  place.hidden = false;
}

async function stay() {
  lastKept = Date.now();
  const token = desk.querySelector("input[name=csrfmiddlewaretoken]").value;
  let answer;
  try {
    answer = await fetch(desk.dataset.keep, { method: "POST", headers: { "X-CSRFToken": token, Accept: "application/json" } });
  } catch { return; } // the network is away: tried again with the next move
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) {
    leaseEnds = Date.parse(told.leased_until);
    ahead = Date.parse(told.now) - Date.now();
    document.querySelector("[data-lease-alarm]").dataset.said = "";
    return alarm("");
  }
  lost = true;
  return alarm(`${told.detail || "The case is no longer yours."} What you typed stays on this page.`);
}

function clockwork() {
  const due = document.querySelector("[data-due]");
  const left = document.querySelector("[data-lease-left]");
  const turn = () => {
    const now = Date.now() + ahead;
    if (due) {
      const rest = Date.parse(due.dataset.due) - now;
      due.textContent = rest < 0 ? `${span(rest)} late` : `in ${span(rest)}`;
      due.classList.toggle("late", rest < 0);
      due.classList.toggle("soon", rest >= 0 && rest < 20 * 60e3);
    }
    if (!leaseEnds || lost) return;
    const rest = leaseEnds - now;
    if (left) left.textContent = rest > 0 ? `${Math.ceil(rest / 60e3)} min left` : "time is over";
    if (lastMove > lastKept && Date.now() - lastKept > 60e3) stay();
    else if (rest <= 0) stay(); // says what became of it
    else if (rest < WARN) alarm(`This case goes back to its queue in ${Math.ceil(rest / 60e3)} min unless you keep it.`, true);
  };
  turn();
  window.setInterval(turn, 5000);
  for (const kind of ["keydown", "pointerdown", "input", "scroll"]) {
    document.addEventListener(kind, () => { lastMove = Date.now(); }, { passive: true, capture: true });
  }
}

// --- keys -----------------------------------------------------------------------------------------------------------

let begun = "";

function focusOn(selector) {
  const node = document.querySelector(selector);
  if (!node) return;
  node.closest("details")?.setAttribute("open", "");
  node.focus();
  node.select?.();
}

function pressed(event) {
  const target = event.target;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = target.closest?.("form") || openPanel()?.querySelector("form");
    if (form && desk) { event.preventDefault(); send(form, form.querySelector(".desk-button:not(.quiet)") || undefined); }
    return;
  }
  if (event.key === "Escape" && desk && !document.querySelector("dialog[open]")) {
    if (typing(target)) return target.blur();
    const panel = openPanel();
    if (panel) { panel.open = false; panel.querySelector("summary").focus(); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") { event.preventDefault(); return help(); }
  if (silent()) return;
  if (event.key === "Enter" && desk && target.matches?.("input[type=checkbox], input[type=radio]")) {
    event.preventDefault();
    if (target.closest("[data-checklist]")) return undefined; // kept already
    return send(target.form, target.form.querySelector(".desk-button:not(.quiet)") || undefined);
  }
  const key = event.key.toLowerCase();
  if (begun === "g") {
    begun = "";
    if (key === "q") window.location.href = desk?.dataset.queuePage || window.location.pathname;
    return;
  }
  if (key === "g") { begun = "g"; window.setTimeout(() => { begun = ""; }, 1500); return; }
  const done = () => event.preventDefault();
  if (key === "j" || key === "k") { done(); return move(key === "j" ? 1 : -1); }
  if (key === "n") {
    const form = document.querySelector("form[data-next], form[action$='/next/']");
    if (form) { done(); form.requestSubmit(); }
    return;
  }
  if (!desk) {
    if (key === "/") { done(); focusOn("#searchbar"); }
    return;
  }
  if (/^[1-9]$/.test(key)) {
    done();
    const list = target.closest?.("[data-checklist]");
    return list ? list.querySelectorAll("input[type=checkbox]")[Number(key) - 1]?.click() : tick(Number(key));
  }
  if (key === "c") { done(); return focusOn("[data-checklist] input[type=checkbox]"); }
  if (key === "t") { done(); return document.querySelector("[data-telephone]")?.click(); }
  if (key === "o") { done(); return focusOn("[data-act=decide][open] [name=amount], #try-amount"); }
  if (key === "m") { done(); return focusOn("#note_text"); }
  if (key === "v") { done(); return focusOn("#reveal-person"); }
  if (key === "p") { done(); return focusOn("#print-reason"); }
  if (openAct(key)) done();
}

// Back from the page that followed: the form may be sent again.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));

document.addEventListener("DOMContentLoaded", () => {
  document.addEventListener("keydown", pressed);
  if (!desk) return;
  const button = document.querySelector("[data-help]");
  button.hidden = false;
  button.addEventListener("click", help);
  forms();
  offer();
  checklist();
  reveals();
  clockwork();
  for (const panel of panels()) {
    fit(panel);
    panel.addEventListener("change", () => fit(panel));
    panel.addEventListener("toggle", () => fit(panel), true);
  }
  document.querySelector(".desk-refusal")?.scrollIntoView({ block: "center" });
});
