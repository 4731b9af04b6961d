"""docs/dod.md: the conditions and the tests of the rubric, as their docstrings state them.

`python -m tests.dod.document` writes the page; `test_document.py` fails when it differs from what is written.
"""

from __future__ import annotations

from pathlib import Path

from tabi.dod import CONDITIONS, LAYERS
from tabi.dod.rubric import SECTIONS, TESTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "dod.md"

HEAD = """# The Definition of Done

A model is in production when eleven layers of conditions hold. `tabi dod` judges each condition by the evidence that
operations wrote, and looks at the thing itself again where that is cheap: digests of the bundle and of its snapshot,
the chain of the audit trail, the run in tracking.

| command | what it does |
|---|---|
| `tabi dod [NAME]` | a table; without a name of the project that was released last |
| `tabi dod NAME --json` | one JSON document |
| `tabi dod NAME --html FILE` | one page that needs no network and no script, and prints well |
| `tabi dod NAME --require 0-5,9` | exit code 1 unless every condition of these layers is done; `all` is every layer |

| status | meaning |
|---|---|
| done | proved, with a link to the evidence and its age |
| stale | the evidence is of something older: of another bundle, commit, snapshot or environment |
| failing | the evidence, or the thing itself, says no |
| missing | there is no evidence; the command that would write it is told |

Evidence is one JSON object a line in `evidence/` of the workspace: what was done to what, when, from which inputs by
digest, and with which figures and verdict. Records are only ever appended. `data fetch`, `train`, `release`,
`approve`, `promote`, `rollback`, `sign`, `reproduce`, `audit verify`, `serve`, `bench`, `make test`,
`make test-system`, `make infra-cycle` and `make docker-push` write them. What a record says is believed as far as the
folder is: whoever may write it can write anything into it. The audit trail's own chain and the bundle's signature are
what an outsider cannot forge.

Without a repository there is no commit, so what is proved by commit stays missing. A layer that is not built yet shows
as missing: `–` says that no command writes evidence of it.

To add a condition, add one function to the module of its layer in `src/tabi/dod/layers/`; its docstring is the text
below.

## Conditions
"""

SCORE = """
## ML Test Score

E. Breck, S. Cai, E. Nielsen, M. Salib, D. Sculley: “The ML Test Score: A Rubric for ML Production Readiness and
Technical Debt Reduction”, IEEE Big Data 2017. 28 tests in four sections. A test that a person carries out and writes
down is worth half a point, one that a system repeats by itself a whole one. The score is the smallest sum of the four
sections. The tests are stated in our own words, with what shows each of them here.
"""


def page() -> str:
    """The page as the docstrings have it."""
    lines = [HEAD]
    for layer, title in enumerate(LAYERS):
        lines += [f"### {layer} {title}", "", "| condition | done when | written by |", "|---|---|---|"]
        for each in CONDITIONS.values():
            if each.layer == layer:
                command = f"`{each.command.replace('{name}', 'NAME')}`" if each.command else "–"
                lines.append(f"| {each.title} | {each.detail} | {command} |")
        lines.append("")
    lines[-1] = SCORE
    for section in SECTIONS:
        lines += [f"### {section.capitalize()}", "", "| test | shown by |", "|---|---|"]
        lines += [f"| {each.title} | {each.detail} |" for each in TESTS.values() if each.section == section]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
