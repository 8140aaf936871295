// The buttons of the scorecard form without a reload: the same request, and its answer's form in place of this one.
// Without this script they are submit buttons and do the same.
(() => {
  let waiting = null, latest = 0;

  const form = () => document.getElementById("scorecard");

  async function send(act) {
    const here = form(), number = ++latest;
    const data = new FormData(here);
    data.set("act", act);
    const answer = await fetch(location.pathname, {method: "POST", body: data, redirect: "follow"});
    if (answer.status === 403) return location.reload();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.getElementById("scorecard");
    if (number !== latest || !next) return;  // something newer is on its way, or the session has ended
    const at = document.activeElement, name = at && at.name, spot = at && at.selectionStart, scroll = window.scrollY;
    const fields = (of) => [...of.elements].filter((field) => field.name && !["submit", "hidden"].includes(field.type));
    const typed = new Map(fields(here).map((field) => [field.name, field.value]));
    here.replaceWith(next);
    if (act === "check") for (const field of fields(next)) {
      // what was typed while the server answered
      if (typed.has(field.name) && data.get(field.name) !== typed.get(field.name)) field.value = typed.get(field.name);
    }
    const again = name && next.elements.namedItem(name);
    if (again && again.focus) {
      again.focus({preventScroll: true});
      try { if (spot !== null) again.setSelectionRange(spot, spot); } catch { /* not a field of text */ }
    }
    window.scrollTo({top: scroll});
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#scorecard button[name=act]");
    if (!button || button.value === "save" || button.value === "save_over") return;
    event.preventDefault();
    send(button.value);
  });

  document.addEventListener("input", (event) => {
    if (!event.target.closest("#scorecard")) return;
    form().dataset.dirty = "yes";
    clearTimeout(waiting);
    waiting = setTimeout(() => send("check"), 500);
  });

  document.addEventListener("submit", (event) => {
    if (event.target.id === "scorecard") { form().dataset.dirty = "no"; clearTimeout(waiting); ++latest; }
  });

  window.addEventListener("beforeunload", (event) => {
    if (form() && form().dataset.dirty === "yes") event.preventDefault();
  });
})();
