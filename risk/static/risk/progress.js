// Moves the bar of a running backtest and opens the result once it is there. Without it, the page is read again by hand.
const bar = document.querySelector("[data-progress]");

async function look() {
  let answer;
  try {
    answer = await fetch(bar.dataset.progress, { headers: { Accept: "application/json" } });
  } catch {
    return window.setTimeout(look, 3000); // the network is away for a moment
  }
  if (!answer.ok) return undefined;
  const told = await answer.json();
  bar.value = told.done;
  bar.max = told.chunks;
  document.querySelector("[data-progress-text]").textContent = told.text;
  if (told.over) return window.location.reload();
  return window.setTimeout(look, 1000);
}

if (bar) look();
