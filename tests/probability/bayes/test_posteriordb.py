"""Every linear model of posteriordb: means, deviations and quantiles of 10,000 reference draws, in closed form.

The reference is a sample itself. Its mean is off by sd/√10,000, its standard deviation by a relative 1/√20,000 (times
what the kurtosis adds) and a quantile by √(q(1 − q)/10,000)/density; five of these standard errors are allowed, which
of some 2,000 comparisons one passes by chance with probability 1e-3. The draws were thinned to be independent.

Priors are those of the Stan programs: flat but where `PRIORS` says otherwise.
"""

import csv
import gzip
import json

import numpy as np
import pytest

from whyfit.linalg.moments import Moments
from whyfit.models import BayesianLinearRegression
from whyfit.probability.bayes import linear, mixture
from whyfit.probability.bayes.prior import HalfNormal, HalfT, IndependentPrior, flat

ERRORS = 5.0
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}


def columns(folder, name):
    path = folder / "data" / f"{name}.csv"
    packed = path.with_name(f"{path.name}.gz")
    text = path.read_text() if path.exists() else gzip.decompress(packed.read_bytes()).decode()
    rows = list(csv.DictReader(text.splitlines()))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def centred(v, by=None, over=1.0):
    return (v - (v.mean() if by is None else by)) / over


def kid(*terms):
    def design(d):
        return np.column_stack([t(d) for t in terms]), d["kid_score"]

    return design


def products(hs, iq):
    return kid(hs, iq, lambda d: hs(d) * iq(d))


def of(key):
    return lambda d: d[key]


def mesquite(log, *terms):
    def design(d):
        return np.column_stack([t(d) for t in terms]), (np.log if log else np.array)(d["weight"])

    return design


def log_of(key):
    return lambda d: np.log(d[key])


VOLUME = [lambda d: np.log(d["diam1"] * d["diam2"] * d["canopy_height"])]
AREA = [lambda d: np.log(d["diam1"] * d["diam2"])]
SHAPE = [lambda d: np.log(d["diam1"] / d["diam2"])]
TALL = [log_of("total_height")]
DENSE = [log_of("density")]
GROUP = [of("group")]


def earnings(transform, *terms):
    def design(d):
        return np.column_stack([t(d) for t in terms]), transform(d["earn"])

    return design


def z_height(d):
    return centred(d["height"], over=d["height"].std(ddof=1))


def nes(d):
    age = [(d["age_discrete"] == k).astype(float) for k in (2, 3, 4)]
    first, last = [d["real_ideo"], d["race_adj"]], [d["educ1"], d["gender"], d["income"]]
    return np.column_stack([*first, *age, *last]), d["partyid7"]


def two_deviations(key):
    return lambda d: centred(d[key], over=2 * d[key].std(ddof=1))


MODELS = {
    "kidiq-kidscore_momhs": kid(of("mom_hs")),
    "kidiq-kidscore_momiq": kid(of("mom_iq")),
    "kidiq-kidscore_momhsiq": kid(of("mom_hs"), of("mom_iq")),
    "kidiq-kidscore_interaction": products(of("mom_hs"), of("mom_iq")),
    "kidiq_with_mom_work-kidscore_interaction_c": products(
        lambda d: centred(d["mom_hs"]), lambda d: centred(d["mom_iq"])
    ),
    "kidiq_with_mom_work-kidscore_interaction_c2": products(
        lambda d: d["mom_hs"] - 0.5, lambda d: d["mom_iq"] - 100
    ),
    "kidiq_with_mom_work-kidscore_interaction_z": products(
        two_deviations("mom_hs"), two_deviations("mom_iq")
    ),
    "kidiq_with_mom_work-kidscore_mom_work": kid(
        *(lambda d, k=k: (d["mom_work"] == k).astype(float) for k in (2, 3, 4))
    ),
    "earnings-earn_height": earnings(np.array, of("height")),
    "earnings-log10earn_height": earnings(np.log10, of("height")),
    "earnings-logearn_height": earnings(np.log, of("height")),
    "earnings-logearn_height_male": earnings(np.log, of("height"), of("male")),
    "earnings-logearn_interaction": earnings(
        np.log, of("height"), of("male"), lambda d: d["height"] * d["male"]
    ),
    "earnings-logearn_interaction_z": earnings(
        np.log, z_height, of("male"), lambda d: z_height(d) * d["male"]
    ),
    "earnings-logearn_logheight_male": earnings(np.log, log_of("height"), of("male")),
    "mesquite-mesquite": mesquite(
        False,
        *map(of, ("diam1", "diam2", "canopy_height", "total_height", "density", "group")),
    ),
    "mesquite-logmesquite": mesquite(
        True, *map(log_of, ("diam1", "diam2", "canopy_height", "total_height", "density")), *GROUP
    ),
    "mesquite-logmesquite_logva": mesquite(True, *VOLUME, *AREA, *GROUP),
    "mesquite-logmesquite_logvas": mesquite(True, *VOLUME, *AREA, *SHAPE, *TALL, *DENSE, *GROUP),
    "mesquite-logmesquite_logvash": mesquite(True, *VOLUME, *AREA, *SHAPE, *TALL, *GROUP),
    "mesquite-logmesquite_logvolume": mesquite(True, *VOLUME),
    "kilpisjarvi_mod-kilpisjarvi": lambda d: (d["x"][:, None], d["y"]),
    "sblrc-blr": lambda d: (np.column_stack([d[f"X{j}"] for j in range(1, 6)]), d["y"]),
    "sblri-blr": lambda d: (np.column_stack([d[f"X{j}"] for j in range(1, 6)]), d["y"]),
    # Stan's program centres X, so that `Intercept` is the level at the means
    "diamonds-diamonds": lambda d: (
        np.column_stack([centred(d[f"X{j}"]) for j in range(2, 26)]),
        d["Y"],
    ),
} | {f"nes{year}-nes": nes for year in (1972, 1976, 1980, 1984, 1988, 1992, 1996, 2000)}

