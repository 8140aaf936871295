// What is picked from a list: the code that the platform reads, then Chinese and English.
const CHOICES = {
  province: [
    ["BJ", "北京", "Beijing"], ["TJ", "天津", "Tianjin"], ["HE", "河北", "Hebei"], ["SX", "山西", "Shanxi"], ["NM", "内蒙古", "Inner Mongolia"],
    ["LN", "辽宁", "Liaoning"], ["JL", "吉林", "Jilin"], ["HL", "黑龙江", "Heilongjiang"], ["SH", "上海", "Shanghai"], ["JS", "江苏", "Jiangsu"],
    ["ZJ", "浙江", "Zhejiang"], ["AH", "安徽", "Anhui"], ["FJ", "福建", "Fujian"], ["JX", "江西", "Jiangxi"], ["SD", "山东", "Shandong"],
    ["HA", "河南", "Henan"], ["HB", "湖北", "Hubei"], ["HN", "湖南", "Hunan"], ["GD", "广东", "Guangdong"], ["GX", "广西", "Guangxi"],
    ["HI", "海南", "Hainan"], ["CQ", "重庆", "Chongqing"], ["SC", "四川", "Sichuan"], ["GZ", "贵州", "Guizhou"], ["YN", "云南", "Yunnan"],
    ["XZ", "西藏", "Tibet"], ["SN", "陕西", "Shaanxi"], ["GS", "甘肃", "Gansu"], ["QH", "青海", "Qinghai"], ["NX", "宁夏", "Ningxia"],
    ["XJ", "新疆", "Xinjiang"],
  ],
  employment: [
    ["unemployed", "暂无工作", "Not employed"], ["under_1y", "1年以下", "Less than 1 year"], ["1_4y", "1至4年", "1 to 4 years"],
    ["4_7y", "4至7年", "4 to 7 years"], ["over_7y", "7年以上", "More than 7 years"],
  ],
  relation: [
    ["spouse", "配偶", "Spouse"], ["parent", "父母", "Parent"], ["child", "子女", "Child"], ["sibling", "兄弟姐妹", "Brother or sister"],
    ["friend", "朋友", "Friend"], ["colleague", "同事", "Colleague"],
  ],
  purpose: [
    ["consumer", "日常消费", "Everyday spending"], ["education", "教育", "Education"], ["medical", "医疗", "Medical care"],
    ["renovation", "装修", "Renovation"], ["appliances", "家电", "Household appliances"], ["travel", "旅游", "Travel"],
    ["business", "经营", "My business"], ["other", "其他", "Something else"],
  ],
};

// {field: [{code, text}]} in the reader's language.
function choices(language) {
  const named = (rows) => rows.map(([code, zh, en]) => ({ code, text: language === "zh" ? zh : en }));
  return Object.fromEntries(Object.entries(CHOICES).map(([field, rows]) => [field, named(rows)]));
}

module.exports = { CHOICES, choices };
