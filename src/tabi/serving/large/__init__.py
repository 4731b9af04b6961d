"""Large requests are answered by a process of their own, so that no call over a large body holds up the small ones.

It is started with the first of them, at a low priority, and ends with the worker, however that ends. `process` is the
worker's side, `child` the other; `wire` is what both say.
"""
