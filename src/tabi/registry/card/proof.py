"""The sections of a card that say why it may be believed: gates, proof, lineage, signature."""

from __future__ import annotations

from tabi.registry.card.markdown import cell, code, section, table
from tabi.registry.card.subject import Subject


def gates(subject: Subject) -> str:
    """Every verdict with its reason, and who let a failed gate through."""
    rows = [(cell(each.gate), f"**{each.verdict}**", cell(each.reason)) for each in subject.verdicts]
    overrides = [
        f"{cell(each.gate)} failed and was overridden by {cell(each.override.by)}: {cell(each.override.reason)}"
        for each in subject.verdicts
        if each.override is not None
    ]
    told = "\n".join(f"- {line}" for line in overrides)
    return section("Gates", table(("gate", "verdict", "reason"), rows), told)


def parity(subject: Subject) -> str:
    """What was compared with what."""
    found = subject.candidate.parity
    kinds = ", ".join(f"{count.rows:,} {kind.replace('_', ' ')}" for kind, count in found.kinds.items())
    told = (
        f"What is served is an ONNX graph. It was compared with the fitted pipeline on {found.rows:,} rows ({kinds}). "
        f"The largest difference is {found.max_abs_diff:.1e}, {found.bound:.0e} is allowed."
    )
    return section("Proof", told)


def lineage(subject: Subject) -> str:
    """What it was made from, each by its digest."""
    found = subject.lineage
    commit = (
        f"{code(found.commit)}{', with changes beside it' if found.dirty else ''}" if found.commit else "no repository"
    )
    rows = [
        ("run", code(found.run)),
        ("snapshot", code(found.snapshot)),
        ("commit", commit),
        ("config.yaml", code(found.config)),
        *([("pipeline.py", code(found.code))] if found.code else []),
        ("environment", code(found.environment)),
        *([("teacher", code(found.teacher))] if found.teacher else []),
    ]
    name = subject.run.project
    look, again = code(f"tabi show {name} --lineage"), code(f"tabi reproduce {name}")
    told = f"{look} looks each of them up; {again} trains it again."
    return section("Lineage", table(("", "SHA-256 or id"), rows), told)


def signature(subject: Subject) -> str:
    """Which key verifies it. A card is inside of what is signed, so it cannot say that it was."""
    if subject.signer is None:
        told = "It was released without a key. `tabi sign` can sign it later, and stays outside of this card."
    else:
        told = f"It was released to be signed by the key {code(subject.signer)}."
    rest = (
        "The signature lies in `model.sig` beside the manifest and is over every file, this card included. A card "
        "cannot vouch for itself: set `TABI_VERIFY_KEY` to a public key that you have from its owner."
    )
    return section("Signature", told, rest)
