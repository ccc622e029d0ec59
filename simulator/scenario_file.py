"""Scenarios written in YAML: read, checked, and told what is wrong with them, line by line.

    about: The vehicle pauses in the middle.
    steps:
      - plug-in
      - authorize
      - start
      - charge: 20 s
      - suspend: {by: EV, for: 10 s}
      - stop
      - unplug

The same steps are played in every version. What each step may say is in `steps`, what it does in `stage`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from simulator.dialects import DIALECTS
from simulator.scenario import Scenario
from simulator.scripts import Run
from simulator.stage import Stage, StepFailed
from simulator.steps import LASTING, STEPS, StepKind, Unreadable

FOLDER = Path(__file__).parent / "scenarios"
_MOST_BYTES, _MOST_STEPS = 100_000, 500
_FIELDS = ("about", "protocols", "steps")


class ScenarioError(ValueError):
    """A file is no scenario; one line for each thing that is wrong: file, line, place, reason."""


@dataclass(frozen=True)
class Step:
    """One step as it was written, with its line."""

    kind: StepKind
    values: Mapping[str, Any]
    line: int


def names() -> list[str]:
    """The scenarios that come with the simulator."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def shipped(name: str) -> Scenario:
    """One of them. Raises ScenarioError."""
    return load(FOLDER / f"{name}.yaml")


