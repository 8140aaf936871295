const { api, until } = require("../../api.js");
const { texts, yuan, complaint } = require("../../texts.js");

Page({
  data: { t: {}, loan: null, lines: [], busy: false, wrong: "" },

  onShow() {
    this.setData({ t: texts() });
    this.look();
  },

  async look() {
    const loanId = getApp().globalData.loanId;
    if (!loanId) return;
    const [{ data: loan }, { data: lines }] = [await api("loan", { public_id: loanId }), await api("schedule", { public_id: loanId })];
    const due = loan.next_due;
    this.setData({
      loan: { ...loan, left: yuan(loan.outstanding_principal_cents), due: due && yuan(due.open_cents), state: this.data.t.states[loan.status] },
      lines: lines.map((one) => ({ ...one, open: yuan(one.open_cents) })),
    });
  },

  async pay() {
    const { loan } = this.data;
    // One key for one wish: a tap after a lost answer does not pay twice.
    this.key = this.key || `repay-${loan.id}-${loan.next_due.number}-${Date.now()}`;
    this.setData({ busy: true, wrong: "" });
    try {
      await api("repay", { public_id: loan.id, amount_cents: loan.next_due.open_cents, key: this.key });
      this.key = "";
      await until(async () => {
        const { data } = await api("loan", { public_id: loan.id });
        return !data.next_due || data.next_due.number !== loan.next_due.number;
      });
      await this.look();
    } catch (problem) {
      if (problem.code !== "no_connection") this.key = "";
      this.setData({ wrong: complaint(problem) });
    }
    this.setData({ busy: false });
  },
});
