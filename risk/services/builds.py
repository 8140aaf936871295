"""Building a scorecard from a dataset: asked for, run by a worker, adjusted by hand, saved as a draft.

The row is leased; what a dead worker left is run again from the start, which changes nothing: the same rows and
settings give the same bins. Locks: the build, then the draft.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from lending.common import wake, work
from lending.common.errors import Conflict, Invalid, NotFound
from risk.models import BuildState, Dataset, DatasetPart, Draft, Release, ReleaseForm, Scenario, ScorecardBuild
from risk.providers import binner
from risk.rules import binning, modelling, scorecard
from risk.rules.catalogue import PROTECTED
from risk.services import drafts
from users.services import acts

LEASE_SECONDS = 300  # renewed with every variable; the library alone may take a minute to load on a busy machine
TRIES = 3
AT_WORK = Q(state__in=[BuildState.PENDING, BuildState.RUNNING])
PLAIN_SOURCES = ("clock", "product", "level", "pulls", "decisions", "lists", "id2", "card4")
PLAIN = ("product", "method", "purpose")
LEAST_MOST = {
    "held_out_percent": (10, 50),
    "max_bins": (2, 12),
    "min_percent": (1, 30),
    "pdo": scorecard.BOUNDS["pdo"],
    "anchor_score": scorecard.BOUNDS["anchor_score"],
    "anchor_odds": scorecard.BOUNDS["anchor_odds"],
    "bad_percent": (0.1, 90),
}


class CannotBuild(Invalid):
    """Data `fields`: {setting: what is wrong}."""

    code, title = "cannot_build", "A scorecard cannot be built like this"


class NotDone(Conflict):
    code, title = "not_done", "This build has no result (yet)"


class ChangedMeanwhile(Conflict):
    code, title = "changed_meanwhile", "Somebody changed these bins meanwhile; look at them again"


class CannotAdjust(Invalid):
    code, title = "cannot_adjust", "The bins cannot be changed like this"


def start(*, dataset_id: int, scenario: str, title: str, settings: Mapping[str, Any], by: str, at: datetime) -> int:
    """Ask for a build; returns its id. Raises CannotBuild, NotFound, NotAllowed. `settings`: see ScorecardBuild."""
    acts.require(by=by, permission=drafts.WRITE)
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    found = Scenario.objects.filter(code=scenario).first()
    if dataset is None or found is None:
        raise NotFound("There is no such dataset or scenario.")
    if wrong := _faults(dataset, found, settings):
        raise CannotBuild(" ".join(wrong.values()), fields=wrong)
    row = ScorecardBuild.objects.create(
        key=f"build-{dataset_id}-{at.timestamp():.6f}-{by}"[:80],
        title=(title.strip() or f"Scorecard from {dataset.name}")[:120],
        dataset=dataset,
        scenario=found,
        settings=dict(settings),
        by=by,
        created_at=at,
    )
    wake.wake("risk.tasks.run_build", build_id=row.pk)
    return row.pk


def nudge_due(*, now: datetime, limit: int = 5) -> int:
    """Call a worker for every build that nobody runs; returns how many."""
    free = (Q(leased_until=None) | Q(leased_until__lt=now)) & (Q(not_before=None) | Q(not_before__lte=now))
    ids = list(ScorecardBuild.objects.filter(AT_WORK & free).order_by("pk").values_list("pk", flat=True)[:limit])
    for build_id in ids:
        wake.wake("risk.tasks.run_build", build_id=build_id)
    return len(ids)


def run_build(*, build_id: int, now: datetime) -> None:
    """Propose bins, fit, keep the result. Opens its own short transactions; returns at once if done or claimed."""
    with transaction.atomic(durable=True):
        if not work.claim(ScorecardBuild, due=AT_WORK, at=now, lease_seconds=LEASE_SECONDS, pk=build_id):
            return
        row = _locked(build_id)
        if row.state == BuildState.PENDING:
            row.start()
            row.save(update_fields=["state"])
    run = _Run(row, now)
    try:
        outcome = run.outcome()
    except binner.Stopped:
        return  # cancelled meanwhile, which is written already
    except (binner.NotInstalled, binner.BinningFailed, modelling.CannotFit) as error:
        with transaction.atomic(durable=True):
            run.close(error=str(error))
        return
    except Exception as error:
        with transaction.atomic(durable=True):
            run.put_off(error)
        raise
    with transaction.atomic(durable=True):
        run.close(**outcome)


def cancel(*, build_id: int, by: str, at: datetime) -> None:
    """Stop it at the next variable. Raises NotFound, NotDone (over already), NotAllowed."""
    acts.require(by=by, permission=drafts.WRITE)
    row = _locked(build_id)
    if row.state not in (BuildState.PENDING, BuildState.RUNNING):
        raise NotDone("It is over already.")
    row.cancel()
    row.finished_at, row.leased_until = at, None
    row.save(update_fields=["state", "finished_at", "leased_until"])


def adjust(
    *, build_id: int, revision: int, variable: str, act: str, number: int = 0, value: str = "", by: str
) -> ScorecardBuild:
    """Change one variable's bins and compute every figure again.

    act: `merge` (bin `number` and the next), `split` (bin `number` at or off `value`), `move` (inner edge `number` to
    `value`), `drop` (the variable), `reset` (all variables as proposed). Raises CannotAdjust, ChangedMeanwhile,
    NotDone, NotFound, NotAllowed.
    """
    acts.require(by=by, permission=drafts.WRITE)
    row = _locked(build_id)
    if row.state != BuildState.DONE:
        raise NotDone
    if row.revision != revision:
        raise ChangedMeanwhile(revision=row.revision)
    try:
        row.binnings = _adjusted(row, variable, act, number, value)
        row.result = modelling.fit(_rows(row), row.binnings, row.settings)
    except (binning.BadBins, modelling.CannotFit) as error:
        raise CannotAdjust(str(error)) from error
    row.revision += 1
    row.save(update_fields=["binnings", "result", "revision"])
    return row


def save_as_draft(*, build_id: int, key: str, title: str, by: str, at: datetime) -> Draft:
    """A scorecard draft of the result. A variable that a released scorecard knows keeps its reason code there.

    Raises NotDone, NotFound, and as `drafts.begin`.
    """
    row = _locked(build_id)
    if row.state != BuildState.DONE:
        raise NotDone
    draft = drafts.begin(
        key=key, scenario=row.scenario.code, form=ReleaseForm.SCORECARD, title=title or row.title, by=by, at=at
    )
    card = modelling.card_of(row.result or {}, row.settings, _reasons())
    built = {"build": row.pk, "dataset": row.dataset.name, "sha256": row.dataset.sha256, "revision": row.revision}
    draft = drafts.save(draft_id=draft.pk, revision=draft.revision, authored=card | {"built": built}, by=by, at=at)
    row.draft = draft
    row.save(update_fields=["draft"])
    return draft


def eligible(dataset: Dataset, scenario: Scenario) -> list[str]:
    """Variables of the dataset that a scorecard of the scenario may have."""
    return [
        column["name"]
        for column in dataset.columns
        if column["kind"] == "variable"
        and column["type"] in binning.BINNABLE
        and column["name"] in scenario.inputs
        and column["name"] != scorecard.AGE
        and column["name"] not in PROTECTED
    ]


def offered(dataset: Dataset, scenario: Scenario) -> list[tuple[str, bool]]:
    """The eligible variables, and whether each says something about a person, rather than about what is asked for."""
    sources = {name: spec.source for name, spec in drafts.variables_of(scenario).items()}
    return [
        (name, sources.get(name) not in PLAIN_SOURCES and name not in PLAIN) for name in eligible(dataset, scenario)
    ]


class _Run:
    """One attempt. The clock of the door, moved on by what has passed since."""

    def __init__(self, row: ScorecardBuild, now: datetime) -> None:
        self.row, self.now, self.started = row, now, time.perf_counter()

    @property
    def at(self) -> datetime:
        return self.now + timedelta(seconds=time.perf_counter() - self.started)

    def outcome(self) -> dict[str, Any]:
        """{binnings, result}. Raises as the binner and the model do."""
        settings = self.row.settings
        rows = _rows(self.row)
        modelling.check(rows)
        types = {column["name"]: column["type"] for column in self.row.dataset.columns}
        train = [place for place, held in enumerate(rows.held_out) if not held]
        values = {name: [rows.values[name][place] for place in train] for name in settings["variables"]}
        asked = [name for name in settings["variables"] if types[name] != "bool"]
        proposed = binner.propose(
            [{"variable": name, "type": types[name], "values": values[name]} for name in asked],
            [bool(rows.bad[place]) for place in train],
            max_bins=settings["max_bins"],
            min_share=settings["min_percent"] / 100,
            monotone=settings["monotone"],
            on_step=lambda done: self.step(90 * done // max(len(asked), 1)),
        )
        binnings, failed = [], []
        for name in settings["variables"]:
            found = binning.whole(name, types[name], values[name])
            answer = proposed.get(name, {})
            if "error" in answer:
                failed.append(f"{name}: {answer['error']}")
            else:
                binnings.append(found | {part: answer[part] for part in ("edges", "groups") if part in answer})
        if failed:
            raise binner.BinningFailed("; ".join(failed))
        return {"binnings": binnings, "result": modelling.fit(rows, binnings, settings)}

    def step(self, progress: int) -> bool:
        """Keep the lease and say how far it is; False where somebody has cancelled it."""
        with transaction.atomic(durable=True):
            row = _locked(self.row.pk)
            row.progress, row.leased_until = progress, self.at + timedelta(seconds=LEASE_SECONDS)
            if row.state == BuildState.RUNNING:
                row.save(update_fields=["progress", "leased_until"])
        return row.state == BuildState.RUNNING

    def close(self, *, error: str = "", binnings: Any = None, result: Any = None) -> None:
        row = _locked(self.row.pk)
        if row.state != BuildState.RUNNING:
            return  # cancelled meanwhile
        if error:
            row.fail()
        else:
            row.finish()
            row.proposed = row.binnings = binnings
            row.result, row.progress = result, 100
        row.error, row.finished_at, row.leased_until = error[:300], self.at, None
        row.save()

    def put_off(self, error: Exception) -> None:
        """Somebody's bug or a lost connection: again later, at most TRIES times."""
        row = _locked(self.row.pk)
        text = f"{type(error).__name__}: {error}"[:300]
        if row.attempts >= TRIES and row.state == BuildState.RUNNING:
            row.fail()
            row.finished_at = self.at
        row.error, row.leased_until, row.not_before = text, None, self.at + work.back_off(row.attempts)
        row.save(update_fields=["state", "error", "leased_until", "not_before", "finished_at"])


