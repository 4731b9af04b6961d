"""The sections of `tabi monitor`, in the order in which they are shown. To add one: its module, and a line here."""

from __future__ import annotations

from tabi.monitoring import (
    abnormal,
    business,
    concept_drift,
    data_drift,
    expected,
    multivariate,
    performance,
    traffic,
)
from tabi.monitoring.section import Section

SECTIONS: tuple[Section, ...] = (
    Section("traffic", traffic.look),
    Section("performance", performance.look),
    Section("business", business.look),
    Section("drift", data_drift.look),
    Section("together", multivariate.look),
    Section("concept", concept_drift.look),
    Section("expected", expected.look),
    Section("abnormal", abnormal.look),
)
