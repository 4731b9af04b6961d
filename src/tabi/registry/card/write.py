"""Writing a card into a bundle's folder, as Markdown and as a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from tabi.bundle import layout
from tabi.bundle.lineage import Lineage
from tabi.gates import Candidate, Verdict
from tabi.registry.card import proof, sections
from tabi.registry.card.document import PAGE
from tabi.registry.card.head import head_of
from tabi.registry.card.page import page_of
from tabi.registry.card.subject import Subject

SECTIONS: tuple[Callable[[Subject], str], ...] = (
    sections.title,
    sections.uses,
    sections.limits,
    sections.metrics,
    sections.slices,
    sections.fairness,
    sections.calibration,
    sections.importance,
    proof.gates,
    sections.data,
    proof.parity,
    proof.lineage,
    proof.signature,
    sections.calling,
)


def write_card(candidate: Candidate, verdicts: Sequence[Verdict], signer: str | None) -> None:
    """Write `MODEL_CARD.md` and its page. Nothing in them depends on the time: the same candidate, the same bytes."""
    lineage = msgspec.json.decode((candidate.folder / layout.LINEAGE).read_bytes(), type=Lineage)
    card = card_of(Subject(candidate, verdicts, lineage, signer))
    (candidate.folder / layout.MODEL_CARD).write_text(card, encoding="utf-8")
    (candidate.folder / layout.REPORTS).mkdir(exist_ok=True)
    languages = candidate.run.config.card.languages
    page = page_of(card, candidate.folder, languages[0] if languages else "en")
    (candidate.folder / PAGE).write_text(page, encoding="utf-8")


def card_of(subject: Subject) -> str:
    """The card in Markdown, its head first."""
    run = subject.run
    head = head_of(run.project, run.config, subject.contract, run.snapshot_digest, subject.measured[0])
    return f"{head}\n" + "\n\n".join(part for part in (write(subject) for write in SECTIONS) if part) + "\n"
