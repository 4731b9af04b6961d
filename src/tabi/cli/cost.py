"""`tabi cost`."""

from __future__ import annotations

import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tabi.cli.output import write_line


class Target(StrEnum):
    """Where it would run: what is priced here."""

    ECS = "ecs"


def cost(
    rps: Annotated[float, typer.Option(help="Requests a second, the mean of a month.")],
    target: Annotated[Target, typer.Option(help="Where it would run.")] = Target.ECS,
    region: Annotated[str, typer.Option(help="Of the prices.")] = "ap-northeast-1",
    assume: Annotated[
        list[str] | None, typer.Option(help="An assumption as NAME=VALUE, such as peak=5; the table names them all.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="A file of prices of your own.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document in place of the tables.")] = False,
) -> None:
    """Estimate what a month costs. Prices come from a dated file, never from the network."""
    from tabi.deploy.cost import estimate
    from tabi.deploy.cost_report import as_json, stated, tables
    from tabi.deploy.prices import read_prices

    asked = read_prices(region, prices)
    found = estimate(stated(rps, assume or ()), asked)
    today = datetime.datetime.now(datetime.UTC).date()
    if json:
        write_line(as_json(found, asked, f"{target.value}, {region}", today))
        return
    for line in tables(found, asked, f"{target.value}, {region}", today):
        typer.echo(line)
