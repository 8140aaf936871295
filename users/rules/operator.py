"""What an authorisation at the phone operator gives, in the words that a borrower reads: (English, Chinese)."""

GIVES = (
    "How long you have lived and worked at your present places, read once for each application while it lasts. A "
    "steady record counts for you. Neither calls nor messages are read.",
    "在授权有效期内，每次申请时查询一次您在现居住地和现工作地的稳定时长。稳定的记录对审核有利。不读取通话和短信内容。",
)
