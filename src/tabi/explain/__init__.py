"""Why a model answered what it answered: the exact share of each column in one row's score.

Below the server: it reads `explanation.json` of a bundle, and imports neither scikit-learn nor onnx.
"""

from tabi.explain.document import Explanation, Linear, Link, Trees
from tabi.explain.explainer import Explained, Explainer

__all__ = ["Explained", "Explainer", "Explanation", "Linear", "Link", "Trees"]
