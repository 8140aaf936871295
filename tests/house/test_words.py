"""The repository speaks of the product alone, and works on any machine."""

import re

import pytest

from tests.house.source import ROOT, files

# In pieces, so that this file is not its own finding.
HOSTS = ["pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "npm" + "mirror", "yarn" + "pkg.com"]
PLACES = ["/wo" + "rk/", "/ro" + "ot/", r"(?<!/var)/tm" + "p/", "/home/" + r"\w"]
WORDS = [r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", "cla" + "ude", "anth" + "ropic", "chat" + "gpt", "co" + "pilot"]
FORBIDDEN = re.compile("|".join([*map(re.escape, HOSTS), *PLACES, *WORDS]), re.IGNORECASE)
LOCAL_ADDRESS = re.compile(r'"resolved"\s*:|--(extra-)?index-url|--find-links')


def _text(path: object) -> str:
    try:
        return path.read_text()  # type: ignore[attr-defined]
    except UnicodeDecodeError:
        return ""


class TestWords:
    def test_no_machine_path_registry_or_leftover_note(self) -> None:
        found = [
            f"{path.relative_to(ROOT)}:{number}: {match[0]}"
            for path in files()
            for number, line in enumerate(_text(path).splitlines(), 1)
            if (match := FORBIDDEN.search(line))
        ]
        assert found == []

    def test_locks_name_no_registry(self) -> None:
        locks = [path for path in files() if path.name in ("requirements.lock", "modelling.lock", "package-lock.json")]
        assert locks
        assert [path.name for path in locks if LOCAL_ADDRESS.search(path.read_text())] == []

    @pytest.mark.parametrize(("lock", "least"), [("requirements.lock", 50), ("modelling.lock", 20)])
    def test_every_locked_package_carries_a_hash(self, lock: str, least: int) -> None:
        packages = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())
        assert len(packages) > least
        assert [
            package.split()[0] for package in packages if package[:1].isalnum() and "--hash=sha256:" not in package
        ] == []

    def test_locks_agree_on_what_both_name(self) -> None:
        pins = [
            set(re.findall(r"^([a-z0-9][^ ]*==[^ ]+)", (ROOT / name).read_text(), re.MULTILINE))
            for name in ("requirements.lock", "modelling.lock")
        ]
        named = [{pin.split("==")[0] for pin in found} for found in pins]
        assert {pin for pin in pins[1] - pins[0] if pin.split("==")[0] in named[0] & named[1]} == set()

    def test_no_file_is_large(self) -> None:
        assert [str(path.relative_to(ROOT)) for path in files() if path.stat().st_size > 2_000_000] == []
