const { api, keep } = require("../../api.js");
const { texts, language, complaint } = require("../../texts.js");
const config = require("../../config.js");

Page({
  data: { t: {}, known: null, phone: "", code: "", agreed: false, documents: [], said: "", wrong: "" },

  onLoad() {
    this.setData({ t: texts() });
    this.enter();
  },

  // WeChat's own code first: somebody it knows is in at once, anybody else gets a ticket to bind their phone with.
  enter() {
    wx.login({
      success: async ({ code }) => {
        try {
          const { status, data } = await api("wechat", { app: "mini", code: config.person ? `${config.person}.${code}` : code });
          if (status === 200) return this.signedIn(data);
          getApp().globalData.ticket = data.ticket;
        } catch (problem) {
          // Agreements that changed, or WeChat away: the phone still signs in.
          if (!["agreements_not_accepted", "wechat_unavailable", "wechat_user_blocked"].includes(problem.code)) {
            this.setData({ wrong: complaint(problem) });
          }
        }
        const { data } = await api("register", { moment: "register" });
        const named = data.map((one) => ({ ...one, title: language() === "zh" ? one.title_zh : one.title_en }));
        this.setData({ known: false, documents: named });
      },
      fail: () => this.setData({ known: false, wrong: this.data.t.no_connection }),
    });
  },

  typed(event) {
    this.setData({ [event.currentTarget.dataset.field]: event.detail.value });
  },

  agree(event) {
    this.setData({ agreed: event.detail.value.length > 0 });
  },

  show(event) {
    const one = this.data.documents[event.currentTarget.dataset.index];
    wx.showModal({ title: one.title, content: language() === "zh" ? one.body_zh : one.body_en, showCancel: false });
  },

  async sendCode() {
    try {
      await api("otp", { phone: this.data.phone, accept_notice: this.data.agreed, language: language() === "zh" ? "zh-hans" : "en" });
      this.setData({ said: this.data.t.sent, wrong: "" });
    } catch (problem) {
      this.setData({ wrong: complaint(problem) });
    }
  },

  async bind() {
    const accepted = {};
    if (this.data.agreed) this.data.documents.forEach((one) => (accepted[one.code] = one.version));
    try {
      const ticket = getApp().globalData.ticket;
      const { data } = await api("token", { phone: this.data.phone, code: this.data.code, accepted, wechat_ticket: ticket });
      getApp().globalData.ticket = "";
      this.signedIn(data);
    } catch (problem) {
      this.setData({ wrong: complaint(problem) });
      if (problem.code === "wechat_ticket_refused") this.enter();
    }
  },

  signedIn(tokens) {
    keep(tokens);
    wx.reLaunch({ url: "/pages/status/status" });
  },
});
