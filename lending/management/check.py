"""`make check`: everything that is wrong without running a test, side by side, each failure with its output."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

CHECKS: dict[str, list[str]] = {
    "types": ["mypy", "--no-error-summary"],
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "import contracts": ["lint-imports", "--no-logo"],
    "missing migrations": ["python", "manage.py", "makemigrations", "--check", "--dry-run"],
    "production settings": ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
    "API schema": ["python", "manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull],
    "translations": ["python", "-m", "lending.management.translations", "check"],
    "state diagram": ["python", "manage.py", "statemachine", "--check"],
    "Dockerfile": ["hadolint", "--no-color", "Dockerfile"],
    "compose file": ["check-jsonschema", "--quiet", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
    "compose configuration": ["docker", "compose", "--profile", "*", "config", "--quiet"],
}
NEEDS_DOCKER = "compose configuration"
# What an installation would have in its environment; the values only have to be well formed.
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "lending.settings.base",
    "SECRET_KEY": "only for this check " + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "FIELD_ENCRYPTION_KEYS": "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=",
    "ALLOWED_HOSTS": "loans.example.com",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}
COMPOSE = dict.fromkeys(
    "SECRET_KEY FIELD_ENCRYPTION_KEYS BLIND_INDEX_KEY ALLOWED_HOSTS POSTGRES_PASSWORD REDIS_PASSWORD SEAL_KEY_PEM "
    "SEAL_CERT_PEM VENDORS".split(),
    "x",
)


def main() -> int:
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        codes = list(pool.map(_check, CHECKS))
    failed = [name for name, code in zip(CHECKS, codes, strict=True) if code]
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def _check(name: str) -> int:
    program, *arguments = CHECKS[name]
    if name == NEEDS_DOCKER and not _has_compose():
        print(f"skipped {name}: docker has no compose here", flush=True)
        return 0
    started = time.monotonic()
    environment = os.environ | {"production settings": PRODUCTION, NEEDS_DOCKER: COMPOSE}.get(name, {})
    environment.setdefault("DJANGO_SETTINGS_MODULE", "lending.settings.dev")
    with tempfile.TemporaryFile("w+") as output:
        command = [str(BIN / program) if (BIN / program).exists() else program, *arguments]
        code = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=output, check=False).returncode
        output.seek(0)
        text = output.read().rstrip()
    said = f"{'ok    ' if code == 0 else 'FAILED'} {name} ({time.monotonic() - started:.1f} s)"
    print(said if code == 0 else f"{said}\n{text}", flush=True)
    return code


def _has_compose() -> bool:
    docker = shutil.which("docker") or ""
    return (
        bool(docker)
        and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0
    )


if __name__ == "__main__":
    sys.exit(main())
