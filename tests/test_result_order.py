"""In what order `fix` applies remedies: those of the fit before those of its probabilities."""

from whyfit.diagnosis.finding import Finding, Remedy, Trial
from whyfit.result import remedied
from whyfit.spec import Spec


def found(edit, helped=True):
    trial = Trial("held-out skill", 0.1, 0.2, 0.1, 0.05, 0.15, helped)
    return Finding(
        "PR000", "a-rule", "probability", "warning", (), "", (), remedy=Remedy("r", edit, trial)
    )


def test_a_map_waits_until_the_fit_needs_no_remedy():
    spec = Spec(target="y")
    both = (found({"recalibrate": "isotonic"}), found({"ridge": 2.0}), found({"threshold": 0.2}))
    assert remedied(spec, both) == Spec(target="y", ridge=2.0)
    alone = (found({"recalibrate": "isotonic"}), found({"ridge": 2.0}, helped=False))
    assert remedied(spec, alone) == Spec(target="y", recalibrate="isotonic")
    in_place = (found({"recalibrate": "isotonic"}), found({"missing": "indicator"}))
    assert remedied(spec, in_place) == Spec(target="y", recalibrate="isotonic")
    uses = (
        found({"recalibrate": "isotonic"}),
        found({"threshold": 0.2}),
        found({"threshold": 0.3}),
    )
    assert remedied(spec, uses) == Spec(target="y", recalibrate="isotonic", threshold=0.2)
