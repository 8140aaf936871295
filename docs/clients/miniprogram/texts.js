// What the pages say, in both languages; the phone's own decides.
const TEXTS = {
  zh: {
    login: "登录", phone: "手机号", code: "短信验证码", get_code: "获取验证码", agree: "我已阅读并同意", bind: "登录并绑定微信",
    sent: "验证码已发送，5分钟内有效", apply: "申请借款", product: "产品", amount: "金额（元）", months: "期数（月）",
    instalment: "每期还款", total: "还款总额", cost: "年化综合成本", name: "姓名", id_number: "身份证号",
    id_expires_on: "证件有效期至", city: "城市", employer: "工作单位", job: "职业", income: "月收入（元）", elsewhere: "其他贷款月还款（元）",
    contact_name: "联系人姓名", province: "省份", employment: "现单位工作年限", relation: "与联系人关系", purpose: "借款用途", choose: "请选择", contact_phone: "联系人手机号", read_and_agree: "阅读并同意", submit: "提交申请",
    status: "进度", limit: "授信额度", free: "可用额度", until: "有效期至", add_card: "添加银行卡", card_number: "银行卡号",
    draw: "提款", sign: "签署合同", cost_first: "请先打开并阅读《综合融资成本明示表》五秒", open: "查看", sign_all: "用验证码签署全部合同",
    repay: "还款", next_due: "下一期", pay_now: "立即还款", outstanding: "剩余本金", settled: "已结清", nothing: "还没有借款",
    waiting: "正在处理，请稍候", next: "下一步", try_again: "请稍后再试", no_connection: "网络连接失败，请重试",
    states: {
      DRAFT: "草稿", SUBMITTED: "已提交", ASSESSING: "审批中", REFERRED: "人工审核中", SUPPLEMENT: "待补充材料", GRANTED: "授信通过",
      DECLINED: "未通过", WITHDRAWN: "已取消", EXPIRED: "已过期", REQUESTED: "已申请", ROUTING: "匹配资金方", FUNDER_PENDING: "资金方审批中",
      NO_FUNDER: "暂无可用资金", SIGNING: "待签约", SIGNED: "已签约", DISBURSING: "放款中", CARD_FIX: "请更换银行卡", PAID: "已放款",
      RETURNED: "已退票", CANCELLED: "已取消", ACTIVE: "还款中", OVERDUE: "已逾期", SETTLED: "已结清",
    },
  },
  en: {
    login: "Sign in", phone: "Phone number", code: "Code from the text message", get_code: "Send me a code",
    agree: "I have read and accept", bind: "Sign in and keep WeChat signed in", sent: "Sent; valid for five minutes",
    apply: "Apply for a loan", product: "Product", amount: "Amount (yuan)", months: "Months", instalment: "Each instalment",
    total: "To repay in all", cost: "Annual cost, all included", name: "Name", id_number: "ID number",
    id_expires_on: "ID valid until", city: "City", employer: "Employer", job: "Job", income: "Net income a month (yuan)",
    elsewhere: "Instalments elsewhere a month (yuan)", contact_name: "Contact: name", province: "Province", employment: "Time in your present job", relation: "The contact is your", purpose: "What it is for", choose: "Please choose", contact_phone: "Contact: phone",
    read_and_agree: "Read and agree", submit: "Send the application", status: "Where it stands", limit: "Your limit",
    free: "Free to draw", until: "Valid until", add_card: "Add a bank card", card_number: "Card number", draw: "Draw money",
    sign: "Sign the contracts", cost_first: "Open the cost sheet first and read it for five seconds", open: "Open",
    sign_all: "Sign all of them with a code", repay: "Repay", next_due: "Next instalment", pay_now: "Pay now",
    outstanding: "Principal left", settled: "Settled", nothing: "There is no loan yet", waiting: "Being worked on",
    next: "Next", try_again: "Please try again later", no_connection: "No connection; please try again",
    states: {
      DRAFT: "Draft", SUBMITTED: "Sent", ASSESSING: "Being assessed", REFERRED: "Looked at by a person",
      SUPPLEMENT: "Documents needed", GRANTED: "Granted", DECLINED: "Not approved", WITHDRAWN: "Cancelled", EXPIRED: "Expired",
      REQUESTED: "Requested", ROUTING: "Finding a lender", FUNDER_PENDING: "With the lender", NO_FUNDER: "No money available now",
      SIGNING: "To be signed", SIGNED: "Signed", DISBURSING: "Being paid out", CARD_FIX: "Choose another card", PAID: "Paid out",
      RETURNED: "Returned by the bank", CANCELLED: "Cancelled", ACTIVE: "Running", OVERDUE: "Overdue", SETTLED: "Settled",
    },
  },
};

function language() {
  return (wx.getSystemInfoSync().language || "").startsWith("zh") ? "zh" : "en";
}

function texts() {
  return TEXTS[language()];
}

function yuan(cents) {
  return `¥${(cents / 100).toFixed(2).replace(/\B(?=(\d{3})+(?!\d))/g, ",")}`;
}

function cents(text) {
  return Math.round(Number(text) * 100);
}

function percent(fraction) {
  return `${(Number(fraction) * 100).toFixed(2)} %`;
}

// What to say to a rejected call: our own words for no connection, else the platform's sentence and its fields.
function complaint(problem) {
  const t = texts();
  if (problem.code === "no_connection") return t.no_connection;
  const fields = Object.entries(problem.fields || {}).map(([name, said]) => `${t[name] || name}: ${said}`);
  return [problem.detail || t.try_again, ...fields].join("\n");
}

module.exports = { TEXTS, language, texts, yuan, cents, percent, complaint };
