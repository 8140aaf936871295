"""Everything stands where everybody looks for it."""

import pytest

from tests.house.source import APPS, ROOT, Module, product

TOP = {
    "manage.py lending users risk review funding contracts traffic templates tests pyproject.toml docker-compose.yml",
    "README.md CONTRIBUTING.md LICENSE Makefile Dockerfile .ci docs requirements.lock modelling.lock",
    ".git .gitignore .gitattributes .dockerignore .venv .run",
    ".mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache __pycache__",
}
LENDING = (
    "settings urls celery wsgi asgi middleware flow overview services queries rules models common sandbox management "
    "api pages admin tasks apps migrations templatetags locale static data"
).split()
APP = (
    "apps models rules services queries providers api pages admin tasks urls migrations templatetags static data"
).split()
EXTRA = {"contracts": ["fonts"], "risk": ["editor"]}
MODULE_LINES = 600


class TestLayout:
    def test_nothing_new_stands_at_the_root(self) -> None:
        allowed = {name for line in TOP for name in line.split()}
        assert {path.name for path in ROOT.iterdir()} - allowed == set()

    @pytest.mark.parametrize("app", APPS)
    def test_an_app_is_built_of_the_agreed_files(self, app: str) -> None:
        allowed = {*(LENDING if app == "lending" else APP), *EXTRA.get(app, []), "__init__", "__pycache__"}
        assert {path.name.removesuffix(".py") for path in (ROOT / app).iterdir()} - allowed == set()

    @pytest.mark.parametrize("app", ["users", "risk", "funding", "contracts", "traffic"])
    def test_providers_that_the_import_contracts_name_exist(self, app: str) -> None:
        assert (ROOT / app / "providers" / "__init__.py").exists()

    @pytest.mark.parametrize("module", product(), ids=lambda module: module.place)
    def test_a_module_is_short_enough_to_read(self, module: Module) -> None:
        assert len(module.path.read_text().splitlines()) <= MODULE_LINES
        assert module.path.stat().st_size > 0 or module.path.name == "__init__.py", "an empty file is absent"
