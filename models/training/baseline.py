"""The committed figures that later versions must not fall behind: headline figures of both profiles on the development notes.

A figure has fallen when it is worse than the worse end of its interval in the baseline. The slow tests check it;
``therapy-coder evaluate --write-baseline`` writes it anew, which a commit does on purpose and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import DatasetError
from models.training.dataset import Split
from models.training.evaluate import Evaluation
from models.training.figures import KINDS, Figure

BASELINE = Path(__file__).with_name("baseline.json")
SPLIT: Split = "development"
_PLACES = 6
_ROUNDING = 10.0**-_PLACES


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mark(_Strict):
    """What a figure was: its value with its 95 % interval, and on how many items it stood."""

    value: float
    low: float
    high: float
    count: int


class Baseline(_Strict):
    """Marks by profile and figure id, of one version on notes with this hash (`models.training.train.data_hash`)."""

    version: str
    split: str
    notes: int
    data_sha256: str
    profiles: dict[str, dict[str, Mark]]


def baseline_of(evaluations: Sequence[Evaluation]) -> Baseline:
    """The headline figures of these evaluations, one a profile and all of the same notes; unmeasured ones are left out."""
    first = evaluations[0]
    return Baseline(
        version=first.version,
        split=first.split,
        notes=first.notes,
        data_sha256=first.data_sha256,
        profiles={
            each.profile: {figure.id: _mark(figure) for figure in each.figures if figure.kind.gate and figure.count}
            for each in evaluations
        },
    )


def _mark(figure: Figure) -> Mark:
    value, low, high = (float(f"{number:.{_PLACES}f}") for number in (figure.value, figure.low, figure.high))
    return Mark(value=value, low=low, high=high, count=figure.count)


def write(evaluations: Sequence[Evaluation], path: Path = BASELINE) -> None:
    """Write the baseline of these evaluations."""
    path.write_text(baseline_of(evaluations).model_dump_json(indent=1) + "\n", encoding="utf-8")


def read(path: Path = BASELINE) -> Baseline:
    """The committed baseline.

    Raises
    ------
    DatasetError
        The file is missing or no baseline.
    """
    try:
        return Baseline.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError:
        raise DatasetError(path.name, 0, "it is missing; run therapy-coder evaluate --write-baseline") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise DatasetError(path.name, 0, f"{where}: {first['msg']}") from None


def fallen(baseline: Baseline, evaluations: Sequence[Evaluation]) -> list[str]:
    """A line for everything that fell behind the baseline: profile, figure, what it was and what it is; empty where nothing did."""
    lines = []
    now = {each.profile: each for each in evaluations}
    for profile, marks in baseline.profiles.items():
        if profile not in now:
            lines.append(f"{profile}: the version has no such profile any more")
            continue
        if now[profile].data_sha256 != baseline.data_sha256:
            lines.append(
                f"{profile}: the {baseline.split} notes are not those of the baseline; "
                "look at the figures and run therapy-coder evaluate --write-baseline"
            )
            continue
        figures = {figure.id: figure for figure in now[profile].figures}
        lines += [line for name, mark in marks.items() if (line := _fall(profile, name, mark, figures.get(name)))]
    return lines


def _fall(profile: str, name: str, mark: Mark, figure: Figure | None) -> str:
    if figure is None or not figure.count:
        return f"{profile}: {name} is measured no more; it was {mark.value:.3f}"
    kind = KINDS[name]
    is_high = kind.better == "higher"
    end, slack = (mark.low, -_ROUNDING) if is_high else (mark.high, _ROUNDING)
    if kind.reaches(figure.value, end + slack):
        return ""
    return (
        f"{profile}: {kind.name} was {mark.value:.3f} ({mark.low:.3f} to {mark.high:.3f}), is {figure.value:.3f}, "
        f"{'below' if is_high else 'above'} its interval"
    )
