"""Rows and values of all that a client can send to a model of tests/serving."""

from __future__ import annotations

import math
import random
from typing import Any

from tests.serving.conftest import CITIES, SEXES


def hostile_rows(thresholds: dict[int, tuple[float, ...]], count: int) -> list[dict[str, Any]]:
    """Rows of all that a client can send: missing, unknown, texts for numbers, and numbers beside every threshold."""
    draw = random.Random(4)
    splits = {name: thresholds.get(place, ()) for place, name in enumerate(("age", "fare"))}
    odd: list[Any] = [
        None,
        "",
        "abc",
        " 7 ",
        "１２．5",
        "１２",
        "1_0",
        "1e3",
        "-inf",
        "nan",
        True,
        1e308,
        -1e308,
        5e-324,
        -0.0,
        2**53 + 1,
    ]
    texts = [None, "", "Atlantis", "tokyo", "東京 ", "male\0x", 'a"b\\', "𠮷野", 1, 1.5, 1e22, 1e-7, True, "x" * 3000]

    def number(name: str) -> Any:
        kind = draw.random()
        if kind < 0.35 and splits[name]:
            at = draw.choice(splits[name])
            return draw.choice([at, math.nextafter(at, math.inf), math.nextafter(at, -math.inf)])
        return draw.uniform(-10, 150) if kind < 0.7 else draw.choice(odd)

    def text(known: tuple[str, ...]) -> Any:
        return draw.choice(known) if draw.random() < 0.6 else draw.choice(texts)

    rows = []
    for _ in range(count):
        row = {"age": number("age"), "fare": number("fare"), "sex": text(SEXES), "city": text(CITIES), "extra": 1}
        # "extra" is no column of the contract
        left_out = {"extra"} if draw.random() < 0.95 else set()
        left_out.add(draw.choice([*row, "extra", "extra"]))
        rows.append({name: value for name, value in row.items() if name not in left_out})
    return rows


def hostile_values() -> list[Any]:
    """Texts that are numbers, nearly numbers or none, and numbers of every size."""
    draw = random.Random(6)
    signs = "0123456789.eE+-_ \t\u3000\x1c\u0085naifINF１２٣𝟗"
    values: list[Any] = ["".join(draw.choices(signs, k=draw.randint(0, 6))) for _ in range(3000)]
    values += [
        None,
        True,
        False,
        0,
        -0.0,
        1e-4,
        1.5e-5,
        1e15 + 0.5,
        1e22,
        2**60,
        0.1,
        123456.789e3,
        "Infinity",
        "+inf",
        "0x10",
        "١٢٣",
    ]
    values += [draw.uniform(-1, 1) * 10 ** draw.randint(-30, 30) for _ in range(2000)]
    return values
