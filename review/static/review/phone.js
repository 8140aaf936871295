// Every button says which key presses it. While somebody types, only Escape and Page Up do.
document.querySelector("[autofocus]")?.focus(); // at once, not when the page has been painted

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (typing && !["Escape", "PageUp"].includes(event.key)) return;
  const wanted = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const button = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === wanted);
  if (!button) return;
  event.preventDefault();
  button.click();
});
