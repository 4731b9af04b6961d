"""The ML Test Score, from the same evidence.

E. Breck, S. Cai, E. Nielsen, M. Salib, D. Sculley: "The ML Test Score: A Rubric for ML Production Readiness and
Technical Debt Reduction", IEEE Big Data 2017. 28 tests in four sections; a test that a person carries out and writes
down is worth half a point, one that a system repeats by itself a whole one. The score is the smallest sum of the four
sections. The tests are stated here in our own words.
"""

from tabi.dod.rubric import data, infrastructure, model, monitoring
from tabi.dod.rubric.score import SECTIONS, TESTS, Score, Scored, level_of, reason_of, score_of

__all__ = [
    "SECTIONS",
    "TESTS",
    "Score",
    "Scored",
    "data",
    "infrastructure",
    "level_of",
    "model",
    "monitoring",
    "reason_of",
    "score_of",
]
