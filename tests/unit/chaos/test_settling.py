from collections.abc import Iterator, Mapping

import pytest

from chaos import settling


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_LOOK_SECONDS", 0.001)


def seen(monkeypatch: pytest.MonkeyPatch, looks: Iterator[Mapping[str, int]]) -> list[Mapping[str, int]]:
    """Let each look find the next of `looks`; gives those that were taken."""
    taken: list[Mapping[str, int]] = []

    async def look(_databases: object, _url: object, _kinds: object) -> Mapping[str, int]:
        taken.append(next(looks))
        return taken[-1]

    monkeypatch.setattr(settling, "_under_way", look)
    return taken


async def test_it_is_settled_when_nothing_was_under_way_twice_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = seen(monkeypatch, iter([{"events": 2}, {}, {"events": 1}, {}, {}, {"never": 1}]))
    assert await settling.settled({}, "", 5, lambda _text: None) == []
    assert len(taken) == 5


async def test_work_that_shrinks_is_waited_for_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = [{"events": left} for left in range(200, 0, -1)]
    taken = seen(monkeypatch, iter([*counts, {}, {}]))
    assert await settling.settled({}, "", 0.05, lambda _text: None) == []
    assert len(taken) == 202


async def test_work_that_does_not_shrink_is_given_up_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    seen(monkeypatch, iter(lambda: {"open connections of station": 4}, None))
    assert await settling.settled({}, "", 0.05, said.append) == ["4 open connections of station"]
    assert said[0] == "waiting for 4 open connections of station"
