"""The repository as data: files, syntax trees and what a name in them refers to."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("lending", "users", "risk", "review", "funding", "contracts", "traffic")
DOORS = ("api", "pages", "admin", "tasks")


@dataclass(frozen=True)
class Module:
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text())

    @property
    def place(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def parts(self) -> tuple[str, ...]:
        """("users", "api", "me") for users/api/me.py, ("users", "api") for users/api/__init__.py."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return parts[:-1] if parts[-1] == "__init__" else parts

    @property
    def is_door(self) -> bool:
        return len(self.parts) > 1 and self.parts[1] in DOORS

    @cached_property
    def names(self) -> dict[str, str]:
        """Imported name -> what it stands for, relative imports resolved: {"auth": "users.services.auth"}."""
        package = self.parts if self.path.name == "__init__.py" else self.parts[:-1]
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else ()
                base = ".".join([*above, *([node.module] if node.module else [])])
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{base}.{alias.name}"
        return found

    def resolve(self, node: ast.expr) -> str:
        """The dotted name that an expression stands for: `auth.request_code` -> users.services.auth.request_code."""
        attributes = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.names.get(node.id, node.id), *reversed(attributes)])

    def calls(self, inside: ast.AST | None = None) -> Iterator[ast.Call]:
        for node in ast.walk(inside or self.tree):
            if isinstance(node, ast.Call):
                yield node


def product() -> list[Module]:
    """Every module of the seven apps, migrations left out."""
    paths = (path for app in APPS for path in sorted((ROOT / app).rglob("*.py")))
    return [Module(path) for path in paths if not {"migrations", "node_modules"} & set(path.parts)]


def suite() -> list[Module]:
    return [Module(path) for path in sorted((ROOT / "tests").rglob("*.py"))]


def files() -> list[Path]:
    """Everything that is or would be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in (ROOT / name for name in listed.split("\0") if name) if path.is_file()]
