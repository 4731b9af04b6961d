"""A small calculator: what a month of a service on ECS Fargate costs, from stated assumptions. A range, not a bill.

`low` follows the load with the autoscaler; `high` keeps enough tasks for the peak all the time.
"""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from tabi.deploy.prices import Prices
from tabi.errors import ConfigError

HOURS = 730.0
SECONDS = HOURS * 3600
# of a load balancer's capacity unit: connections opened in a second, GB in an hour
LCU_CONNECTIONS, LCU_GB = 25, 1.0
# Fargate's sizes: units of CPU, and the least and the largest memory in MiB that go with it
SIZES = {256: (512, 2048), 512: (1024, 4096), 1024: (2048, 8192), 2048: (4096, 16384), 4096: (8192, 30720)}

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Assumptions(msgspec.Struct, frozen=True):
    """Everything that the estimate rests on, beside prices.

    `rps`: requests a second, the mean of a month. `peak`: how many times that at its highest. `rps_per_vcpu`: what a
    vCPU answers; `load`: how much of that the autoscaler lets be used. `cpu` in units of 1/1024 vCPU, `memory` in MiB.
    """

    rps: Positive
    peak: Annotated[float, msgspec.Meta(ge=1)] = 3.0
    rps_per_vcpu: Positive = 1000.0
    load: Share = 0.6
    cpu: int = 512
    memory: int = 1024
    minimum: Count = 2
    zones: Count = 2
    endpoints: Annotated[int, msgspec.Meta(ge=0)] = 3
    request_bytes: Positive = 600.0
    answer_bytes: Positive = 500.0
    new_connections: Share = 0.1
    log_mb: Annotated[float, msgspec.Meta(ge=0)] = 20.0
    images: Count = 20
    image_mb: Positive = 100.0


# what a reader of the table is told
MEANINGS = {
    "rps": "requests a second, mean of the month",
    "peak": "the highest load, as a multiple of the mean",
    "rps_per_vcpu": "requests a second that one vCPU answers; measure yours: tabi bench, make load",
    "load": "share of that which is used before a task is added",
    "cpu": "of a task, in 1/1024 vCPU",
    "memory": "of a task, in MiB",
    "minimum": "tasks that always run",
    "zones": "availability zones",
    "endpoints": "interface endpoints in each zone, in place of a NAT gateway",
    "request_bytes": "of one request, with its headers",
    "answer_bytes": "of one answer, with its headers",
    "new_connections": "share of requests that open a connection",
    "log_mb": "of log lines a day and task; the access log is off",
    "images": "images that the registry keeps",
    "image_mb": "of one image, compressed, that it shares with no other",
}


class Item(msgspec.Struct, frozen=True):
    """One line of the estimate: how much of what, and USD a month."""

    name: str
    low: float
    high: float


class Estimate(msgspec.Struct, frozen=True):
    """The lines, and with how many tasks on average."""

    assumptions: Assumptions
    tasks_low: float
    tasks_high: float
    items: tuple[Item, ...]

    @property
    def low(self) -> float:
        """USD a month that follow the load."""
        return sum(item.low for item in self.items)

    @property
    def high(self) -> float:
        """USD a month that are always ready for the peak."""
        return sum(item.high for item in self.items)


def assume(**stated: float) -> Assumptions:
    """The defaults with what is stated; `ConfigError` names what makes no sense."""
    endless = [name for name, value in stated.items() if not math.isfinite(value)]
    if endless:
        raise ConfigError(f"this cannot be assumed: {endless[0]} must be a finite number")
    try:
        found = msgspec.convert(stated, Assumptions, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"this cannot be assumed: {error}") from error
    if found.cpu not in SIZES:
        raise ConfigError(f"cpu={found.cpu} is no size of Fargate: choose of {', '.join(map(str, SIZES))}")
    least, largest = SIZES[found.cpu]
    if not least <= found.memory <= largest:
        raise ConfigError(f"memory={found.memory} does not go with cpu={found.cpu}: {least} to {largest} MiB do")
    return found


def estimate(of: Assumptions, prices: Prices) -> Estimate:
    """What a month costs, low and high."""
    one_task = of.rps_per_vcpu * of.load * of.cpu / 1024
    # below the mean load as well, there are no fewer than the minimum
    low = max(of.minimum, math.ceil(of.rps / one_task))
    high = max(of.minimum, math.ceil(of.rps * of.peak / one_task))
    task = HOURS * (of.cpu / 1024 * prices.fargate_vcpu_hour.price + of.memory / 1024 * prices.fargate_gb_hour.price)
    balancer = HOURS * (prices.alb_hour.price + _units(of) * prices.alb_lcu_hour.price)
    log_gb = of.log_mb / 1000 * HOURS / 24
    endpoints = of.endpoints * of.zones * HOURS * prices.endpoint_hour.price
    egress = of.rps * SECONDS * of.answer_bytes / 1e9 * prices.egress_gb.price
    registry = of.images * of.image_mb / 1000 * prices.registry_gb_month.price
    return Estimate(
        of,
        low,
        high,
        (
            Item("tasks (Fargate)", low * task, high * task),
            Item("load balancer", balancer, balancer),
            Item(
                "endpoints of the VPC",
                endpoints + low * log_gb * prices.endpoint_gb.price,
                endpoints + high * log_gb * prices.endpoint_gb.price,
            ),
            Item("answers to the internet", egress, egress),
            Item("logs", low * log_gb * prices.logs_gb.price, high * log_gb * prices.logs_gb.price),
            Item("images", registry, registry),
        ),
    )


def _units(of: Assumptions) -> float:
    """Capacity units of the load balancer, on average: the dimension that asks most is what is paid."""
    connections = of.rps * of.new_connections / LCU_CONNECTIONS
    gigabytes = of.rps * 3600 * (of.request_bytes + of.answer_bytes) / 1e9 / LCU_GB
    return max(connections, gigabytes)