CAUCHY = ("kidscore_momhs", "kidscore_momiq", "kidscore_momhsiq", "kidscore_interaction")
THROUGH_ORIGIN = ("sblrc-blr", "sblri-blr")


def prior_of(name, p, scalars):
    """(prior, intercept?); None for the flat one, p(β, σ) ∝ 1."""
    if name.split("-")[1] in CAUCHY:
        return IndependentPrior(np.zeros(p + 1), np.zeros((p + 1, p + 1)), HalfT(2.5)), True
    if name in THROUGH_ORIGIN:
        return IndependentPrior(np.zeros(p), np.eye(p) / 100, HalfNormal(10.0)), False
    if name == "kilpisjarvi_mod-kilpisjarvi":
        mean = np.array([scalars["pmualpha"], scalars["pmubeta"]])
        sd = np.array([scalars["psalpha"], scalars["psbeta"]])
        return IndependentPrior(mean, np.diag(sd**-2.0)), True
    if name == "diamonds-diamonds":
        # Intercept ~ t₃(8, 10), within whose posterior of width 0.002 that density does not change: flat
        return IndependentPrior(np.zeros(p + 1), np.diag([0.0, *[1.0] * p]), HalfT(10.0, 3.0)), True
    return None, True


def test_every_linear_model_there_is_looked_at(shared_data):
    folder = shared_data / "posteriordb" / "posteriors"
    if not folder.exists():
        pytest.skip(f"no posteriordb at {folder}")
    others = {"eight_schools-eight_schools_noncentered"}  # a hierarchical model
    with_reference = {
        d.name for d in folder.iterdir()
        if json.loads((d / "summary.json").read_text())["reference"] is not None
    }  # fmt: skip
    assert with_reference - others == set(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_reference_draws_are_met(name, shared_data):
    folder = shared_data / "posteriordb"
    if not folder.exists():
        pytest.skip(f"no posteriordb at {folder}")
    source = name.split("-")[0]
    summary = json.loads((folder / "posteriors" / name / "summary.json").read_text())
    scalars = json.loads((folder / "data" / f"{source}.scalars.json").read_text()) if (
        folder / "data" / f"{source}.scalars.json"
    ).exists() else {}  # fmt: skip
    X, y = MODELS[name](columns(folder, source))
    moments = Moments.of(np.column_stack([X, y]))
    prior, intercept = prior_of(name, X.shape[1], scalars)
    levels = list(QUANTILES.values())
    if prior is None:
        found = linear.posterior(moments, flat(X.shape[1]))
        mean, sd = np.append(found.mean, found.sigma.mean), np.append(found.sds, found.sigma.sd)
        quantiles = np.column_stack([found.quantile(levels), found.sigma.quantile(levels)])
        model = BayesianLinearRegression().fit(X, y)  # prior=None says the same
        np.testing.assert_allclose(np.append(model.intercept_, model.coef_), found.mean, rtol=1e-10)
        assert model.df_ == len(y) - X.shape[1] - 2
    else:
        found = mixture.posterior(moments, prior, intercept=intercept)
        mean, sd = np.append(found.mean, found.sigma_mean), np.append(found.sds, found.sigma_sd)
        quantiles = np.column_stack([found.quantile(levels), found.sigma_quantile(levels)])
    order = list(summary["param_order"])
    if name == "diamonds-diamonds":
        order = ["Intercept", *order[:-2], "sigma"]
    reference = [summary["reference"][key] for key in order]
    assert len(reference) == len(mean)
    root = np.sqrt(summary["n_draws"])
    for i, r in enumerate(reference):
        assert abs(mean[i] - r["mean"]) < ERRORS * sd[i] / root, order[i]
        # t with few degrees of freedom: var(s²) ∝ κ − 1, κ = 3 + 6/(ν − 4)
        wide = np.sqrt((2 + 6 / max(len(y) - len(mean) - 4, 1)) / 4)
        assert abs(r["sd"] / sd[i] - 1) < ERRORS * wide / root, order[i]
        for k, (key, q) in enumerate(QUANTILES.items()):
            # the density of a normal law at its quantile, of which none here is far
            z = {0.05: 0.1031, 0.25: 0.3178, 0.5: 0.3989, 0.75: 0.3178, 0.95: 0.1031}[q]
            error = np.sqrt(q * (1 - q)) / z * sd[i] / root
            assert abs(quantiles[k, i] - r[key]) < ERRORS * error * 1.1, (order[i], key)


def test_the_classical_degrees_of_freedom_would_not_do(shared_data):
    """n − c, of p(β, σ) ∝ 1/σ, misses the reference where rows are few: the check above has power."""
    folder = shared_data / "posteriordb"
    if not folder.exists():
        pytest.skip(f"no posteriordb at {folder}")
    from whyfit.probability.bayes.prior import reference

    X, y = MODELS["mesquite-logmesquite"](columns(folder, "mesquite"))
    found = linear.posterior(Moments.of(np.column_stack([X, y])), reference(X.shape[1]))
    path = folder / "posteriors" / "mesquite-logmesquite" / "summary.json"
    r = json.loads(path.read_text())["reference"]["sigma"]
    assert abs(found.sigma.mean - r["mean"]) > 2 * ERRORS * r["mcse_mean"]
