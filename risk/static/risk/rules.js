// The form of a rule set. The page's list of sentences is replaced by the form; without this script it stays readable.
"use strict";
(() => {
  const { data, fields, h, icon, labelled, select, control, chips, inputOf, shown, single, ask, say, guard, loader } = risk;
  const SIGNS = { "<=": "≤", ">=": "≥", "!=": "≠" };
  const WORDS = {
    action: { decline: "decline", refer: "refer to a person", tag: "tag only" },
    unknown: { hit: "hit: as if the rule held", refer: "refer: a person looks (N01)", pass: "pass: the rule does nothing" },
  };
  const MANY = ["in", "not in"];
  const isGroup = (part) => Array.isArray(part?.all) || Array.isArray(part?.any);
  const wordOf = (group) => (group.all ? "all" : "any");
  let revision = data.revision;
  let entries = read(data.authored);
  let problems = new Map(); // rule, condition or group → messages
  let states = null; // what the last try said, by entry or condition
  let saved = JSON.stringify(authored());
  let saving = false;
  const list = document.getElementById("risk-rules");

  // --- the form's shape and back ---------------------------------------------------------------------------------
  // A plain `when` stays plain as long as it can, so that what was not changed compiles to the same bytes.
  function read(form) {
    const rules = Array.isArray(form?.rules) ? form.rules.filter((rule) => rule && typeof rule === "object") : [];
    return rules.map((rule) => ({ rule: { ...rule }, plain: !!rule.when && !isGroup(rule.when), when: group(rule.when), open: false }));
  }
  function group(when) {
    if (isGroup(when)) {
      const word = wordOf(when);
      const parts = when[word].filter((part) => part && typeof part === "object");
      return { [word]: parts.map((part) => ("variable" in part ? structuredClone(part) : group(part))) };
    }
    const parts = Object.entries(when ?? {}).map(([variable, test]) => ({ variable, operator: test?.[0] ?? "=", value: test?.[1] ?? null }));
    return { all: parts };
  }
  function whenOf(entry) {
    const parts = entry.when.all;
    const names = new Set(parts?.map((part) => part.variable));
    const fits = entry.plain && parts?.length && names.size === parts.length &&
      parts.every((part) => !isGroup(part) && part.variable && part.operator !== "is unknown");
    return fits ? Object.fromEntries(parts.map((part) => [part.variable, [part.operator, part.value]])) : entry.when;
  }
  function authored() {
    const rules = entries.filter((entry) => !entry.deleted).map((entry) => {
      const rule = { ...entry.rule, when: whenOf(entry) };
      if (!rule.tag) delete rule.tag;
      return rule;
    });
    return { ...data.authored, rules };
  }
  const isDirty = () => data.may_write && JSON.stringify(authored()) !== saved;

  // --- sentences --------------------------------------------------------------------------------------------------
  function sentenceOf(rule, when) {
    const act = `${rule.action || "…"} ${rule.reason || "…"}`;
    return `${said(when)} → ${act}${rule.tag ? ` · tag: ${rule.tag}` : ""} · unknown: ${rule.unknown || "…"}`;
  }
  function said(part, inner = false) {
    if (isGroup(part)) {
      const texts = part[wordOf(part)].map((each) => said(each, true));
      const text = texts.join(part.all ? " and " : " or ") || "…";
      return inner && texts.length > 1 ? `(${text})` : text;
    }
    if (part.operator === "is unknown") return `${part.variable || "…"} is unknown`;
    const field = fields.get(part.variable);
    const value = part.operator === "between" && Array.isArray(part.value)
      ? part.value.map((end) => (end === null ? "…" : shown(field, end))).join(" and ")
      : part.value === null || part.value === undefined || part.value.length === 0 ? "…" : shown(field, part.value);
    return `${part.variable || "…"} ${SIGNS[part.operator] ?? part.operator} ${value}`;
  }

  // --- problems ----------------------------------------------------------------------------------------------------
  function place(found, shownEntries) {
    problems = new Map();
    const whole = [];
    for (const problem of found) {
      const entry = problem.rule === null ? null : shownEntries[problem.rule];
      if (!entry) { whole.push(problem); continue; }
      let at = entry;
      if (problem.field.startsWith("when")) {
        at = entry.when;
        for (const step of problem.path) at = at?.[wordOf(at)]?.[step] ?? at;
      }
      const told = problems.get(at) ?? [];
      told.push(problem);
      problems.set(at, told);
    }
    const box = document.getElementById("risk-problems");
    const rules = new Set(found.filter((problem) => problem.rule !== null).map((problem) => problem.rule)).size;
    box.replaceChildren(...(found.length
      ? [h("p", {}, rules ? `${rules} ${rules === 1 ? "rule needs" : "rules need"} attention before this can be submitted.` : "This cannot be submitted yet."),
        ...(whole.length ? [h("ul", {}, whole.map((problem) => h("li", {}, problem.message)))] : [])]
      : [h("p", {}, "Nothing is wrong with these rules.")]));
    box.dataset.kind = found.length ? "bad" : "good";
  }
  const told = (at, field) => (problems.get(at) ?? []).filter((problem) => !field || problem.field === field)
    .map((problem) => h("p", { class: "risk-problem" }, problem.message));
  function countOf(entry) {
    const within = (part) => (problems.get(part)?.length ?? 0) + (isGroup(part) ? part[wordOf(part)].reduce((sum, each) => sum + within(each), 0) : 0);
    return (problems.get(entry)?.length ?? 0) + within(entry.when);
  }

  // --- drawing -------------------------------------------------------------------------------------------------------
  function draw(focus) {
    list.replaceChildren(...entries.map(card));
    document.getElementById("risk-empty").hidden = entries.some((entry) => !entry.deleted);
    changed();
    if (focus) list.querySelector(focus)?.focus();
  }
  function changed() {
    if (!data.may_write) return;
    document.getElementById("risk-save").disabled = saving || !isDirty();
    if (isDirty()) say("Unsaved changes", "unsaved");
    else if (document.getElementById("risk-status").dataset.kind === "unsaved") say("");
  }
  function badge(state) {
    return state && h("span", { class: "risk-state", "data-state": state }, state);
  }
  const key = (entry) => entries.indexOf(entry);

  function card(entry) {
    const name = entry.rule.id || "new rule";
    if (entry.deleted) {
      return h("li", { class: "risk-gone" }, `${name} is deleted. `,
        h("button", { type: "button", class: "risk-link", onclick: () => { entry.deleted = false; draw(`#rule-${key(entry)}`); } }, "Undo"));
    }
    const count = countOf(entry);
    const text = h("span", { class: "risk-sentence" }, sentenceOf(entry.rule, entry.when));
    const title = h("strong", {}, name);
    const head = h("button", { type: "button", class: "risk-head", id: `rule-${key(entry)}`, "aria-expanded": String(entry.open), onclick: () => {
      entry.open = !entry.open;
      redraw(entry, true);
    } }, h("span", { class: "risk-number-of" }, String(entries.filter((each) => !each.deleted).indexOf(entry) + 1)), h("span", { class: "risk-what" }, title, " ", text));
    entry.resay = () => { text.textContent = sentenceOf(entry.rule, entry.when); title.textContent = entry.rule.id || "new rule"; changed(); };
    const tools = data.may_write && h("span", { class: "risk-tools" },
      icon("arrow_upward", `Move ${name} up`, () => move(entry, -1)), icon("arrow_downward", `Move ${name} down`, () => move(entry, 1)),
      icon("content_copy", `Duplicate ${name}`, () => duplicate(entry)),
      icon("delete", `Delete ${name}`, () => { entry.deleted = true; draw(); list.children[key(entry)].querySelector("button").focus(); }));
    const item = h("li", { class: "risk-rule", "data-problems": count || null, onkeydown: (event) => {
      if (data.may_write && event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
        event.preventDefault();
        move(entry, event.key === "ArrowUp" ? -1 : 1);
      }
    } }, h("div", { class: "risk-row" }, head, badge(states?.get(entry)), count ? h("span", { class: "risk-count" }, `${count} to mend`) : null, tools),
    entry.open ? form(entry) : null);
    entry.item = item;
    return item;
  }
  function redraw(entry, focus = false) {
    const old = entry.item;
    old.replaceWith(card(entry));
    if (focus) entry.item.querySelector(".risk-head").focus();
    changed();
  }
  function move(entry, by) {
    const from = key(entry);
    const to = from + by;
    if (to < 0 || to >= entries.length) return;
    entries.splice(from, 1);
    entries.splice(to, 0, entry);
    draw(`#rule-${to}`);
    if (isDirty()) say(`${entry.rule.id || "The rule"} is now number ${to + 1}: unsaved`, "unsaved");
  }
  function duplicate(entry) {
    const names = new Set(entries.map((each) => each.rule.id));
    let number = 2;
    while (names.has(`${entry.rule.id}_${number}`)) number += 1;
    const twin = { rule: { ...entry.rule, id: `${entry.rule.id || "rule"}_${number}` }, plain: entry.plain, when: structuredClone(entry.when), open: true };
    entries.splice(key(entry) + 1, 0, twin);
    draw(`#rule-${key(twin)}`);
  }

  function form(entry) {
    const { rule } = entry;
    const set = (name) => (value) => { rule[name] = value; entry.resay(); };
    const nameField = h("input", { type: "text", value: rule.id ?? "", autocomplete: "off", spellcheck: "false", oninput: (event) => set("id")(event.target.value) });
    const tagField = h("input", { type: "text", value: rule.tag ?? "", autocomplete: "off", placeholder: "none", oninput: (event) => set("tag")(event.target.value) });
    const text = h("div", { class: "risk-told" });
    const tell = () => {
      const reason = data.reasons.find((each) => each.code === rule.reason);
      text.replaceChildren(...(reason ? [h("p", {}, reason.en), h("p", { lang: "zh-Hans" }, reason.zh)] : []));
    };
    tell();
    const options = (kind, names) => names.map((name) => [name, WORDS[kind][name] ?? name]);
    return h("fieldset", { class: "risk-form", disabled: !data.may_write }, h("legend", { class: "risk-hidden" }, `Rule ${rule.id || "without a name"}`),
      labelled("Name", nameField, told(entry, "id")),
      groupOf(entry, entry.when, null, 1),
      labelled("Reason", select(data.reasons.map((each) => [each.code, `${each.code} ${each.en}`]), rule.reason ?? "", (value) => { set("reason")(value); tell(); }), text, told(entry, "reason")),
      h("div", { class: "risk-three" },
        labelled("Then", select(options("action", data.actions), rule.action ?? "", set("action")), told(entry, "action")),
        labelled("Where it is unknown", select(options("unknown", data.unknown), rule.unknown ?? "", set("unknown")), told(entry, "unknown")),
        labelled("Tag", tagField, told(entry, "tag"))),
      told(entry, "rules"));
  }

  function groupOf(entry, part, above, depth) {
    const word = wordOf(part);
    const again = () => redraw(entry);
    const choose = select([["all", "All of these hold"], ["any", "Any of these holds"]], word, (value) => {
      const parts = part[word];
      delete part[word];
      part[value] = parts;
      again();
    }, { "aria-label": "How the conditions count" });
    const first = () => ({ variable: "", operator: "=", value: null });
    return h("div", { class: "risk-group", role: "group", "aria-label": word === "all" ? "All of these hold" : "Any of these holds", "data-word": word },
      h("div", { class: "risk-bar" }, choose, badge(states?.get(part)), above && icon("close", "Remove this group", () => { remove(above, part); again(); })),
      told(part),
      h("ul", {}, part[word].map((each) => h("li", {}, isGroup(each) ? groupOf(entry, each, part, depth + 1) : condition(entry, each, part)))),
      data.may_write && h("div", { class: "risk-bar" },
        h("button", { type: "button", class: "risk-link", onclick: () => { part[word].push(first()); again(); entry.item.querySelectorAll(".risk-condition select").item(count(entry.when) - 1)?.focus(); } }, "+ condition"),
        depth < data.depth && h("button", { type: "button", class: "risk-link", onclick: () => { part[word].push({ [word === "all" ? "any" : "all"]: [first()] }); again(); } }, "+ group")));
  }
  const count = (part) => (isGroup(part) ? part[wordOf(part)].reduce((sum, each) => sum + count(each), 0) : 1);
  function remove(above, part) {
    const parts = above[wordOf(above)];
    parts.splice(parts.indexOf(part), 1);
  }

  function condition(entry, part, above) {
    const field = fields.get(part.variable);
    const operators = Object.keys(data.operators).filter((name) => !field || data.operators[name].includes(field.type));
    const change = (next) => { Object.assign(part, next); redraw(entry); };
    const variable = select(data.fields.map((each) => [each.name, each.name, each.description]), part.variable, (name) => {
      const to = fields.get(name);
      const fits = to && data.operators[part.operator]?.includes(to.type);
      const same = field && to && single(field.type) === single(to.type);
      const operator = fits ? part.operator : Object.keys(data.operators).find((each) => data.operators[each].includes(to.type));
      change({ variable: name, operator, value: fits && same ? part.value : blank(operator) });
    }, { "aria-label": "Variable", title: field?.description ?? "" });
    const operator = select(operators.map((name) => [name, SIGNS[name] ?? name]), part.operator, (name) => {
      const kind = (op) => (MANY.includes(op) ? "many" : op === "between" || op === "is unknown" ? op : "one");
      change({ operator: name, value: kind(name) === kind(part.operator) ? part.value : carried(part.value, name) });
    }, { "aria-label": "Operator" });
    return h("div", { class: "risk-condition" }, variable, operator, valueOf(entry, part, field), badge(states?.get(part)),
      data.may_write && icon("close", "Remove this condition", () => { remove(above, part); redraw(entry); }),
      field && h("small", {}, field.description), told(part));
  }
  const blank = (operator) => (MANY.includes(operator) ? [] : operator === "between" ? [null, null] : null);
  function carried(value, operator) {
    const first = Array.isArray(value) ? value[0] ?? null : value ?? null;
    if (MANY.includes(operator)) return Array.isArray(value) ? value.filter((each) => each !== null) : first === null ? [] : [first];
    return operator === "between" ? [first, first] : operator === "is unknown" ? null : first;
  }
  function valueOf(entry, part, field) {
    const label = `Value for ${part.variable || "the condition"}`;
    const set = (value) => { part.value = value; entry.resay(); };
    if (!field || part.operator === "is unknown") return null;
    if (MANY.includes(part.operator)) return chips(field, part.value, set, { label });
    if (part.operator === "between") {
      const ends = Array.isArray(part.value) ? [...part.value] : [part.value, null];
      const end = (at) => control(field, ends[at], (value) => { ends[at] = value; set([...ends]); }, { label: `${label}, ${at ? "to" : "from"}`, optional: false });
      return h("span", { class: "risk-value" }, end(0), "to", end(1));
    }
    return control(field, part.value, set, { label, empty: "choose", optional: single(field.type) === "bool" });
  }

  // --- saving ---------------------------------------------------------------------------------------------------------
  async function save() {
    if (saving || !isDirty()) return;
    saving = true;
    changed();
    say("Saving…");
    const sent = authored();
    const sentEntries = entries.filter((entry) => !entry.deleted);
    try {
      const answer = await ask("POST", data.urls.save, { revision, authored: sent });
      revision = answer.revision;
      saved = JSON.stringify(sent);
      place(answer.problems, sentEntries);
      document.getElementById("risk-conflict").hidden = true;
      say(`Saved as revision ${revision}`, "good");
    } catch (error) {
      say(error.detail ?? "Could not be saved.", "bad");
      if (error.code === "stale_draft") await conflict();
    }
    saving = false;
    for (const entry of entries) if (!entry.deleted) redrawQuietly(entry);
    changed();
  }
  // Fresh problems, without taking the cursor away from who is still typing.
  function redrawQuietly(entry) {
    if (!entry.item.contains(document.activeElement)) { entry.item.replaceWith(card(entry)); return; }
    const controls = (item) => [...item.querySelectorAll("button, input, select")];
    const at = controls(entry.item).indexOf(document.activeElement);
    entry.item.replaceWith(card(entry));
    controls(entry.item)[at]?.focus();
  }
  async function conflict() {
    const theirs = await ask("GET", data.urls.stored);
    const box = document.getElementById("risk-conflict");
    const rules = read(theirs.authored);
    const mine = new Set(entries.filter((entry) => !entry.deleted).map((entry) => `${entry.rule.id}: ${sentenceOf(entry.rule, entry.when)}`));
    box.replaceChildren(h("h2", {}, "Somebody saved meanwhile"),
      h("p", {}, `${theirs.by} saved revision ${theirs.revision} while you were writing. What you wrote is still on this page.`),
      h("details", {}, h("summary", {}, "See theirs"), h("ol", { class: "risk-theirs" }, rules.map((entry) => {
        const text = `${entry.rule.id}: ${sentenceOf(entry.rule, entry.when)}`;
        return h("li", {}, mine.has(text) ? text : h("mark", {}, text));
      })), h("p", {}, "Marked: what differs from yours.")),
      h("div", { class: "risk-bar" },
        h("button", { type: "button", class: "risk-button", onclick: () => { revision = theirs.revision; box.hidden = true; save(); } }, "Save mine in place of theirs"),
        h("button", { type: "button", class: "risk-button", onclick: () => {
          revision = theirs.revision;
          data.authored = theirs.authored;
          entries = rules;
          saved = JSON.stringify(authored());
          place(theirs.problems, entries);
          box.hidden = true;
          draw();
          say(`Theirs, revision ${revision}`, "good");
        } }, "Take theirs, drop mine")));
    box.hidden = false;
    box.focus();
  }

  // --- trying ---------------------------------------------------------------------------------------------------------
  const values = Object.fromEntries(data.fields.map((field) => [field.name, null]));
  const tryBox = document.getElementById("risk-try");
  function drawTry() {
    const used = new Set();
    const collect = (part) => (isGroup(part) ? part[wordOf(part)].forEach(collect) : used.add(part.variable));
    entries.filter((entry) => !entry.deleted).forEach((entry) => collect(entry.when));
    const row = (field) => labelled(field.name, inputOf(field, values[field.name], (value) => { values[field.name] = value; }));
    const rest = data.fields.filter((field) => !used.has(field.name));
    const needed = rest.some((field) => !field.nullable && values[field.name] === null);
    const wrap = h("div", { class: "risk-inputs" }, data.fields.filter((field) => used.has(field.name)).map(row));
    tryBox.replaceChildren(
      loader((found) => { Object.assign(values, found); drawTry(); }), wrap,
      rest.length ? h("details", { open: needed }, h("summary", {}, `${rest.length} more inputs that no rule reads`), h("div", { class: "risk-inputs" }, rest.map(row))) : "",
      h("div", { class: "risk-bar" }, h("button", { type: "button", class: "risk-button risk-main", onclick: tryIt }, "Try it")),
      h("div", { id: "risk-tried", "aria-live": "polite" }));
  }
  async function tryIt() {
    const tried = document.getElementById("risk-tried");
    const shownEntries = entries.filter((entry) => !entry.deleted);
    try {
      const answer = await ask("POST", data.urls.try, { authored: authored(), values });
      states = new Map();
      for (const [path, state] of Object.entries(answer.states)) {
        const [first, ...steps] = path.split(".").map(Number);
        let at = shownEntries[first];
        if (steps.length) { at = at.when; for (const step of steps) at = at[wordOf(at)][step]; } else states.set(at.when, state);
        states.set(at, state);
      }
      const { output } = answer;
      tried.replaceChildren(
        h("p", { class: "risk-outcome" }, "These values: ", h("strong", { "data-outcome": output.outcome }, output.outcome), output.reasons?.length ? ` for ${output.reasons.join(", ")}` : "", output.tags?.length ? ` · tags: ${output.tags.join(", ")}` : ""),
        h("ul", { class: "risk-tried" }, shownEntries.map((entry, at) => h("li", {}, badge(states.get(entry) ?? "incomplete"), " ", entry.rule.id || `rule ${at + 1}`))),
        answer.left_out.length ? h("p", { class: "risk-problem" }, "Incomplete rules were left out.") : "");
      shownEntries.forEach(redrawQuietly);
    } catch (error) {
      tried.replaceChildren(h("p", { class: "risk-problem" }, error.detail ?? "Could not be tried."));
    }
  }

  document.getElementById("risk-static")?.remove();
  document.getElementById("risk-work").hidden = false;
  if (data.may_write) {
    document.getElementById("risk-save").addEventListener("click", save);
    document.getElementById("risk-add").addEventListener("click", () => {
      entries.push({ rule: { id: "", reason: "", action: "decline", unknown: "" }, plain: false, when: { all: [{ variable: "", operator: "=", value: null }] }, open: true });
      draw();
      entries.at(-1).item.querySelector(".risk-form input").focus();
    });
    guard(isDirty, save);
  }
  place(data.problems, entries);
  draw();
  drawTry();
  document.getElementById("risk-try-panel").addEventListener("toggle", drawTry);
})();
