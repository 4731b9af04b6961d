"""The table of permissions in docs/security.md, from the policies: `python -m scripts.infra.tables` writes it anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from scripts.infra import policies
from scripts.infra.layers import ROOT, TERRAFORM

PAGE = ROOT / "docs" / "security.md"
START, END = "<!-- permissions, written by python -m scripts.infra.tables -->", "<!-- end of permissions -->"


def permissions() -> str:
    """Who may do what on what, one row a statement."""
    rows = [row for file in policies.files() for row in _rows(file)]
    return "\n".join(["| policy | who | effect | actions | resources | only if |", "|---|---|---|---|---|---|", *rows])


def _rows(file: Path) -> Iterator[str]:
    link = f"[{file.parent.parent.name}/{file.stem}](../{file.relative_to(ROOT)})"
    places = {name: f"<{name}>" for name in policies.places(file)}
    for one in policies.statements(policies.read(file, **places)):
        who = ", ".join(name for names in one.principals.values() for name in names) or "the role"
        conditions = [
            f"{operator} {key} = {json.dumps(value)}"
            for operator, keys in one.condition.items()
            for key, value in keys.items()
        ]
        cells = (
            link,
            f"`{who}`" if one.principals else who,
            one.effect,
            _code(one.actions),
            _code(one.resources) or "the role itself",
            _code(conditions),
        )
        yield f"| {' | '.join(cells)} |"


def replaced(text: str) -> str:
    """The page with the table as it has to be."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{permissions()}\n{END}{after}"


def _code(names: object) -> str:
    return ", ".join(f"`{name}`" for name in names) if isinstance(names, list | tuple) else ""


def main() -> None:
    """Write the table."""
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(policies.files())} policies of {TERRAFORM.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
