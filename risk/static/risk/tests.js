// Test cases of a draft: written, run by the server, suggested. Without this script the page shows the stored ones.
"use strict";
(() => {
  const { data, fields, h, icon, labelled, select, chips, inputOf, ask, say, guard, loader } = risk;
  const KINDS = {
    outcome: null, reasons: { type: "text_list" }, tags: { type: "text_list" }, hits: { type: "text_list" }, limit_cents: { type: "int", unit: "cents" },
    annual_rate: { type: "text" }, grade: { type: "text" }, score: { type: "int" },
  };
  // What is no part of a verdict: an amount in cents, or any value as it stands in JSON, a plain text without quotes.
  const kind = (name) => name in KINDS ? KINDS[name] : name.endsWith("_cents") ? KINDS.limit_cents : { type: "json" };
  const isPlain = (text) => { try { JSON.parse(text); return false; } catch { return true; } };
  const written = (value) => value === null || value === undefined ? "" : typeof value === "string" && isPlain(value) ? value : JSON.stringify(value);
  const readBack = (text) => text.trim() === "" ? null : isPlain(text) ? text : JSON.parse(text);
  const NAMES = { limit_cents: "limit", annual_rate: "rate a year", hits: "rules that hit" };
  let revision = data.revision;
  let cases = data.tests.map((test) => ({ test: structuredClone(test), open: false }));
  let results = new Map();
  let coverage = null;
  let saving = false;
  const list = document.getElementById("risk-cases");
  const tests = () => cases.filter((each) => !each.deleted).map((each) => each.test);
  let saved = JSON.stringify(tests());
  const isDirty = () => data.may_write && JSON.stringify(tests()) !== saved;

  function changed() {
    const button = document.getElementById("risk-save");
    if (!button) return;
    button.disabled = saving || !isDirty();
    if (isDirty()) say("Unsaved changes", "unsaved");
    else if (document.getElementById("risk-status").dataset.kind === "unsaved") say("");
  }
  const field = (name) => ({ name, nullable: true, seen: [], unit: "", ...kind(name) });
  const state = (each) => { const result = results.get(each); return result ? (result.passed ? "passed" : "failed") : "not run"; };

  function draw() {
    list.replaceChildren(...cases.map(card));
    const live = cases.filter((each) => !each.deleted);
    document.getElementById("risk-empty").hidden = live.length > 0;
    const failed = live.filter((each) => state(each) === "failed").length;
    const run = live.filter((each) => results.has(each)).length;
    document.getElementById("risk-summary").textContent = !live.length ? "" : `${live.length} ${live.length === 1 ? "case" : "cases"}: ${run - failed} passed, ${failed} failed${run < live.length ? `, ${live.length - run} not run` : ""}.`;
    drawCoverage();
    changed();
  }
  function drawCoverage() {
    if (!coverage) return;
    const missing = (found) => h("ul", { class: "risk-missing" }, found.missing.map(([node, label]) => h("li", {}, node === "rules" ? label : `${node}: ${label}`)));
    const box = document.getElementById("risk-coverage");
    box.replaceChildren(
      h("p", {}, h("strong", {}, `${coverage.hit} of ${coverage.total}`), ` rules, rows and branches (${coverage.percent} %); ${data.required} % are needed to submit.`),
      h("progress", { class: "risk-meter", max: Math.max(coverage.total, 1), value: coverage.hit, "aria-label": "Coverage" }),
      coverage.missing.length ? h("details", { open: coverage.missing.length <= 12 }, h("summary", {}, `${coverage.missing.length} not reached`), missing(coverage)) : h("p", {}, "Everything is reached."),
      ...coverage.below.map(([key, part]) => h("details", {}, h("summary", {}, `In ${key}, which it asks: ${part.hit} of ${part.total}`), missing(part))));
  }

  function card(each) {
    const { test } = each;
    const name = test.name || "without a name";
    if (each.deleted) {
      return h("li", { class: "risk-gone" }, `${name} is deleted. `, h("button", { type: "button", class: "risk-link", onclick: () => { each.deleted = false; draw(); } }, "Undo"));
    }
    const result = results.get(each);
    const expected = Object.entries(test.expect).map(([key, value]) => `${NAMES[key] ?? key} ${(value !== null && kind(key)?.type === "json" ? written(value) : risk.shown(field(key), value)).replace("unknown", "nothing")}`).join(" · ");
    const title = h("strong", {}, name);
    each.item = h("li", { class: "risk-rule", "data-problems": result && !result.passed ? "1" : null },
      h("div", { class: "risk-row" },
        h("button", { type: "button", class: "risk-head", "aria-expanded": String(each.open), onclick: () => { each.open = !each.open; redraw(each); each.item.querySelector(".risk-head").focus(); } },
          h("span", { class: "risk-state", "data-state": state(each) }, state(each)), h("span", { class: "risk-what" }, title, " ", expected ? `expects ${expected}` : "expects nothing yet")),
        data.may_write && h("span", { class: "risk-tools" },
          result && !result.passed && Object.keys(result.now).length ? h("button", { type: "button", class: "risk-link", onclick: () => { test.expect = { ...result.now }; run(); } }, "Expect what it says now") : null,
          icon("delete", `Delete ${name}`, () => { each.deleted = true; draw(); list.children[cases.indexOf(each)].querySelector("button").focus(); }))),
      result && !result.passed ? h("div", { class: "risk-differences" }, (result.error ? [result.error] : result.differences).map((text) => h("p", { class: "risk-problem" }, text))) : null,
      each.open ? form(each, title) : null);
    return each.item;
  }
  function redraw(each) {
    each.item.replaceWith(card(each));
    changed();
  }

  function asJson(label, value, onchange) {
    const input = h("input", { type: "text", "aria-label": label, placeholder: "nothing", autocomplete: "off", value: written(value), oninput: () => onchange(readBack(input.value)) });
    return h("span", { class: "risk-value" }, input);
  }
  function form(each, title) {
    const { test } = each;
    const edited = () => { results.delete(each); each.item.querySelector(".risk-state").textContent = "not run"; each.item.querySelector(".risk-state").dataset.state = "not run"; changed(); };
    const nameField = h("input", { type: "text", value: test.name ?? "", maxlength: 120, oninput: () => { test.name = nameField.value; title.textContent = test.name || "without a name"; changed(); } });
    const expects = [...data.expected.filter((key) => key in test.expect), ...Object.keys(test.expect).filter((key) => !data.expected.includes(key))];
    const others = data.expected.filter((key) => !(key in test.expect));
    const expectation = (key) => {
      const set = (value) => { test.expect[key] = value; edited(); };
      const input = key === "outcome" ? select(data.outcomes.map((word) => [word, word]), test.expect.outcome ?? "", set)
        : kind(key).type === "json" ? asJson(NAMES[key] ?? key, test.expect[key], set)
        : kind(key).type.endsWith("_list") ? chips(field(key), test.expect[key], set, { label: NAMES[key] ?? key })
          : risk.control(field(key), test.expect[key], set, { label: NAMES[key] ?? key, empty: "nothing" });
      const remove = h("button", { type: "button", class: "risk-link", onclick: () => { delete test.expect[key]; results.delete(each); redraw(each); } }, "do not compare");
      return labelled(NAMES[key] ?? key, input, data.may_write && remove);
    };
    const add = others.length && data.may_write ? labelled("Compare also", select([["", "…"], ...others.map((key) => [key, NAMES[key] ?? key])], "", (key) => {
      test.expect[key] = kind(key)?.type.endsWith("_list") ? [] : null;
      results.delete(each);
      redraw(each);
    })) : null;
    const more = Object.keys(test.inputs).filter((key) => !fields.has(key) && test.inputs[key] !== null);
    return h("fieldset", { class: "risk-form", disabled: !data.may_write }, h("legend", { class: "risk-hidden" }, test.name),
      labelled("Name", nameField),
      h("h3", {}, "Expects"), h("div", { class: "risk-inputs" }, expects.map(expectation), add),
      h("h3", {}, "Inputs"),
      more.length ? h("p", { class: "risk-problem" }, `No inputs of the scenario: ${more.join(", ")}`) : null,
      h("div", { class: "risk-inputs" }, data.fields.map((each_) => labelled(each_.name, inputOf(each_, test.inputs[each_.name] ?? null, (value) => { test.inputs[each_.name] = value; edited(); })))));
  }

  function take(answer, shownCases) {
    results = new Map(shownCases.map((each, at) => [each, answer.results[at]]));
    coverage = answer.coverage;
    if (answer.problem) say(answer.problem, "bad");
    draw();
  }
  async function run() {
    const shownCases = cases.filter((each) => !each.deleted);
    try {
      take(await ask("POST", data.urls.run, { tests: tests() }), shownCases);
      return true;
    } catch (error) {
      say(error.detail ?? "Could not be run.", "bad");
      return false;
    }
  }
  async function add(values, name) {
    const each = { test: { name, inputs: values, expect: { outcome: "approve" } }, open: true };
    cases.push(each);
    await run();
    const now = results.get(each)?.now;
    if (now && Object.keys(now).length) { each.test.expect = { ...now }; await run(); say("Added: it expects what is said now. Read whether that is right.", "unsaved"); }
    each.item?.querySelector(".risk-head").focus();
  }
  async function suggest() {
    say("Looking for cases…");
    try {
      const found = (await ask("POST", data.urls.suggest, { tests: tests() })).tests;
      cases.push(...found.map((test) => ({ test, open: false })));
      await run();
      say(found.length ? `${found.length} suggested. Each expects what is said now: read whether that is right.` : "No further case was found.", found.length ? "unsaved" : "");
    } catch (error) { say(error.detail ?? "Nothing could be suggested.", "bad"); }
  }
  async function save() {
    if (saving || !isDirty()) return;
    saving = true;
    changed();
    const sent = tests();
    try {
      revision = (await ask("POST", data.urls.save, { revision, tests: sent })).revision;
      saved = JSON.stringify(sent);
      document.getElementById("risk-conflict").hidden = true;
      say(`Saved as revision ${revision}`, "good");
      await run();
    } catch (error) {
      say(error.detail ?? "Could not be saved.", "bad");
      if (error.code === "stale_draft") conflict(error.revision);
    }
    saving = false;
    const text = document.getElementById("risk-status").textContent;
    changed();
    if (isDirty()) say(text, "bad");
  }
  function conflict(theirs) {
    const box = document.getElementById("risk-conflict");
    box.replaceChildren(h("h2", {}, "Somebody saved meanwhile"),
      h("p", {}, `Revision ${theirs} is stored now. Your cases are still on this page.`),
      h("div", { class: "risk-bar" },
        h("a", { href: location.href, target: "_blank", rel: "noopener" }, "See theirs in another window"),
        h("button", { type: "button", class: "risk-button", onclick: () => { revision = theirs; box.hidden = true; save(); } }, "Save my cases in place of theirs")));
    box.hidden = false;
    box.focus();
  }

  document.getElementById("risk-static").remove();
  document.getElementById("risk-work").hidden = false;
  document.getElementById("risk-run").addEventListener("click", async () => { if (await run()) say("Run"); });
  if (data.may_write) {
    document.getElementById("risk-save").addEventListener("click", save);
    document.getElementById("risk-suggest").addEventListener("click", suggest);
    const blank = () => Object.fromEntries(data.fields.map((each) => [each.name, null]));
    document.getElementById("risk-add-case").append(
      h("h3", {}, "Add a case"),
      loader(add),
      h("button", { type: "button", class: "risk-link", onclick: () => { cases.push({ test: { name: "", inputs: blank(), expect: {} }, open: true }); draw(); list.lastElementChild.querySelector(".risk-form input").focus(); } }, "or write one by hand"));
    guard(isDirty, save);
  }
  const stored = data.ran.results.length === cases.length;
  if (stored) take(data.ran, cases);
  else draw();
})();