def _rows(row: ScorecardBuild) -> modelling.Rows:
    parts: QuerySet[DatasetPart] = DatasetPart.objects.filter(dataset=row.dataset_id).order_by("number")
    rows = [each for part in parts.iterator(chunk_size=20) for each in part.rows]
    return modelling.rows_of(rows, row.settings["variables"], row.settings["held_out_percent"])


def _adjusted(row: ScorecardBuild, variable: str, act: str, number: int, value: str) -> list[binning.Binning]:
    if act == "reset":
        return list(row.proposed)
    places = [place for place, each in enumerate(row.binnings) if each["variable"] == variable]
    if not places:
        raise binning.BadBins(f"{variable} is not among the variables.")
    found = list(row.binnings)
    if act == "drop":
        if len(found) == 1:
            raise binning.BadBins("The last variable stays.")
        del found[places[0]]
        return found
    changes = {
        "merge": lambda one: binning.merged(one, number),
        "split": lambda one: binning.split(one, number, value),
        "move": lambda one: binning.moved(one, number, value),
    }
    if act not in changes:
        raise binning.BadBins(f"{act!r} is nothing that can be done to bins.")
    found[places[0]] = changes[act](found[places[0]])
    return found


def _faults(dataset: Dataset, scenario: Scenario, settings: Mapping[str, Any]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if not dataset.has_outcome:
        wrong["dataset"] = "This dataset has no outcomes."
    names = settings.get("variables") or []
    if not names:
        wrong["variables"] = "Choose at least one variable."
    elif strangers := sorted(set(names) - set(eligible(dataset, scenario))):
        wrong["variables"] = f"Nobody is scored by {', '.join(strangers)}."
    elif len(set(names)) < len(names):
        wrong["variables"] = "A variable stands there twice."
    for name, (least, most) in LEAST_MOST.items():
        value = settings.get(name)
        if value is None and name == "bad_percent":
            continue
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            wrong[name] = f"{name.replace('_', ' ').capitalize()} is a number from {least} to {most}."
    return wrong


def _reasons() -> dict[str, str]:
    """By variable, of the newest release of every scorecard."""
    found: dict[str, str] = {}
    for release in Release.objects.filter(form=ReleaseForm.SCORECARD).order_by("pk"):
        blocks = (release.authored or {}).get("blocks") or []
        found |= {block["variable"]: block["reason"] for block in blocks}
    return found


def _locked(build_id: int) -> ScorecardBuild:
    row = (
        ScorecardBuild.objects.select_for_update(of=("self",))
        .select_related("dataset", "scenario")
        .filter(pk=build_id)
        .first()
    )
    if row is None:
        raise NotFound("There is no such build.")
    return row
