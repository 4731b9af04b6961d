"""Gates: checks whose verdict decides whether there is a bundle."""

from tabi.gates.candidate import Candidate
from tabi.gates.released import Champion, find_champion
from tabi.gates.run import GATES, Judged, run_gates
from tabi.gates.verdict import Override, Verdict, require, to_json

__all__ = [
    "GATES",
    "Candidate",
    "Champion",
    "Judged",
    "Override",
    "Verdict",
    "find_champion",
    "require",
    "run_gates",
    "to_json",
]
