"""Rollouts that go on or end by themselves: a canary over steps, and the other ways to bring traffic to a version."""
