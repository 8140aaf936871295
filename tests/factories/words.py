"""What people write, from the ordinary to the worst, for every field that takes words."""

# May stand on a contract: everyday, long, rare (Basic block, Extensions A and B), with a middle dot, Latin.
PRINTABLE = (
    "王建国",
    "王" * 60,
    "䶮喆㛃",
    "𠮷野",
    "买买提·艾力",
    "O'Brien Müller",
    "A&B <i>",
)
# Seen on a screen, but in none of the contract fonts.
SEEN = (
    "Łukasz",
    "مُحَمَّد الْعَرَبِيّ",
    "שלום עולם",
    "😀🎉",
    "ᠮᠣᠩᠭᠣᠯ",
    "𪜀\U00031350",
)
# Nobody would see that they are there.
UNSEEN = (
    "王\u200b建国",
    "王\u202e国建",
    "\u2066王\u2069",
    "王\u0007",
    "王\ufeff国",
    "王\u00ad国",
    "王\ue000",
    "王\u2028国",
    "\ufdd0",
)
# Refused before anybody looks at them as words.
BROKEN = ("\0", "王\0", "\ud800")
BLANK = ("", "   ", "\u3000", "\n")
