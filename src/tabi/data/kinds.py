"""What a column is to the model, where the project's configuration does not say: a number, a category or a text.

A column of numbers is numeric. A column of texts is one of categories, unless its texts are prose. Two kinds of texts
are no categories and are refused, for a person has to decide: dates, and numbers with some texts among them.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from tabi.contract import MISSING_TEXT, number_of
from tabi.data.columns import counts_of
from tabi.data.rows import StoredRows
from tabi.errors import DataError
from tabi.project import ColumnConfig
from tabi.project.config import Kind

CATEGORIES_AT_MOST = 10_000
# prose has words, or is long in a script that has none between words; both are means over the rows
WORDS, BYTES = 3, 20
# fewer different numbers among texts are codes
CODES_AT_MOST = 20
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
# in numbers, with the year at either end or of two digits; with the month in English; as Japanese writes it
_DAY = (
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}(?P<sign>[-/])\d{1,2}(?P=sign)\d{2}"
    rf"|\d{{1,2}}[-. ]*{_MONTH}[-, ]*\d{{2,4}}|{_MONTH} ?\d{{1,2}},? \d{{4}}"
    r"|\d{4}\s*年\s*\d{1,2}\s*月\s*\d{1,2}\s*日"
)
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([ap]\.?m\.?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
DATE = re.compile(rf"\s*([a-z]{{3}},\s*)?({_DAY})(,?[T\s]\s*{_CLOCK})?\s*", re.IGNORECASE)


class Survey(NamedTuple):
    """What a column of texts holds. `counts`: rows by category, `None` of more than `CATEGORIES_AT_MOST`.

    `present`: rows with a text; `numbers`, `dates`: those whose text is one. `words`, `size`: words and UTF-8 bytes of
    all texts. `ascii`: rows whose text is ASCII.
    """

    counts: Counter[str] | None
    present: int
    numbers: int
    dates: int
    words: int
    size: int
    ascii: int

    @property
    def are_dates(self) -> bool:
        """Whether all texts are dates."""
        return 0 < self.dates == self.present

    @property
    def are_mixed(self) -> bool:
        """Whether they are numbers with some texts among them. Few different numbers are codes."""
        # texts that are all numbers were declared to be texts by their source
        if self.numbers == self.present or self.numbers <= self.present / 2:
            return False
        if self.counts is None:
            return True
        return sum(number_of(text)[1] != "not_a_number" for text in self.counts) > CODES_AT_MOST


def kind_of(rows: StoredRows, name: str, config: ColumnConfig) -> Kind:
    """The column's kind. `DataError` where it could be two, or would name rows instead of groups."""
    if config.kind:
        return config.kind
    if config.categories:
        return Kind.categorical
    if not rows.texts[name]:
        return Kind.numeric
    if config.closed:
        return Kind.categorical
    survey = survey_of(rows, name)
    _refuse_dates(name, survey)
    _refuse_mixture(name, survey)
    if _is_prose(survey):
        return Kind.text
    if survey.counts is None:
        raise too_many(name)
    return Kind.categorical


def survey_of(rows: StoredRows, name: str) -> Survey:
    """What the column holds, in one pass over its rows."""
    counts: Counter[str] | None = Counter()
    sums: Counter[str] = Counter()
    for batch in counts_of(rows, name):
        batch.pop(MISSING_TEXT, None)
        for text, count in batch.items():
            sums["present"] += count
            sums["numbers"] += count * (number_of(text)[1] != "not_a_number")
            sums["dates"] += count * (DATE.fullmatch(text) is not None)
            sums["words"] += count * len(text.split())
            sums["size"] += count * len(text.encode())
            sums["ascii"] += count * text.isascii()
        if counts is not None:
            counts.update(batch)
            counts = None if len(counts) > CATEGORIES_AT_MOST else counts
    return Survey(counts, **{key: sums[key] for key in Survey._fields[1:]})


def too_many(name: str) -> DataError:
    """The error of a column with more categories than a model can learn."""
    return DataError(
        f"column {name!r} has more than {CATEGORIES_AT_MOST} categories: if it names rows rather than groups, add it "
        f"to `drop`; if it is prose, set `columns.{name}.kind: text`"
    )


def _refuse_dates(name: str, survey: Survey) -> None:
    if survey.are_dates:
        raise DataError(
            f"column {name!r} holds dates, which are neither numbers nor categories: write what matters of them as a "
            "number in the source (days since an event, month, hour), which a request must then send too, or add it "
            f"to `drop`; `columns.{name}.kind: categorical` takes each date for a category"
        )


def _refuse_mixture(name: str, survey: Survey) -> None:
    if survey.are_mixed:
        raise DataError(
            f"column {name!r} holds numbers, and texts in {survey.present - survey.numbers} rows: mend them in the "
            f"source, or set `columns.{name}.kind` to numeric, which takes the texts for missing, or to categorical"
        )


def _is_prose(survey: Survey) -> bool:
    """Whether texts are sentences and no names of groups: hardly one like another, and of several words, or long.

    One long word of ASCII is an address or an identifier.
    """
    if survey.counts is not None and len(survey.counts) <= survey.present / 2:
        return False
    if not survey.present or survey.words >= WORDS * survey.present:
        return bool(survey.present)
    several = survey.words >= 2 * survey.present or survey.ascii <= survey.present / 2
    return several and survey.size >= BYTES * survey.present
