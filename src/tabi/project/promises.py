"""What a project says of its model to others: the `card` and `sla` of a `config.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class CardConfig:
    """What only people can say of a model; it goes into the model card as it is.

    `licence`: an identifier of SPDX in lower case, such as `apache-2.0`. `languages`: two-letter codes of the texts.
    """

    summary: str = ""
    intended_use: str = ""
    out_of_scope: str = ""
    limits: str = ""
    owner: str = ""
    contact: str = ""
    licence: str = ""
    languages: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


@dataclass
class SlaConfig:
    """`p95_ms`: in how many milliseconds 19 of 20 requests of `tabi bench` must be answered."""

    p95_ms: float = 50.0
