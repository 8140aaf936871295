// Everything works without this file; with it a slider moves the amount, the quote follows, and waiting pages look again.
document.documentElement.classList.add("js");

const parse = (html) => new DOMParser().parseFromString(html, "text/html");

async function look(address) {
  const answer = await fetch(address, { headers: { "X-Requested-With": "fetch" }, credentials: "same-origin" });
  return answer.redirected ? null : parse(await answer.text());
}

// Waiting: look again until the state on the page is another one, less often as time goes by.
function wait(main) {
  let pause = 1500;
  const again = async () => {
    if (!document.hidden) {
      try {
        const found = await look(location.href);
        if (!found) return location.reload();
        const fresh = found.querySelector("main");
        if (fresh.dataset.live !== main.dataset.live || fresh.dataset.at !== main.dataset.at) {
          main.replaceWith(fresh);
          start(fresh);
          fresh.querySelector("h1")?.focus();
          return;
        }
      } catch { /* offline for a moment: the next look will tell */ }
    }
    pause = Math.min(pause * 1.2, 8000);
    setTimeout(again, pause);
  };
  setTimeout(again, pause);
}

// An amount: a slider beside the field, and the quote of the page fetched as either moves.
function slide(input) {
  const { min, max, step } = input.dataset;
  const range = Object.assign(document.createElement("input"), { type: "range", min, max, step });
  range.value = input.value.replace(/,/g, "");
  range.setAttribute("aria-label", input.dataset.label || input.labels[0]?.textContent.trim() || "");
  range.addEventListener("input", () => { input.value = range.value; input.dispatchEvent(new Event("change", { bubbles: true })); });
  input.addEventListener("input", () => { range.value = input.value.replace(/,/g, ""); });
  (input.closest(".prefix") || input).after(range);
}

function quote(form) {
  let timer;
  form.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const query = new URLSearchParams(new FormData(form));
      const found = await look(`${location.pathname}?${query}`);
      if (!found) return;
      history.replaceState(null, "", `?${query}`);
      for (const part of document.querySelectorAll("[data-part]")) {
        const fresh = found.querySelector(`[data-part="${part.dataset.part}"]`);
        if (fresh) part.replaceWith(fresh);
      }
    }, 250);
  });
}

// A document that must be open for some seconds before the button works; the server holds to it as well.
function read(button) {
  let left = Number(button.dataset.seconds);
  const label = button.textContent;
  const tell = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? `${label} (${left})` : label;
    if (left-- > 0) setTimeout(tell, 1000);
  };
  tell();
}

function start(root) {
  if (root.matches?.("main[data-live]")) wait(root);
  root.querySelectorAll("[data-slider]").forEach(slide);
  root.querySelectorAll("form[data-quote]").forEach(quote);
  root.querySelectorAll("button[data-seconds]").forEach(read);
}

start(document.querySelector("main"));
document.addEventListener("submit", (event) => {
  // Pressed twice is sent once; the server would answer the same again anyway.
  const button = event.submitter;
  if (button && !event.target.dataset.quote) setTimeout(() => { button.disabled = true; });
});
addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("button[disabled]:not([data-seconds])").forEach((button) => { button.disabled = false; });
});
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js");
