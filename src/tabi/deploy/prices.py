"""What things cost, from a dated file. Nothing is asked of the network."""

from __future__ import annotations

import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec

from tabi.errors import ConfigError, NotFoundError

STALE_DAYS = 180


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """USD for one unit, who says so, and the day that the source gives itself."""

    price: Annotated[float, msgspec.Meta(ge=0)]
    source: str
    dated: datetime.date | None = None

    def stale(self, today: datetime.date) -> bool:
        """Whether it is too old to be relied on, or of no known age."""
        return self.dated is None or (today - self.dated).days > STALE_DAYS


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one region. An hour and a month are of one task, load balancer or endpoint; a GB is 10⁹ bytes."""

    fargate_vcpu_hour: Price
    fargate_gb_hour: Price
    alb_hour: Price
    alb_lcu_hour: Price
    endpoint_hour: Price
    endpoint_gb: Price
    logs_gb: Price
    registry_gb_month: Price
    egress_gb: Price


def read_prices(region: str, path: Path | None = None) -> Prices:
    """The prices of a region, of the packaged file or of one's own."""
    try:
        text = path.read_bytes() if path else files("tabi.deploy").joinpath("prices.toml").read_bytes()
        regions = msgspec.toml.decode(text, type=dict[str, Prices])
    except OSError as error:
        raise NotFoundError(f"the prices in {path} cannot be read ({error.strerror})") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise ConfigError(f"{path or 'prices.toml'} is no file of prices ({error}): see docs/cost.md") from error
    if region not in regions:
        raise NotFoundError(
            f"no prices of region {region[:40]!r}: there are {', '.join(regions)}; name a file by --prices"
        )
    return regions[region]
