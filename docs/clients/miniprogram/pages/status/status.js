const { api, until } = require("../../api.js");
const { texts, language, yuan, percent, complaint } = require("../../texts.js");

// Where the borrower stands, and the one thing to do next.
Page({
  data: { t: {}, state: "", reasons: [], grant: null, cards: [], next: "", documents: [], codes: {}, form: {}, wrong: "" },

  onShow() {
    this.setData({ t: texts() });
    this.look();
  },

  async look() {
    try {
      const [{ data: applications }, { data: grants }, { data: drawdowns }, { data: cards }] = [
        await api("applications"), await api("grants"), await api("drawdowns"), await api("cards"),
      ];
      const [application, drawdown] = [applications[0], drawdowns[0]];
      const grant = grants.find((one) => one.status === "ACTIVE");
      this.application = application;
      this.setData({ cards, wrong: "", grant: grant && { ...grant, limit: yuan(grant.limit_cents), free: yuan(grant.free_cents), xirr: percent(grant.xirr) } });
      if (drawdown && !["CANCELLED", "EXPIRED", "DECLINED", "RETURNED"].includes(drawdown.status)) return this.drawn(drawdown);
      if (grant) return this.granted(grant);
      if (!application || application.status === "DRAFT") return this.setData({ next: "apply", state: "" });
      this.setData({ next: "wait", state: this.data.t.states[application.status], reasons: this.said(application.reasons) });
    } catch (problem) {
      if (problem.status === 401) return wx.reLaunch({ url: "/pages/login/login" });
      this.setData({ wrong: complaint(problem) });
    }
  },

  said(reasons) {
    return reasons.map((one) => (language() === "zh" ? one.text_zh : one.text_en));
  },

  drawn(drawdown) {
    Object.assign(getApp().globalData, { drawdownId: drawdown.id, loanId: drawdown.loan_id });
    const next = { SIGNING: "sign", PAID: "repay" }[drawdown.status] || "wait";
    this.setData({ next, state: this.data.t.states[drawdown.status], reasons: this.said(drawdown.reasons) });
  },

  async granted(grant) {
    this.setData({ next: this.data.cards.some((one) => one.state === "confirmed") ? "draw" : "card", state: this.data.t.states.GRANTED });
    if (this.data.next === "draw") await this.readAgreements(grant);
  },

  // These name the lenders that would be asked.
  async readAgreements(grant) {
    const { data } = await api("agreements", { moment: "drawdown", grant_id: grant.id, amount_cents: grant.free_cents, months: grant.months });
    const needed = data.filter((one) => !one.optional && !one.given);
    this.setData({ documents: needed.map((one) => ({ ...one, title: language() === "zh" ? one.title_zh : one.title_en })) });
  },

  typed(event) {
    this.setData({ [`form.${event.currentTarget.dataset.field}`]: event.detail.value });
  },

  async agree(event) {
    const one = this.data.documents[event.currentTarget.dataset.index];
    const otp = this.data.form[`code_${one.code}`];
    try {
      if (one.accepted_by === "otp" && !otp) {
        await api("code", { purpose: "consent", subject: one.code });
        return this.setData({ [`codes.${one.code}`]: true });
      }
      await api("consent", { code: one.code, version: one.version, recipients: one.recipients, otp: otp || null });
      await this.readAgreements(this.data.grant);
    } catch (problem) {
      this.setData({ wrong: complaint(problem) });
    }
  },

  async addCard() {
    const { form } = this.data;
    try {
      const waiting = this.data.cards.find((one) => one.state === "checked");
      if (waiting) {
        await api("confirmCard", { card_id: waiting.id, code: form.card_code });
        return this.look();
      }
      const { data: card } = await api("addCard", { number: form.card_number, phone: form.card_phone });
      await until(async () => (await api("cards")).data.find((one) => one.id === card.id && one.state !== "added"));
      await this.look();
    } catch (problem) {
      this.setData({ wrong: complaint(problem) });
    }
  },

  async draw() {
    const { grant, cards } = this.data;
    const card = cards.find((one) => one.state === "confirmed");
    const purpose = this.application.purpose || "consumer";
    try {
      await api("draw", { grant_id: grant.id, amount_cents: grant.free_cents, months: grant.months, card_id: card.id, purpose });
      this.look();
    } catch (problem) {
      this.setData({ wrong: complaint(problem) });
    }
  },

  go() {
    const page = { apply: "apply/apply", sign: "sign/sign", repay: "repay/repay" }[this.data.next];
    if (page) wx.navigateTo({ url: `/pages/${page}` });
    else this.look();
  },
});
