"""The sections of `tabi monitor`, in the order in which they are shown. To add one: its module, and a line here."""

from __future__ import annotations

from tabi.monitoring.data_drift import look as data_drift
from tabi.monitoring.section import Section
from tabi.monitoring.traffic import look as traffic

SECTIONS: tuple[Section, ...] = (Section("traffic", traffic), Section("drift", data_drift))
