"""What Django has no operation for in a migration, and what it would pass over in silence."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import Error, Tags, register
from django.db import connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class CreateModels(Operation):
    """Many models at once, each after those it refers to.

    Created one by one, every model that refers to a user has all models that do built anew: of the half minute that
    this took for an empty database, the database had three seconds.
    """

    serialization_expand_args = ["models"]

    def __init__(self, models: Sequence[CreateModel]) -> None:
        self.models = models

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        # Without them the state only notes the models, and whoever asks next has all of them built, once.
        state.__dict__.pop("apps", None)
        for model in self.models:
            model.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for model in self.models:
            model.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for model in reversed(self.models):
            model.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return f"Create models {', '.join(model.name for model in self.models)}"


@register(Tags.database)
def stopped_in_between(databases: Sequence[str] | None, **_: Any) -> list[Error]:
    """Before `migrate` does anything. A migration of whose predecessors a database has a part is to Django as if it
    were not there, where they are gone: the rest would be applied to half of the tables."""
    errors = []
    for alias in databases or ():
        loader = MigrationLoader(connections[alias])
        for (app, name), migration in loader.replacements.items():
            missing = [each for each in migration.replaces if each not in loader.applied_migrations]
            if 0 < len(missing) < len(migration.replaces):
                errors.append(
                    Error(
                        f"The database has a part of what {app}.{name} replaces, and not {'.'.join(missing[0])}.",
                        hint="Migrate it first with the last release that has them all (docs/operations.md).",
                        id="lending.E001",
                    )
                )
    return errors
