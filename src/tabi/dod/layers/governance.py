"""Layer 9: governance."""

from __future__ import annotations

from tabi.bundle import layout
from tabi.dod.condition import Found, NotDoneError, condition
from tabi.dod.facts import Facts
from tabi.dod.rules import by_file, done, of_bundle, released_at
from tabi.registry.card.document import PAGE, front_matter


@condition(9, "tabi approve {name} VERSION --reason …")
def approval_works(facts: Facts) -> Found:
    """The flow of approval works.

    Evidence `approve` of the current bundle says who approved it, and why.
    """
    placed = of_bundle(facts, "approve", "no version of this model was approved")
    figures = placed.record.figures
    return done(facts, placed, f"approved by {figures.get('by', 'somebody')}: {figures.get('reason', 'no reason')}")


@condition(9, "tabi audit verify")
def audit_log_kept(facts: Facts) -> Found:
    """An audit log is kept.

    Evidence `audit` of the last row. The whole chain of rows is computed again and compared with its anchors.
    """
    placed = facts.last("audit")
    if placed is None:
        raise NotDoneError("missing", "nothing was ever written into the audit trail")
    found, link = facts.audit, facts.place(placed)
    if found.findings:
        first = found.findings[0]
        told = f"{len(found.findings)} findings, the first: {first.problem}"
        raise NotDoneError("failing", told, placed.record.at, link)
    return done(facts, placed, f"{found.rows} rows, each as it was recorded")


@condition(9, "fairness.sensitive in config.yaml, then tabi train {name} and tabi release {name}")
def fairness_report_generated(facts: Facts) -> Found:
    """A fairness report is generated.

    The current bundle holds `reports/fairness.html`, with the digest that its manifest names.
    """
    return by_file(facts, "reports/fairness.html", "it is in the bundle, as its manifest says")


@condition(9, "tabi release {name}")
def model_card_generated(facts: Facts) -> Found:
    """A model card is generated.

    The current bundle holds `MODEL_CARD.md`, whose head names this model, and its page.
    """
    by_file(facts, PAGE, "")
    found = by_file(facts, layout.MODEL_CARD, "the card and its page are in the bundle")
    index = front_matter(facts.bundle.document(layout.MODEL_CARD).decode()).get("model-index") or [{}]
    if index[0].get("name") != facts.name:
        raise NotDoneError("failing", "the head of the card names another model", released_at(facts), found.link)
    return found
