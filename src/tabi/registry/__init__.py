"""From a tracked run to a version that answers requests, and back from a bundle to its run.

Nothing is imported here: a rollback must not wait for what a release needs.
"""
