"""A worked example: a typical row, the tensors that it becomes, and what the bundle's own graph answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tabi.bundle import Bundle
from tabi.bundle.session import OUTPUTS, Session
from tabi.contract import Contract, RowReader
from tabi.errors import BundleError
from tabi.export.typical import TypicalRow, typical_row


@dataclass(frozen=True)
class Example:
    """`output`: the graph's numbers for the row, one or one a class. `label`: what follows, None of a regression."""

    row: TypicalRow
    numeric: list[float]
    strings: list[str]
    output: list[float]
    label: str | None


def example_of(bundle: Bundle) -> Example:
    """The example, computed by ONNX Runtime; `BundleError` if the graph has no answer for a typical row."""
    contract = bundle.contract()
    row = typical_row(contract)
    tensors, _ = RowReader(contract).read([row])
    session = Session(bundle.graph_bytes())
    session.check(tensors, contract.target)
    output = session.predict(tensors).reshape(-1).tolist()
    if not all(map(math.isfinite, output)):
        raise BundleError(f"the graph gives no finite {OUTPUTS[contract.target.task]} for a typical row: release again")
    return Example(
        row, tensors.numeric[0].tolist(), tensors.categorical[0].tolist(), output, _label(bundle, contract, output)
    )


def _label(bundle: Bundle, contract: Contract, output: list[float]) -> str | None:
    target = contract.target
    if target.task == "binary":
        return target.classes[output[0] >= bundle.threshold().threshold]
    return target.classes[output.index(max(output))] if target.classes else None
