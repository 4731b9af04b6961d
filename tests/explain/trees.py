"""Shapley values of tiny trees by their definition: every coalition, every tree, walked from its root."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

Row = npt.NDArray[np.float64]
# (coalition of encoded columns) -> expected score
Game = Callable[[frozenset[int]], float]


def shapley(game: Game, players: int) -> list[float]:
    """Each player's Shapley value, by its definition."""
    values = []
    for player in range(players):
        others = [other for other in range(players) if other != player]
        total = 0.0
        for size in range(len(others) + 1):
            weight = factorial(size) * factorial(players - size - 1) / factorial(players)
            for chosen in combinations(others, size):
                coalition = frozenset(chosen)
                total += weight * (game(coalition | {player}) - game(coalition))
        values.append(total)
    return values


def together(games: list[Game]) -> Game:
    """The sum of games."""
    return lambda known: sum(game(known) for game in games)


def plain_tree(tree: Any, row: Row, values: Row) -> Game:
    """The path-dependent expectation of one of scikit-learn's plain trees. `values`: by node."""
    narrow = row.astype(np.float32)

    def expected(node: int, known: frozenset[int]) -> float:
        left, right = tree.children_left[node], tree.children_right[node]
        if left == -1:
            return float(values[node])
        feature = tree.feature[node]
        if feature in known:
            missing = np.isnan(narrow[feature])
            goes_left = tree.missing_go_to_left[node] if missing else narrow[feature] <= tree.threshold[node]
            return expected(left if goes_left else right, known)
        weights = tree.weighted_n_node_samples
        both = weights[left] * expected(left, known) + weights[right] * expected(right, known)
        return float(both / weights[node])

    return lambda known: expected(0, known)


def hist_tree(predictor: Any, row: Row, order: list[int], categories: dict[int, list[float]]) -> Game:
    """The same of a tree of HistGradientBoosting. `order`: where each of its columns stands in the row."""
    nodes = predictor.nodes

    def goes_left(node: Any) -> bool:
        column = order[node["feature_idx"]]
        value = row[column]
        if not node["is_categorical"]:
            return bool(node["missing_go_to_left"] if np.isnan(value) else value <= node["num_threshold"])
        if value not in categories[column]:
            return bool(node["missing_go_to_left"])
        rank = categories[column].index(value)
        return bool(predictor.raw_left_cat_bitsets[node["bitset_idx"]][rank // 32] >> (rank % 32) & 1)

    def expected(place: int, known: frozenset[int]) -> float:
        node = nodes[place]
        if node["is_leaf"]:
            return float(node["value"])
        if order[node["feature_idx"]] in known:
            return expected(node["left"] if goes_left(node) else node["right"], known)
        left, right = nodes[node["left"]], nodes[node["right"]]
        both = float(left["count"]) * expected(node["left"], known)
        both += float(right["count"]) * expected(node["right"], known)
        return both / float(node["count"])

    return lambda known: expected(0, known)
