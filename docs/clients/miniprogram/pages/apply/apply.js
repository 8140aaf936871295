const { api, until } = require("../../api.js");
const { choices } = require("../../choices.js");
const { texts, language, yuan, cents, percent, complaint } = require("../../texts.js");

Page({
  data: {
    t: {}, products: [], product: 0, months: 0, quote: null, missing: [], documents: [], codes: {}, wrong: "", busy: false,
    form: { amount: "10000" }, lists: {}, picks: {},
  },

  async onLoad() {
    this.setData({ t: texts(), lists: choices(language()) });
    const [products, me] = [await api("products"), await api("me")];
    const named = products.data.map((one) => ({ ...one, title: language() === "zh" ? one.name_zh : one.name }));
    this.setData({ products: named, missing: me.data.missing });
    await this.readAgreements();
    this.quote();
  },

  async readAgreements() {
    const { data } = await api("agreements", { moment: "apply" });
    const needed = data.filter((one) => !one.optional && !one.given);
    this.setData({ documents: needed.map((one) => ({ ...one, title: language() === "zh" ? one.title_zh : one.title_en })) });
  },

  typed(event) {
    this.setData({ [`form.${event.currentTarget.dataset.field}`]: event.detail.value });
  },

  chosen(event) {
    this.setData({ [event.currentTarget.dataset.field]: Number(event.detail.value) });
    this.quote();
  },

  // From a list: nothing is said for the borrower before they pick it.
  picked(event) {
    this.setData({ [`picks.${event.currentTarget.dataset.field}`]: Number(event.detail.value) });
  },

  pick(field) {
    const one = this.data.lists[field][this.data.picks[field]];
    if (!one) throw { detail: `${this.data.t.choose}: ${this.data.t[field]}` };
    return one.code;
  },

  asked() {
    const product = this.data.products[this.data.product];
    return { code: product.code, amount_cents: cents(this.data.form.amount), months: product.terms_months[this.data.months] || product.terms_months[0] };
  },

  async quote() {
    try {
      const { data } = await api("quote", this.asked());
      this.setData({ quote: { each: yuan(data.instalment_cents), total: yuan(data.total_cents), xirr: percent(data.xirr) }, wrong: "" });
    } catch (problem) {
      this.setData({ quote: null, wrong: complaint(problem) });
    }
  },

  show(event) {
    const one = this.data.documents[event.currentTarget.dataset.index];
    wx.showModal({ title: one.title, content: language() === "zh" ? one.body_zh : one.body_en, showCancel: false });
  },

  // One consent at a time: those that need a code ask for it, the others are given by the tap.
  async agree(event) {
    const one = this.data.documents[event.currentTarget.dataset.index];
    const otp = this.data.form[`code_${one.code}`];
    try {
      if (one.accepted_by === "otp" && !otp) {
        await api("code", { purpose: "consent", subject: one.code });
        return this.setData({ [`codes.${one.code}`]: true, wrong: "" });
      }
      await api("consent", { code: one.code, version: one.version, recipients: [], otp: otp || null });
      await this.readAgreements();
      this.setData({ wrong: "" });
    } catch (problem) {
      this.setData({ wrong: complaint(problem) });
    }
  },

  async submit() {
    const { form, missing } = this.data;
    this.setData({ busy: true, wrong: "" });
    try {
      const purpose = this.pick("purpose");
      if (missing.length) {
        await api("profile", {
          name: form.name, id_number: form.id_number, id_expires_on: form.id_expires_on || null, province: this.pick("province"),
          city: form.city, employment: this.pick("employment"), employer: form.employer, job: form.job,
          net_income_cents: cents(form.income), instalments_elsewhere_cents: cents(form.elsewhere || 0), declared: {},
        });
        await api("contacts", { items: [{ relation: this.pick("relation"), name: form.contact_name, phone: form.contact_phone }] });
      }
      await api("check", { kind: "id2" });
      await until(async () => (await api("checks")).data.every((one) => one.state !== "pending"));
      const asked = this.asked();
      const { data: open } = await api("applications");
      const draft = open.find((one) => one.status === "DRAFT") || (await api("start", { product: asked.code })).data;
      await api("submit", { public_id: draft.id, amount_cents: asked.amount_cents, months: asked.months, purpose });
      wx.reLaunch({ url: "/pages/status/status" });
    } catch (problem) {
      this.setData({ wrong: complaint(problem), busy: false });
    }
  },
});
