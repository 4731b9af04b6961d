"""`POST /invocations`, `GET /ping` and `GET /version` as `mlflow models serve` has them; SageMaker's contract too.

The same body gets the same answer as from MLflow's server of the same pipeline, with these rules where the two differ:

- A label is decided by the bundle's threshold. MLflow's `predict` decides at 0.5, so labels are equal where the
  threshold is 0.5, and differ between it and 0.5. Probabilities are equal: `params` of `{"predict_method":
  "predict_proba"}` asks for those of both classes, as a model logged with that `pyfunc_predict_fn` answers.
- A contract's classes are text, and MLflow answers what the pipeline was fitted on. Classes that are whole numbers or
  `true` and `false` are answered as JSON numbers and booleans, all others as text.
- What the contract lets pass with a warning is answered, with `warnings` beside `predictions`.
- Rows that are too short, names that stand twice and numbers that are infinite are refused. MLflow fills, takes one
  of the two, or computes with them. The number of the rows is limited.
"""

from tabi.serving.protocols.invocations.handler import failure, invoke, ping, version

__all__ = ["failure", "invoke", "ping", "version"]
