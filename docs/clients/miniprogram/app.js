const { language } = require("./texts.js");

App({
  globalData: { tokens: null, ticket: "", applicationId: "", drawdownId: "", loanId: "" },
  onLaunch() {
    this.globalData.tokens = wx.getStorageSync("tokens") || null;
    this.globalData.language = language();
  },
});
