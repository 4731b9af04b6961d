"""What a server tells of itself: counters over all its workers, drift counters, traces. It knows nothing of HTTP."""
