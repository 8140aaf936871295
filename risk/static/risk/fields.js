// What the forms over a draft share: elements, value fields by type, talking to the server, saving.
"use strict";
const risk = (() => {
  const data = JSON.parse(document.getElementById("risk-data").textContent);
  const fields = new Map(data.fields.map((field) => [field.name, field]));
  let ids = 0;

  function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "value") element.value = value;
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
    return element;
  }

  const nextId = () => `risk-${++ids}`;

  // A button that shows only a sign of the back office's icon font.
  function icon(sign, label, onclick) {
    return h("button", { type: "button", class: "risk-icon", "aria-label": label, title: label, onclick },
      h("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, sign));
  }

  function labelled(text, control, ...below) {
    const target = control.matches("input, select") ? control : control.querySelector("input, select") ?? control;
    target.id ||= nextId();
    return h("div", { class: "risk-field" }, h("label", { for: target.id }, text), control, below);
  }

  function select(options, chosen, onchange, attributes = {}) {
    const known = options.some(([value]) => value === chosen);
    const list = known ? options : [[chosen ?? "", chosen || "Choose…"], ...options];
    const element = h("select", { ...attributes, onchange: () => onchange(element.value) },
      list.map(([value, text, hint]) => h("option", { value, title: hint }, text)));
    element.value = chosen ?? "";
    return element;
  }

  const single = (type) => type.replace("_list", "");
  const isMoney = (field) => field?.unit === "cents";

  // One value as text for people, and back; what is no value of the type is kept as it was typed, for the server to refuse.
  function shown(field, value) {
    if (value === null || value === undefined) return "unknown";
    if (Array.isArray(value)) return value.map((each) => shown(field, each)).join(", ") || "none";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (isMoney(field) && typeof value === "number") {
      return (value < 0 ? "-¥" : "¥") + Math.abs(value / 100).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    }
    return String(value);
  }
  function typed(field, type, text) {
    const plain = text.trim();
    if (plain === "") return null;
    if (type !== "int") return type === "text" ? text : plain;
    const number = plain.replace(/[,\s¥]/g, "");
    if (isMoney(field)) return /^-?\d+(\.\d{1,2})?$/.test(number) ? Math.round(parseFloat(number) * 100) : plain;
    return /^-?\d+$/.test(number) && Number.isSafeInteger(Number(number)) ? Number(number) : plain;
  }
  const asTyped = (field, value) =>
    value === null || value === undefined ? "" : isMoney(field) && typeof value === "number" ? (value / 100).toFixed(2) : String(value);

  // A control for one value of the field's type.
  function control(field, value, onchange, { label, empty = "unknown", optional = true } = {}) {
    const type = single(field?.type ?? "text");
    if (type === "bool") {
      const options = [["true", "yes"], ["false", "no"]];
      if (optional) options.unshift(["", empty]);
      return select(options, value === null || value === undefined ? "" : String(value),
        (text) => onchange(text === "" ? null : text === "true"), { "aria-label": label });
    }
    const list = type === "text" && field?.seen.length ? nextId() : null;
    const input = h("input", {
      type: type === "date" ? "date" : "text", inputmode: type === "int" ? (isMoney(field) ? "decimal" : "numeric") : null,
      "aria-label": label, placeholder: optional ? empty : null, list, autocomplete: "off", value: asTyped(field, value),
      class: type === "int" ? "risk-number" : null,
      oninput: () => onchange(typed(field, type, input.value)),
    });
    const unit = field?.unit ? (isMoney(field) ? "yuan" : field.unit) : null;
    const parts = [input, unit && h("span", { class: "risk-unit" }, unit)];
    if (list) parts.push(h("datalist", { id: list }, field.seen.map((each) => h("option", { value: each }))));
    return h("span", { class: "risk-value" }, parts);
  }

  // Several values as chips; Enter or a comma adds one, Backspace in an empty field takes the last away.
  function chips(field, values, onchange, { label } = {}) {
    const type = single(field?.type ?? "text");
    const list = type === "text" && field?.seen.length ? nextId() : null;
    let held = Array.isArray(values) ? [...values] : [];
    const box = h("span", { class: "risk-chips" });
    const input = h("input", {
      type: type === "date" ? "date" : "text", "aria-label": `${label}: add`, placeholder: "add…", list, autocomplete: "off",
      onkeydown: (event) => {
        if ((event.key === "Enter" || event.key === ",") && input.value.trim()) { event.preventDefault(); add(); }
        else if (event.key === "Backspace" && !input.value && held.length) change(held.slice(0, -1));
      },
      onchange: () => add(),
    });
    function add() {
      const value = typed(field, type, input.value);
      if (value === null) return;
      input.value = "";
      if (!held.includes(value)) change([...held, value]);
    }
    function change(next) { held = next; draw(); onchange([...held]); input.focus(); }
    function draw() {
      box.replaceChildren(...held.map((value, place) => h("span", { class: "risk-chip" }, shown(field, value),
        h("button", { type: "button", "aria-label": `Remove ${shown(field, value)}`, onclick: () => change(held.filter((_, at) => at !== place)) }, "×"))),
      input, ...(list ? [h("datalist", { id: list }, field.seen.map((each) => h("option", { value: each })))] : []));
    }
    draw();
    return box;
  }

  // A control for an input of a decision: a value, or for lists several.
  function inputOf(field, value, onchange) {
    const options = { label: field.name, optional: true, empty: field.nullable ? "unknown" : "needed" };
    return field.type.endsWith("_list") ? chips(field, value, onchange, options) : control(field, value, onchange, options);
  }

  async function ask(method, url, body) {
    const csrf = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
    let answer;
    try {
      answer = await fetch(url, {
        method, credentials: "same-origin", headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch {
      throw { status: 0, detail: "The server cannot be reached. Your work is still here; try again." };
    }
    const isJson = (answer.headers.get("Content-Type") ?? "").includes("json");
    if (answer.redirected || !isJson) {
      throw { status: answer.status, detail: answer.redirected ? "You are signed out. Sign in in another window, then save again." : `The server answered ${answer.status}. Your work is still here.` };
    }
    const told = await answer.json();
    if (!answer.ok) throw { ...told, status: answer.status };
    return told;
  }

  function say(text, kind = "") {
    const status = document.getElementById("risk-status");
    status.textContent = text;
    status.dataset.kind = kind;
  }

  // Ctrl+S saves; leaving with unsaved changes is asked about.
  function guard(isDirty, save) {
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") { event.preventDefault(); save(); }
    });
    window.addEventListener("beforeunload", (event) => { if (isDirty()) event.preventDefault(); });
  }

  // Row or decision → its values.
  function loader(onvalues) {
    const number = h("input", { type: "text", inputmode: "numeric", size: 8, value: "1" });
    const kind = h("select", {}, h("option", { value: "row" }, "German Credit row"),
      data.may_see_decisions && h("option", { value: "decision" }, "stored decision"));
    const told = h("span", { class: "risk-problem", role: "alert" });
    const load = h("button", { type: "button", class: "risk-button", onclick: async () => {
      told.textContent = "";
      try {
        const found = await ask("GET", `${data.urls.values}?${kind.value}=${encodeURIComponent(number.value.trim())}`);
        onvalues(found.values, `${kind.value === "row" ? "row" : "decision"} ${number.value.trim()}`);
      } catch (error) { told.textContent = error.detail; }
    } }, "Load values");
    kind.setAttribute("aria-label", "Values from");
    number.setAttribute("aria-label", "Its number");
    return h("div", { class: "risk-bar" }, kind, number, load, told);
  }

  return { data, fields, h, icon, labelled, select, control, chips, inputOf, shown, single, ask, say, guard, loader, nextId };
})();
