const { api, openContract } = require("../../api.js");
const { texts, language, complaint } = require("../../texts.js");

Page({
  data: { t: {}, contracts: [], code: "", opened: false, said: "", wrong: "" },

  async onLoad() {
    this.setData({ t: texts() });
    const { data } = await api("contracts", { public_id: getApp().globalData.drawdownId });
    this.setData({ contracts: data.map((one) => ({ ...one, title: language() === "zh" ? one.title_zh : one.title_en })) });
  },

  async open(event) {
    const one = this.data.contracts[event.currentTarget.dataset.index];
    try {
      await openContract({ public_id: getApp().globalData.drawdownId, contract_id: one.id });
      if (one.kind === "cost_sheet") this.setData({ opened: true });
    } catch (problem) {
      this.setData({ wrong: complaint(problem) });
    }
  },

  typed(event) {
    this.setData({ code: event.detail.value });
  },

  async sendCode() {
    try {
      await api("code", { purpose: "sign", subject: getApp().globalData.drawdownId });
      this.setData({ said: this.data.t.sent, wrong: "" });
    } catch (problem) {
      this.setData({ wrong: complaint(problem) });
    }
  },

  async sign() {
    try {
      await api("sign", { public_id: getApp().globalData.drawdownId, code: this.data.code });
      wx.reLaunch({ url: "/pages/status/status" });
    } catch (problem) {
      this.setData({ wrong: complaint(problem) });
    }
  },
});
