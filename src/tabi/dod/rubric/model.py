"""Section 2: tests of model development."""

from __future__ import annotations

from tabi.dod.rubric.score import AUTOMATED, MANUAL, Points, Seen, not_shown, rubric

SIMPLE = {"logistic", "linear", "ridge"}


@rubric("model")
def specification_reviewed(seen: Seen) -> Points:
    """What makes the model is under version control and was reviewed.

    Half a point where the bundle was trained from a commit without changes beside it; a whole one where somebody also
    approved it.
    """
    commit = seen.facts.lineage.get("code")
    if commit is None or not commit.here:
        return Points(0.0, commit.found if commit else "the lineage names no commit")
    approval = seen.judged["approval_works"]
    points = AUTOMATED if approval.status == "done" else MANUAL
    return Points(points, f"trained from a commit; approval: {approval.text}")


@rubric("model")
def offline_metrics_matter(seen: Seen) -> Points:  # noqa: ARG001 - nothing is looked at yet
    """A better score before release means a better outcome after it.

    It takes experiments on live traffic to know.
    """
    return not_shown("no experiment relates the score to an outcome")


@rubric("model")
def hyperparameters_tuned(seen: Seen) -> Points:
    """Hyperparameters were tuned.

    The training of the current bundle compared candidates, and kept their scores in `reports/front.json`.
    """
    candidates = seen.facts.document("reports/front.json")["candidates"]
    if len(candidates) < 2:
        return Points(0.0, "the search had one candidate")
    return Points(AUTOMATED, f"{len(candidates)} candidates reached the last rung of the search")


@rubric("model")
def staleness_known(seen: Seen) -> Points:  # noqa: ARG001 - nothing is looked at yet
    """It is known what an old model costs.

    A comparison of models of different ages on the same rows would show it.
    """
    return not_shown("models of different ages are not compared")


@rubric("model")
def simpler_model_worse(seen: Seen) -> Points:
    """A simpler model is not better.

    The search tried presets beside each other (`preset: auto`), a simple one among them: `logistic`, `linear`, `ridge`.
    """
    candidates = seen.facts.document("reports/front.json")["candidates"]
    presets = {str(each["params"]["preset"]) for each in candidates if "preset" in each["params"]}
    if len(presets) < 2 or not presets & SIMPLE:
        return not_shown("the search compared no simpler preset; `preset: auto` does")
    return Points(AUTOMATED, f"{', '.join(sorted(presets))} were compared in one search")


@rubric("model")
def slices_sufficient(seen: Seen) -> Points:
    """The model is good enough on each important part of the data.

    The gate `slices` looks at every category and range on each release.
    """
    return seen.gate("slices")


@rubric("model")
def inclusion_considered(seen: Seen) -> Points:
    """The model was tested for how it treats groups of people.

    The condition of fairness: groups are compared with stated bounds on each release.
    """
    return seen.condition("fairness_verified")
