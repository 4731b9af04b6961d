"""What becomes of a model in use: how it answers, how well, and whether its rows still are those it has learnt from.

`tabi monitor` asks sections, each a module that looks at one thing; `sections.py` lists them.
"""
