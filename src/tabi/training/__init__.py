"""Training: from a snapshot to a tracked run.

Import from the module that has what you need: `job.train`, `runs.load_run`, `batch.run_batch`, `report.batch_state`.
The package itself imports nothing, because a worker process and `tabi report` need little of it, and scikit-learn,
pandas and MLflow take seconds.
"""