def load(path: Path) -> Scenario:
    """The scenario in a file. Raises ScenarioError."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise ScenarioError(f"{path}: has more than {_MOST_BYTES} bytes")
    return parse(content, str(path), path.stem)


def parse(content: bytes | str, place: str, name: str) -> Scenario:
    """The scenario that a text amounts to; `place` is what errors call it. Raises ScenarioError."""
    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ScenarioError(f"{place}:{mark.line + 1 if mark else 1}: is no YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ScenarioError(f"{place}:1: is no YAML: {error}") from error
    reader = _Reader(place)
    scenario = reader.scenario(root, name)
    if reader.errors:
        raise ScenarioError("\n".join(reader.errors))
    return scenario


async def play(steps: tuple[Step, ...], place: str, run: Run) -> None:
    """Play the steps on a connected station. One that fails is a problem of the station, and ends the play."""
    stage = Stage(run)
    run.station.clock.set_rate(run.plan.rate)
    try:
        for step in steps:
            try:
                await step.kind.play(stage, step.values)
            except StepFailed as failure:
                run.station.problem("scenario", f"{place}:{step.line}: {step.kind.name}: {failure}")
                break
    finally:
        await stage.tidy_up()
        run.station.clock.set_rate(1)


class _Reader:
    """Goes through one file, and gathers what is wrong with it."""

    def __init__(self, place: str) -> None:
        self._place = place
        self.errors: list[str] = []

    def scenario(self, root: yaml.Node | None, name: str) -> Scenario:
        parts = dict(self._fields(root, "", _FIELDS)) if root is not None else {}
        if root is None:
            self._wrong(None, "", "is empty: a scenario has about and steps")
        about = self._about(root, parts.get("about"))
        steps = tuple(self._steps(root, parts.get("steps")))
        self._check_order(steps)
        seconds = sum(step.values["for"] or 0 for step in steps if step.kind.name in LASTING)
        return Scenario(
            name,
            about,
            partial(play, steps, self._place),
            protocols=self._protocols(parts.get("protocols")),
            device_seconds=max(1, seconds),
        )

    def _about(self, root: yaml.Node | None, node: yaml.Node | None) -> str:
        if node is None:
            if root is not None:
                self._wrong(root, "about", "is missing: one sentence")
            return ""
        text = self._scalar(node, "about")
        if not text:
            self._wrong(node, "about", "is empty: one sentence")
        return text.rstrip(".")

    def _protocols(self, node: yaml.Node | None) -> tuple[str, ...]:
        if node is None:
            return tuple(DIALECTS)
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._wrong(node, "protocols", f"is no list of versions, such as [{', '.join(DIALECTS)}]")
            return ()
        chosen = []
        for number, item in enumerate(node.value):
            version = self._scalar(item, f"protocols[{number}]")
            if version not in DIALECTS:
                self._wrong(item, f"protocols[{number}]", f"{version!r} is none of {', '.join(DIALECTS)}")
            chosen.append(version)
        return tuple(chosen)

    def _steps(self, root: yaml.Node | None, node: yaml.Node | None) -> Iterator[Step]:
        if node is None:
            if root is not None:
                self._wrong(root, "steps", "is missing: a list of steps")
            return
        if not isinstance(node, yaml.SequenceNode) or not 1 <= len(node.value) <= _MOST_STEPS:
            self._wrong(node, "steps", f"is no list of 1 to {_MOST_STEPS} steps")
            return
        for number, item in enumerate(node.value):
            step = self._step(item, f"steps[{number}]")
            if step is not None:
                yield step

    def _step(self, node: yaml.Node, where: str) -> Step | None:
        if isinstance(node, yaml.ScalarNode):
            name, said = node.value, None
        elif isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            key, said = node.value[0]
            name = self._scalar(key, where)
        else:
            self._wrong(node, where, "is no step: write its name, or `name: value`")
            return None
        kind = STEPS.get(name)
        if kind is None:
            self._wrong(node, where, f"{name!r} is no step; there are {', '.join(STEPS)}")
            return None
        return Step(kind, self._values(kind, node, said, f"{where}.{name}"), _line(node))

    def _values(self, kind: StepKind, node: yaml.Node, said: yaml.Node | None, where: str) -> dict[str, Any]:
        values = {name: field.default for name, field in kind.fields.items()}
        written = dict(self._written(kind, said, where))
        for name, item in written.items():
            text = self._scalar(item, f"{where}.{name}")
            try:
                values[name] = kind.fields[name].read(text)
            except Unreadable as error:
                self._wrong(item, f"{where}.{name}", f"{text!r} {error}")
        for name, field in kind.fields.items():
            if field.is_required and name not in written:
                self._wrong(node, f"{where}.{name}", f"is missing: {field.about}")
        return values

    def _written(self, kind: StepKind, said: yaml.Node | None, where: str) -> Iterator[tuple[str, yaml.Node]]:
        if said is None or (isinstance(said, yaml.ScalarNode) and said.value == ""):
            return
        if isinstance(said, yaml.ScalarNode) and kind.short is not None:
            yield kind.short, said
        elif isinstance(said, yaml.MappingNode) and kind.fields:
            yield from self._fields(said, where, tuple(kind.fields))
        else:
            can = f"may say {', '.join(kind.fields)}" if kind.fields else "has nothing to be said of it"
            self._wrong(said, where, f"cannot be said so: the step {can}")

    def _fields(self, node: yaml.Node, where: str, known: tuple[str, ...]) -> Iterator[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, where, f"is no mapping with {', '.join(known)}")
            return
        seen = set()
        for key, value in node.value:
            name = self._scalar(key, where)
            place = f"{where}.{name}" if where else name
            if name not in known:
                self._wrong(key, place, f"is not known; there are {', '.join(known)}")
            elif name in seen:
                self._wrong(key, place, "is said twice")
            else:
                seen.add(name)
                yield name, value

    def _check_order(self, steps: tuple[Step, ...]) -> None:
        """Whether there is a transaction where a step needs one, and none where one begins."""
        since: int | None = None
        for step in steps:
            name = step.kind.name
            if step.kind.needs_transaction and since is None:
                self._say(step.line, name, "no transaction runs here: `start` comes first")
            if name == "start" and since is not None:
                self._say(step.line, name, f"a transaction runs already, since line {since}")
            if name == "start" or step.values.get("command") == "remote-start":
                since = step.line
            elif name in ("stop", "unplug") or step.values.get("transaction") == "ends":
                since = None

    def _scalar(self, node: yaml.Node, where: str) -> str:
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        self._wrong(node, where, "is no single value")
        return ""

    def _wrong(self, node: yaml.Node | None, where: str, what: str) -> None:
        self._say(1 if node is None else _line(node), where, what)

    def _say(self, line: int, where: str, what: str) -> None:
        self.errors.append(f"{self._place}:{line}: {where + ': ' if where else ''}{what}")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
