"""Predictions with what became of them.

The rule of the join:
1. Feedback with the same key is one, the first that came.
2. Feedback that names a request belongs to that request's row. Feedback that names a unit belongs to the last row of
   that unit which was answered before the outcome was known (`at`).
3. A row that several versions answered, as in a shadow, has its outcome with each of them. A request id that was sent
   twice has it with its last answer.
4. Of several labels of a row the latest by `at` counts, and among those of one moment the last that came; the same
   holds for values, each by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tabi.monitoring.tables import LogTables


LATE_DAYS = 7


class Joins(NamedTuple):
    """`given`: pieces of feedback of the time, each counted once. `repeated`: those that came again.

    `unmatched`: those that belong to no row of the time. `delay`: the median of the seconds from an answer until its
    outcome came, None where none did. `late`: rows whose outcome came more than `LATE_DAYS` after the answer.
    """

    given: int
    repeated: int
    unmatched: int
    delay: float | None
    late: int


_STEPS = (
    """
    CREATE TABLE given AS
    SELECT coalesce(id, '') AS id, coalesce(row, 0) AS row, coalesce(unit, '') AS unit, "at" AS known_at, time AS came,
           label, value
    FROM feedback_lines QUALIFY row_number() OVER (PARTITION BY key ORDER BY time) = 1
    """,
    "CREATE TABLE answered AS SELECT unit, time AS answered, id, row FROM predictions WHERE unit <> ''",
    """
    CREATE TABLE resolved AS
    SELECT id, row, known_at, came, label, value FROM given WHERE id <> ''
    UNION ALL
    SELECT a.id, a.row, f.known_at, f.came, f.label, f.value
    FROM (SELECT * FROM given WHERE id = '') f ASOF LEFT JOIN answered a ON f.unit = a.unit AND f.known_at >= a.answered
    """,
    """
    CREATE TABLE outcomes AS
    SELECT id, row, count(*) AS given,
           last(label ORDER BY known_at, came) FILTER (WHERE label IS NOT NULL) AS target,
           last(value ORDER BY known_at, came) FILTER (WHERE value IS NOT NULL) AS outcome,
           max(known_at) AS known_at, max(came) AS came_at
    FROM resolved WHERE id IS NOT NULL GROUP BY id, row
    """,
    """
    CREATE TABLE joined AS
    SELECT p.*, o.target, o.outcome, o.known_at, o.came_at FROM (
        SELECT *, row_number() OVER (PARTITION BY version, arm, id, row ORDER BY time DESC) AS again FROM predictions
    ) p LEFT JOIN outcomes o ON p.id = o.id AND p.row = o.row AND p.again = 1
    """,
    "ALTER TABLE joined DROP COLUMN again",
)


def join(tables: LogTables) -> Joins:
    """Make the table `joined`: `predictions` with `target` (the true label), `outcome` (the value) and `known_at`."""
    for step in _STEPS:
        tables.rows(step)
    lines = tables.rows("SELECT count(*) FROM feedback_lines")[0][0]
    given = tables.rows("SELECT count(*) FROM given")[0][0]
    matched = tables.rows(
        "SELECT coalesce(sum(given), 0) FROM outcomes SEMI JOIN predictions USING (id, row)",
    )[0][0]
    delay, late = tables.rows(
        "SELECT median(came_at - time), count(*) FILTER (WHERE came_at - time > $late) FROM joined "
        "WHERE came_at IS NOT NULL",
        late=LATE_DAYS * 86400.0,
    )[0]
    return Joins(given, lines - given, given - int(matched), delay, late)
