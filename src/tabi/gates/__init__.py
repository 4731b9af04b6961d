"""Gates: checks whose verdict decides whether there is a bundle."""

from tabi.gates.model_quality import auc_gate, quality_gate, r2_gate
from tabi.gates.parity import parity_gate
from tabi.gates.verdict import Verdict, require, to_json

__all__ = ["Verdict", "auc_gate", "parity_gate", "quality_gate", "r2_gate", "require", "to_json"]
