// Every call this program makes, in one table. `sends` are the fields of the body (`query`: of the address), `reads` those
// of the answer; nothing else goes out or comes in. A test compares the table with the platform's OpenAPI document.
const config = require("./config.js");

const CALLS = {
  "wechat": {
    "method": "POST", "path": "/auth/wechat", "open": true, "sends": ["app", "code"],
    "reads": { "200": ["access", "refresh"], "202": ["ticket"] }
  },
  "register": {
    "method": "GET", "path": "/agreements", "open": true, "query": ["moment"],
    "reads": { "200": ["code", "version", "title_en", "title_zh", "body_en", "body_zh"] }
  },
  "otp": {
    "method": "POST", "path": "/auth/otp", "open": true, "sends": ["phone", "accept_notice", "language"],
    "reads": { "202": ["expires_in", "retry_after"] }
  },
  "token": {
    "method": "POST", "path": "/auth/token", "open": true, "sends": ["phone", "code", "accepted", "wechat_ticket"],
    "reads": { "200": ["access", "refresh"] }
  },
  "refresh": {
    "method": "POST", "path": "/auth/refresh", "open": true, "sends": ["refresh"],
    "reads": { "200": ["access", "refresh"] }
  },
  "code": {
    "method": "POST", "path": "/auth/otp", "sends": ["purpose", "subject"],
    "reads": { "202": ["expires_in", "retry_after"] }
  },
  "me": { "method": "GET", "path": "/me", "reads": { "200": ["name", "phone", "missing"] } },
  "profile": {
    "method": "PUT", "path": "/me/profile",
    "sends": ["name", "id_number", "id_expires_on", "province", "city", "employment", "employer", "job",
      "net_income_cents", "instalments_elsewhere_cents", "declared"],
    "reads": { "200": ["name", "id_number"] }
  },
  "contacts": {
    "method": "PUT", "path": "/me/contacts", "list": true, "sends": ["relation", "name", "phone"],
    "reads": { "200": ["relation", "name", "phone"] }
  },
  "agreements": {
    "method": "GET", "path": "/agreements", "query": ["moment", "grant_id", "amount_cents", "months"],
    "reads": { "200": ["code", "version", "title_en", "title_zh", "body_en", "body_zh", "accepted_by", "optional",
      "recipients", "given"] }
  },
  "consent": {
    "method": "POST", "path": "/me/consents", "sends": ["code", "version", "recipients", "otp"],
    "reads": { "201": ["id", "code"] }
  },
  "check": { "method": "POST", "path": "/me/checks", "sends": ["kind"], "reads": { "202": ["id", "state"] } },
  "checks": { "method": "GET", "path": "/me/checks", "reads": { "200": ["kind", "state"] } },
  "products": {
    "method": "GET", "path": "/products", "open": true,
    "reads": { "200": ["code", "name", "name_zh", "amount_min_cents", "amount_max_cents", "step_cents", "terms_months",
      "currency"] }
  },
  "quote": {
    "method": "POST", "path": "/products/{code}/quote", "open": true, "sends": ["amount_cents", "months"],
    "reads": { "200": ["instalment_cents", "total_cents", "irr12", "xirr", "currency"] }
  },
  "start": {
    "method": "POST", "path": "/applications", "key": true, "sends": ["product"],
    "reads": { "201": ["id", "status"] }
  },
  "submit": {
    "method": "POST", "path": "/applications/{public_id}/submit", "sends": ["amount_cents", "months", "purpose"],
    "reads": { "200": ["id", "status"] }
  },
  "applications": {
    "method": "GET", "path": "/applications",
    "reads": { "200": ["id", "status", "product", "amount_cents", "months", "purpose", "grant_id", "reapply_at",
      "can_ask_for_human", "reasons.text_en", "reasons.text_zh"] }
  },
  "grants": {
    "method": "GET", "path": "/grants",
    "reads": { "200": ["id", "status", "limit_cents", "free_cents", "months", "annual_rate", "xirr", "valid_until",
      "currency"] }
  },
  "cards": { "method": "GET", "path": "/me/bank-cards", "reads": { "200": ["id", "bank", "last4", "state"] } },
  "addCard": {
    "method": "POST", "path": "/me/bank-cards", "sends": ["number", "phone"], "reads": { "201": ["id", "state"] }
  },
  "confirmCard": {
    "method": "POST", "path": "/me/bank-cards/{card_id}/confirm", "sends": ["code"], "reads": { "200": ["id", "state"] }
  },
  "draw": {
    "method": "POST", "path": "/drawdowns", "key": true,
    "sends": ["grant_id", "amount_cents", "months", "card_id", "purpose"], "reads": { "201": ["id", "status"] }
  },
  "drawdowns": {
    "method": "GET", "path": "/drawdowns",
    "reads": { "200": ["id", "grant_id", "status", "amount_cents", "months", "loan_id", "currency", "reasons.text_en",
      "reasons.text_zh"] }
  },
  "contracts": {
    "method": "GET", "path": "/drawdowns/{public_id}/contracts",
    "reads": { "200": ["id", "kind", "state", "title_en", "title_zh"] }
  },
  "contract": { "method": "GET", "path": "/drawdowns/{public_id}/contracts/{contract_id}", "file": true, "reads": {} },
  "sign": {
    "method": "POST", "path": "/drawdowns/{public_id}/contracts/sign", "sends": ["code"],
    "reads": { "200": ["id", "status"] }
  },
  "loan": {
    "method": "GET", "path": "/loans/{public_id}",
    "reads": { "200": ["id", "status", "outstanding_principal_cents", "days_past_due", "currency", "next_due.number",
      "next_due.due_date", "next_due.open_cents"] }
  },
  "schedule": {
    "method": "GET", "path": "/loans/{public_id}/schedule",
    "reads": { "200": ["number", "due_date", "open_cents", "paid_at"] }
  },
  "repay": {
    "method": "POST", "path": "/loans/{public_id}/repayments", "key": true, "sends": ["amount_cents"],
    "reads": { "202": ["id", "state", "amount_cents"] }
  }
};

