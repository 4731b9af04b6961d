"""The note beside a bare graph: what it takes, what it gives, and an example with its answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from tabi.bundle import Bundle
from tabi.bundle.session import CATEGORICAL, NUMERIC, OUTPUTS
from tabi.contract import CategoricalColumn, Column, Contract, NumericColumn
from tabi.export.example import Example
from tabi.export.graph import GraphFacts
from tabi.export.samples import samples

# more categories than a reader takes in; schema.json has them all
LISTED = 12
_ESCAPES = {ord(c): f"&#{ord(c)};" for c in "&<>|`*_[]\\\n\r\t"}


def note(bundle: Bundle, facts: GraphFacts, example: Example) -> str:
    """`README.md` in Markdown. Names are shown as they are, whatever signs they hold."""
    parts = (
        _head(bundle, facts),
        _inputs(bundle.contract(), facts, example),
        _output(bundle),
        _example(bundle, facts, example),
        _runtimes(bundle, facts),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(bundle: Bundle, facts: GraphFacts) -> Iterator[str]:
    opsets = ", ".join(f"{domain} {version}" for domain, version in sorted(facts.opsets.items()))
    yield f"# {_shown(bundle.name)} as an ONNX graph"
    yield ""
    yield "`model.onnx` does all preprocessing itself. It needs ONNX Runtime, and nothing of Tabi or scikit-learn."
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| bundle | {bundle.id} |"
    yield f"| released | {_shown(bundle.manifest.created)} |"
    yield f"| ONNX | IR version {facts.ir_version}; operator sets {opsets} |"
    needed = bundle.manifest.runtime.get("onnxruntime")
    if needed:
        yield f"| ONNX Runtime | {_shown(needed)} |"
    yield "| files | `model.onnx`; `schema.json`: the columns with their ranges, categories and distribution |"
    yield ""


def _inputs(contract: Contract, facts: GraphFacts, example: Example) -> Iterator[str]:
    groups: dict[str, tuple[str, tuple[Column, ...], list[str]]] = {
        NUMERIC: ("float64", contract.numeric, [_number(number) for number in example.numeric]),
        CATEGORICAL: ("string (UTF-8)", contract.strings, [_quoted(text) for text in example.strings]),
    }
    yield "## Inputs"
    yield ""
    yield "N rows at a time, N ≥ 1. The order of the columns is the one below; names do not reach the graph."
    yield ""
    for name in facts.inputs:
        kind, columns, values = groups[name]
        yield f"### `{name}`: {kind} [N, {len(columns)}]"
        yield ""
        yield "| place | column | known values | example |"
        yield "|---|---|---|---|"
        for place, (column, value) in enumerate(zip(columns, values, strict=True)):
            yield f"| {place} | {_shown(column.name)} | {_known(column)} | {value} |"
        yield ""
    yield from _VALUES


_VALUES = (
    "- Missing is NaN in `numeric` and the empty string in `categorical`. There is no null.",
    "- Infinity is no number: give NaN in its place. A number outside its range is computed as it is.",
    "- A category is compared as it is written, with upper case and spaces. An unknown one is let pass.",
    "- Numbers and booleans in `categorical` are texts: `1` (not `1.0`), `0.5`, `true`, `false`.",
    "",
)


def _output(bundle: Bundle) -> Iterator[str]:
    target = bundle.contract().target
    name = OUTPUTS[target.task]
    yield "## Output"
    yield ""
    if target.task == "binary":
        negative, positive = map(_shown, target.classes)
        threshold = bundle.threshold().threshold
        yield f"`{name}`: float64 [N], the probability that {_shown(target.name)} is {positive}."
        yield f"The answer is {positive} where it is ≥ {threshold!r}, else {negative}."
    elif target.task == "multiclass":
        yield f"`{name}`: float64 [N, {len(target.classes)}], the probability of each class of {_shown(target.name)}:"
        yield f"{', '.join(map(_shown, target.classes))}, in this order. The answer is the class with the highest;"
        yield "of equal ones the first."
    else:
        yield f"`{name}`: float64 [N], the predicted {_shown(target.name)}."
    yield ""
    yield "A result that is not finite means that the numbers were too large for the model: there is no answer."
    yield ""


def _example(bundle: Bundle, facts: GraphFacts, example: Example) -> Iterator[str]:
    target = bundle.contract().target
    threshold = bundle.threshold().threshold if target.task == "binary" else None
    expected = " ".join([*map(repr, example.output), *([] if example.label is None else [example.label])])
    yield "## Example"
    yield ""
    yield "A row of typical values, chosen column by column; taken from no row of anybody. As `tabi serve` takes it:"
    yield ""
    yield from _fence("json", json.dumps({"features": example.row}, ensure_ascii=False))
    yield "Each program prints the graph's output and, of a classification, the label:"
    yield ""
    yield from _fence("text", expected)
    yield "C++ and Java may write the same number in another form."
    yield ""
    for sample in samples(example, facts.inputs, target, threshold):
        yield f"### {sample.title}"
        yield ""
        yield from _fence(sample.language, sample.code.rstrip("\n"))


def _runtimes(bundle: Bundle, facts: GraphFacts) -> Iterator[str]:
    operators = ", ".join(f"`{operator}`" for operator in facts.operators)
    yield "## Small devices"
    yield ""
    yield f"The graph uses {len(facts.operators)} operators: {operators}."
    yield from _DEVICES
    if bundle.contract().strict:
        yield ""
        yield "The contract is strict: `tabi serve` refuses a row that breaks it. The graph does not check it."


_DEVICES = (
    "ONNX Runtime's full packages for Android, iOS and Linux on ARM have them. Where size counts, a build of it can be",
    "cut down to them: its own script `create_reduced_build_config.py` reads `model.onnx`. One thread is enough.",
    "",
    "On another processor or build the last digits may differ from the example: powers and products of matrices are",
    "computed in other ways there.",
)


def _known(column: Column) -> str:
    needed = "" if column.nullable else "; not missing"
    if isinstance(column, NumericColumn):
        low, high = column.minimum, column.maximum
        if low is None and high is None:
            return f"any number{needed}"
        return f"{'' if low is None else f'≥ {low!r} '}{'' if high is None else f'≤ {high!r}'}".strip() + needed
    if isinstance(column, CategoricalColumn):
        listed = ", ".join(_quoted(category) for category in column.categories[:LISTED])
        more = f" … ({len(column.categories)} in all)" if len(column.categories) > LISTED else ""
        return f"{listed}{more}{needed}"
    return f"any text{needed}"


def _number(number: float) -> str:
    return "NaN" if math.isnan(number) else repr(number)


def _quoted(text: str) -> str:
    return f'"{_shown(text)}"'


def _shown(text: str) -> str:
    """The text in Markdown, in a table or outside: no sign of it is taken for markup."""
    return text.translate(_ESCAPES)


def _fence(language: str, content: str) -> Iterator[str]:
    # longer than any row of backticks within it
    longest = max(map(len, re.findall("`+", content)), default=0)
    ticks = "`" * max(3, longest + 1)
    yield f"{ticks}{language}"
    yield content
    yield ticks
    yield ""
