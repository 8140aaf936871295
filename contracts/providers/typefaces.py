"""The fonts contracts are set in: Noto Sans SC, cut into tiers so that a document embeds from small files.

WeasyPrint subsets every font a page uses, and that costs as much as the font is large (about half a second for a full
10 MB face). So the characters of GB 2312 level 1 and Latin are cut out once into a small regular and semi-bold, level 2
(most rarer name characters) into another file, and all the rest of Noto Sans SC (nearly the whole Basic block and
Extension A, about 250 characters of Extensions B to G) into files of a few thousand. TC and JP
follow with what they add of Extension B (about 2,000 characters, 𠮷 among them). What none of them has is refused by
name: a contract is never printed with an empty box in it.

The full faces come from npm (`contracts/fonts/package.json`); the cut ones are made beside them by set-up
(`python -m contracts.providers.typefaces`), or at first use where that was left out.
"""

import json
import os
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont

from lending.common.errors import Invalid, Unavailable

FONTS = Path(__file__).resolve().parents[1] / "fonts" / "node_modules"
SCOPE = FONTS / "@expo-google-fonts"
REGULAR = SCOPE / "noto-sans-sc" / "400Regular" / "NotoSansSC_400Regular.ttf"
SEMIBOLD = SCOPE / "noto-sans-sc" / "600SemiBold" / "NotoSansSC_600SemiBold.ttf"
TRADITIONAL = SCOPE / "noto-sans-tc" / "400Regular" / "NotoSansTC_400Regular.ttf"
JAPANESE = SCOPE / "noto-sans-jp" / "400Regular" / "NotoSansJP_400Regular.ttf"

TIER = 3000  # characters of a cut file
BETWEEN_NAMES = " \u00a0\u3000·•‧・,.-()（）、，。"
_CUT_VERSION = 4  # part of the cut files' names: raise it when what is cut changes
INDEX = f"index-v{_CUT_VERSION}.json"


class FontsMissing(Unavailable):
    code, title = "contract_fonts_missing", "The contract fonts are not installed"


class UnsettableCharacter(Invalid):
    """Data `characters`: those no installed font has, as U+ code points."""

    code, title = "unsettable_character", "A character cannot be printed"


def _gb2312(rows: range) -> set[str]:
    pairs = (bytes([0xA0 + row, 0xA0 + cell]) for row in rows for cell in range(1, 95))
    return {char for pair in pairs for char in pair.decode("gb2312", "ignore")}


def _ordinary() -> set[str]:
    latin = {chr(code) for code in (*range(0x20, 0x180), *range(0x2000, 0x2070), *range(0x2190, 0x2194))}
    marks = {chr(code) for code in (*range(0x3000, 0x3020), *range(0xFF00, 0xFF60), *range(0x2460, 0x2474))}
    return latin | marks | set("€→−≤≥×÷…") | _gb2312(range(16, 56))


def _tiers() -> list[tuple[str, int, Path, frozenset[str]]]:
    """Family, weight, source and characters of every cut file, in the order a character is looked for."""
    every = {
        path: frozenset(map(chr, TTFont(path, lazy=True).getBestCmap())) for path in (REGULAR, TRADITIONAL, JAPANESE)
    }
    first, second = every[REGULAR] & _ordinary(), every[REGULAR] & _gb2312(range(56, 88))
    tiers = [
        ("Contract", 400, REGULAR, first),
        ("Contract", 600, SEMIBOLD, first),
        ("Contract B", 400, REGULAR, second),
    ]
    done = first | second
    for path, characters in every.items():
        rest = sorted(characters - done)
        done |= characters
        parts = (frozenset(rest[start : start + TIER]) for start in range(0, len(rest), TIER))
        tiers += [
            (f"Contract {ascii_uppercase[len(tiers) - 1 + place]}", 400, path, part) for place, part in enumerate(parts)
        ]
    return tiers


def _cut(source: Path, characters: Iterable[str], target: Path) -> None:
    """Write the subset; another process doing the same at once does no harm."""
    options = subset.Options(hinting=False, layout_features=["kern", "locl", "ccmp", "mark"], notdef_outline=True)
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE", "STAT"]
    font = TTFont(source, lazy=True)
    cutter = subset.Subsetter(options)
    # Pango leaves a space or a middle dot in the font of the name around it: every file has them.
    cutter.populate(text="".join(characters) + BETWEEN_NAMES)
    cutter.subset(font)
    partial = target.with_suffix(f".{os.getpid()}")
    font.save(partial)
    partial.replace(target)


def _cut_folder() -> Path:
    folder = FONTS / ".cut"
    try:
        folder.mkdir(exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable and not (folder / INDEX).exists():  # installed read-only and not cut then: this machine's own
        folder = Path(tempfile.gettempdir()) / f"contract-fonts-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def cut() -> Path:
    """Make the cut files and their index, unless they are there. Raises FontsMissing."""
    for path in (REGULAR, SEMIBOLD, TRADITIONAL, JAPANESE):
        if not path.exists():
            raise FontsMissing("Run `npm ci` in contracts/fonts; `make run` does it.")
    index = _cut_folder() / INDEX
    if index.exists():
        return index
    faces = []
    for family, weight, source, characters in _tiers():
        target = index.parent / f"{family}-{weight}-v{_CUT_VERSION}.ttf".replace(" ", "-")
        _cut(source, characters, target)
        faces.append({"family": family, "weight": weight, "file": target.name})
    covered = sorted(ord(char) for _, _, _, characters in _tiers() for char in characters)
    partial = index.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps({"faces": faces, "covered": covered}))
    partial.replace(index)
    return index


@cache
def _index() -> tuple[Path, list[dict[str, Any]], frozenset[int]]:
    path = cut()
    kept = json.loads(path.read_text())
    return path.parent, kept["faces"], frozenset(kept["covered"])


def families() -> str:
    """For CSS `font-family`: every tier, in order."""
    return ", ".join(dict.fromkeys(f'"{face["family"]}"' for face in _index()[1]))


def stylesheet() -> str:
    """`@font-face` rules of every tier. Raises FontsMissing."""
    folder, faces, _ = _index()
    return "\n".join(
        f'@font-face {{ font-family: "{face["family"]}"; font-weight: {face["weight"]}; '
        f'src: url("{(folder / face["file"]).as_uri()}") }}'
        for face in faces
    )


def unsettable(text: str) -> list[str]:
    """The characters of `text` that are in none of the fonts, as U+ code points. Raises FontsMissing."""
    covered = _index()[2]
    missing = {char for char in text if ord(char) not in covered and char not in "\n\t\r"}
    return [f"U+{ord(char):04X}" for char in sorted(missing)]


def check_settable(text: str) -> None:
    """Raises UnsettableCharacter where a character of `text` is in none of the fonts."""
    if points := unsettable(text):
        raise UnsettableCharacter(f"No contract font has {', '.join(points)}.", characters=points)


if __name__ == "__main__":
    cut()
