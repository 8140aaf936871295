"""What the processes of a platform find in their environment."""

import os
from collections.abc import Mapping
from pathlib import Path

from . import running

ROOT = Path(__file__).resolve().parents[3]
LIBRARIES = ROOT / ".run" / "libraries"  # Pango, where set-up had to unpack it


def for_children(run_dir: Path, *, port: int | None = None, sandbox_port: int | None = None) -> dict[str, str]:
    """This process's environment with the addresses of the run directory's services; what is already set wins."""
    given = {name: value for name, value in os.environ.items() if value or name not in running.ABSENT}
    found: dict[str, str] = {**running.urls(run_dir), **given, "RUN_DIR": str(run_dir), "PYTHONUNBUFFERED": "1"}
    found.setdefault("DJANGO_SETTINGS_MODULE", "lending.settings.dev")
    if port:
        found["PORT"] = str(port)
    if sandbox_port:
        found["SANDBOX_PORT"] = str(sandbox_port)
    return found | _libraries(found)


def _libraries(environment: Mapping[str, str]) -> dict[str, str]:
    """Where the loader finds the unpacked libraries, and fontconfig its configuration."""
    if not (LIBRARIES / ".complete").exists():
        return {}
    folders = sorted({str(path.parent) for path in LIBRARIES.glob("**/lib*.so.*")})
    if not folders:
        return {}
    if environment.get("LD_LIBRARY_PATH"):
        folders.append(environment["LD_LIBRARY_PATH"])
    added = {"LD_LIBRARY_PATH": os.pathsep.join(folders)}
    if not Path("/etc/fonts/fonts.conf").exists() and "FONTCONFIG_PATH" not in environment:
        added["FONTCONFIG_PATH"] = str(LIBRARIES / "etc" / "fonts")
    return added
