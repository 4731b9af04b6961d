"""The sections of `tabi monitor`, in the order in which they are shown. To add one: its module, and a line here."""

from __future__ import annotations

from tabi.monitoring import business, data_drift, performance, traffic
from tabi.monitoring.section import Section

SECTIONS: tuple[Section, ...] = (
    Section("traffic", traffic.look),
    Section("performance", performance.look),
    Section("business", business.look),
    Section("drift", data_drift.look),
)
