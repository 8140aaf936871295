"""The field of a state machine."""

from typing import Any

from django_fsm import FSMField


class StateField(FSMField):
    """A state that only transitions change. To a migration it is the text column that it is.

    Every historical model that has an FSMField goes on listening for classes that are prepared, so migrating slowed
    down with the square of the models: half of its time.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"protected": True} | kwargs)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        kwargs.pop("protected", None)
        return name, "django.db.models.CharField", args, kwargs
