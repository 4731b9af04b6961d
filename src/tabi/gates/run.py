"""All gates in their order, each as severe as the project says."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from threadpoolctl import ThreadpoolController

from tabi.errors import ConfigError
from tabi.gates.calibration import calibration_gate
from tabi.gates.candidate import Candidate
from tabi.gates.champion import champion_gate
from tabi.gates.data_quality import data_quality_gate
from tabi.gates.drift import drift_gate
from tabi.gates.fairness import fairness_gate
from tabi.gates.latency import latency_gate
from tabi.gates.leakage import leakage_gate
from tabi.gates.metrics import metrics_gate
from tabi.gates.parity import parity_gate
from tabi.gates.security import security_gate
from tabi.gates.size import size_gate
from tabi.gates.slices import slices_gate
from tabi.gates.verdict import Verdict
from tabi.project import GatesConfig, Severity

Gate = Callable[[Candidate], Verdict]

PROOF = "parity"
GATES: dict[str, Gate] = {
    PROOF: parity_gate,
    "data_quality": data_quality_gate,
    "leakage": leakage_gate,
    "drift": drift_gate,
    "metrics": metrics_gate,
    "champion": champion_gate,
    "slices": slices_gate,
    "calibration": calibration_gate,
    "fairness": fairness_gate,
    "latency": latency_gate,
    "size": size_gate,
    "security": security_gate,
}


class Judged(NamedTuple):
    """A verdict, and how long the gate took."""

    verdict: Verdict
    seconds: float


def run_gates(candidate: Candidate) -> Iterator[Judged]:
    """Ask every gate. `ConfigError` before the first where `gates.severity` names none."""
    check_severities(candidate.gates)
    pools = ThreadpoolController()
    for name, gate in GATES.items():
        begun = time.perf_counter()
        severity = candidate.gates.severity.get(name, Severity.fail)
        if severity is Severity.off:
            verdict = Verdict(name, "off", {}, f"gates.severity.{name} is off")
        else:
            # many short calls: more threads than one would wait for each other
            with pools.limit(limits=1):
                verdict = _at_most(gate(candidate), severity)
        yield Judged(verdict, time.perf_counter() - begun)


def check_severities(gates: GatesConfig) -> None:
    """`ConfigError` for a gate that there is not, and for a proof that is not to be asked for."""
    for name in gates.severity:
        refuse_unknown(name, "gates.severity")
    if gates.severity.get(PROOF, Severity.fail) is not Severity.fail:
        raise ConfigError(f"gates.severity.{PROOF}: what is not proved is not released; gates.parity is its bound")


def refuse_unknown(name: str, where: str, known: Mapping[str, object] = GATES) -> None:
    """`ConfigError` for a gate's name that there is not."""
    if name not in known:
        close = difflib.get_close_matches(name, list(known), 1, 0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        raise ConfigError(f"{where}: there is no gate {name!r}; {hint}")


def _at_most(verdict: Verdict, severity: Severity) -> Verdict:
    if severity is Severity.warn and verdict.verdict == "fail":
        return msgspec.structs.replace(verdict, verdict="warn")
    return verdict