// The fields named, and no other: of an object, or of every one in a list.
function only(names, value) {
  if (Array.isArray(value)) return value.map((each) => only(names, each));
  if (value === null || typeof value !== "object") return value;
  const kept = {};
  for (const name of names) {
    const head = name.split(".")[0];
    if (!(head in value)) continue;
    const inner = names.filter((each) => each.startsWith(head + ".")).map((each) => each.slice(head.length + 1));
    kept[head] = inner.length ? only(inner, value[head]) : value[head];
  }
  return kept;
}

function address(call, given) {
  const path = call.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(given[name]));
  const asked = (call.query || []).filter((name) => given[name] !== undefined);
  const query = asked.map((name) => `${name}=${encodeURIComponent(given[name])}`).join("&");
  return config.base + path + (query ? `?${query}` : "");
}

function newKey() {
  return `${Date.now()}-${Math.random().toString(36).slice(2)}`;
}

function send(call, given, key) {
  const app = getApp();
  const header = { "Content-Type": "application/json" };
  if (!call.open) header.Authorization = `Bearer ${app.globalData.tokens.access}`;
  if (call.key) header["Idempotency-Key"] = key;
  const data = !call.sends ? undefined : call.list ? only(call.sends, given.items) : only(call.sends, given);
  return new Promise((resolve, reject) =>
    wx.request({
      url: address(call, given), method: call.method, header, data,
      success: resolve,
      fail: () => reject({ status: 0, code: "no_connection", fields: {} }),
    })
  );
}

// The fields of the answer the table names, with its `status`; rejects with {status, code, detail, fields}.
async function api(name, given = {}) {
  const call = CALLS[name];
  const key = given.key || newKey(); // give your own to repeat the very same request
  let answer = await send(call, given, key);
  if (answer.statusCode === 401 && !call.open && (await renewed())) answer = await send(call, given, key);
  const names = call.reads[String(answer.statusCode)];
  if (names) return { status: answer.statusCode, data: only(names, answer.data) };
  const problem = answer.data || {};
  throw { status: answer.statusCode, code: problem.code, detail: problem.detail, fields: problem.fields || {} };
}

async function renewed() {
  const app = getApp();
  const answer = await send(CALLS.refresh, { refresh: app.globalData.tokens.refresh });
  if (answer.statusCode === 200) keep(only(CALLS.refresh.reads["200"], answer.data));
  return answer.statusCode === 200;
}

function keep(tokens) {
  getApp().globalData.tokens = tokens;
  wx.setStorageSync("tokens", tokens);
}

// A contract's PDF, opened in WeChat's own reader.
function openContract(given) {
  return new Promise((resolve, reject) =>
    wx.downloadFile({
      url: address(CALLS.contract, given),
      header: { Authorization: `Bearer ${getApp().globalData.tokens.access}` },
      success: (file) =>
        file.statusCode === 200
          ? wx.openDocument({ filePath: file.tempFilePath, fileType: "pdf", success: resolve, fail: reject })
          : reject({ status: file.statusCode, code: "not_readable", fields: {} }),
      fail: reject,
    })
  );
}

// Asks again every two seconds until `look` answers something, for a minute.
async function until(look) {
  for (let tries = 0; tries < 30; tries += 1) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  return null;
}

module.exports = { CALLS, api, keep, only, openContract, until };
