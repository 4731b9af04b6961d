"""A test of the rubric is one small function whose docstring states it, as a condition is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from tabi.dod.condition import NotDoneError, stated
from tabi.dod.facts import Facts
from tabi.errors import TabiError

if TYPE_CHECKING:
    from tabi.dod.evaluate import Judged

Section = Literal["data", "model", "infrastructure", "monitoring"]
SECTIONS: tuple[Section, ...] = ("data", "model", "infrastructure", "monitoring")

MANUAL, AUTOMATED = 0.5, 1.0


class Points(NamedTuple):
    """What a test is worth here, and why."""

    points: float
    text: str


class Seen(NamedTuple):
    """What a test looks at: the facts, and the conditions that were judged by them."""

    facts: Facts
    judged: Mapping[str, Judged]

    def condition(self, key: str, points: float = AUTOMATED) -> Points:
        """So many points where a condition is done."""
        found = self.judged[key]
        return Points(points if found.status == "done" else 0.0, f"{found.status}: {found.text}")

    def gate(self, name: str) -> Points:
        """A whole point where a gate judged the current bundle and passed: each release asks it again."""
        verdict = self.facts.verdicts.get(name)
        if verdict is None or verdict["verdict"] in {"skipped", "off"}:
            return Points(0.0, f"the gate {name} did not judge this bundle")
        passed = verdict["verdict"] in {"pass", "warn"}
        return Points(AUTOMATED if passed else 0.0, f"gate {name}: {verdict['verdict']}")


Ask = Callable[[Seen], Points]


class Criterion(NamedTuple):
    """One of the 28 tests."""

    key: str
    section: Section
    title: str
    detail: str
    ask: Ask


class Scored(msgspec.Struct, frozen=True):
    """A test with its points."""

    key: str
    section: str
    title: str
    points: float
    text: str


class Score(msgspec.Struct, frozen=True):
    """Points by test and by section, and the score: the smallest of the sections."""

    tests: tuple[Scored, ...]
    sections: dict[str, float]
    final: float


TESTS: dict[str, Criterion] = {}
"""All tests by their key, section by section."""


def rubric(section: Section) -> Callable[[Ask], Ask]:
    """Register a function as a test of a section."""

    def register(ask: Ask) -> Ask:
        title, detail = stated(ask)
        TESTS[ask.__name__] = Criterion(ask.__name__, section, title, detail, ask)
        return ask

    return register


def not_shown(text: str) -> Points:
    """No points, for nothing that Tabi does shows it yet."""
    return Points(0.0, f"not shown: {text}")


def score_of(facts: Facts, judged: Mapping[str, Judged]) -> Score:
    """Ask all tests."""
    seen = Seen(facts, judged)
    ordered = sorted(TESTS.values(), key=lambda test: SECTIONS.index(test.section))
    tests = tuple(_scored(test, seen) for test in ordered)
    sections = {str(name): sum((each.points for each in tests if each.section == name), 0.0) for name in SECTIONS}
    return Score(tests, sections, min(sections.values()))


def level_of(final: float) -> str:
    """What the paper calls a score, in our own words."""
    levels = (
        (0.0, "research, and not ready for production"),
        (1.0, "some of it is tested; serious gaps are likely"),
        (2.0, "a first pass over the basics; more should follow"),
        (3.0, "reasonably tested; more could be automated"),
        (5.0, "strongly automated tests and monitoring"),
    )
    for most, words in levels:
        if final <= most:
            return words
    return "exceptionally automated tests and monitoring"


def reason_of(error: Exception) -> str:
    """An error in a line. What a library says may hold values and addresses: it is left out."""
    return str(error) if isinstance(error, TabiError) else f"cannot be read: {type(error).__name__}"


def _scored(test: Criterion, seen: Seen) -> Scored:
    try:
        points, text = test.ask(seen)
    except NotDoneError as error:
        points, text = 0.0, error.found.text
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the other tests are asked
        points, text = 0.0, reason_of(error)
    return Scored(test.key, test.section, test.title, points, text)
