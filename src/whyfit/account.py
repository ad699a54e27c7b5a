"""From a Case and its findings to the Document that reports are drawn from."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from whyfit import __version__
from whyfit.data.coding import RARE, LevelCoding
from whyfit.data.folds import most_folds
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Finding
from whyfit.diagnosis.registry import all_rules
from whyfit.diagnosis.words import percent, plural
from whyfit.probability.evidence import ridge_by_evidence
from whyfit.probability.glm import GLMFit
from whyfit.probability.glm_problem import glm_kind
from whyfit.probability.inference import Inference
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.validation import (
    PATH,
    FoldScores,
    cross_validate_path,
    over_folds,
)
from whyfit.report.document import (
    Coefficient,
    Document,
    Feature,
    Figures,
    Model,
    Rows,
    Score,
    Source,
)
from whyfit.spec import Spec

FIGURE_POINTS = 1_500  # enough to see a shape, few enough for a page of a few hundred kB
#: The ridge path is drawn up to this many columns: it takes the eigenvalues of every training set, p³ each.
PATH_COLUMNS = 2_000


def document_of(case: Case, findings: tuple[Finding, ...], timings: dict[str, float]) -> Document:
    """Everything a report shows, as plain data."""
    table, schema = case.table, case.schema
    features = tuple(
        Feature(
            name, kind, tuple(columns),
            schema[name].n_missing, schema[name].n_unreadable, reason,
        )
        for name, kind, columns, reason in case.design.features
    )  # fmt: skip
    rows = Rows(table.n, case.n, {k: v for k, v in case.design.dropped.items() if v})
    timings = {k: float(v) for k, v in timings.items()}
    return Document(
        Source(table.name, table.format, table.bytes, dict(table.details)),
        dataclasses.asdict(case.spec),
        case.task,
        rows,
        features,
        _model(case),
        _scores(case),
        findings,
        timings | {"total": sum(timings.values())},
        whyfit=__version__,
        notes=_notes(case),
        python=python_of(case.spec, table.name if table.bytes is not None else None),
        figures=_figures(case),
    )


def _target(case: Case) -> str:
    name = case.design.target.name
    return f"log({name})" if case.spec.target_transform == "log" else name


def _coefficients(
    table: Inference, converged: bool = True, ratios: bool = False
) -> tuple[Coefficient, ...]:
    """Digits are unknown, not zero, for a dropped column and where Newton found no maximum."""
    with np.errstate(over="ignore"):
        ratio = np.exp(table.estimate) if ratios else np.full(len(table.names), np.nan)
    known = np.isfinite(table.estimate) & converged
    digits = np.where(known, table.digits, np.nan)
    spread = table.std_error_digits
    spread = np.full(digits.shape, np.nan) if spread is None else np.where(known, spread, np.nan)
    columns = zip(
        table.names, table.estimate, table.std_error, table.statistic, table.p_value,
        table.low, table.high, digits, spread, ratio, strict=True,
    )  # fmt: skip
    return tuple(Coefficient(name, *map(float, numbers)) for name, *numbers in columns)


def _model(case: Case) -> Model:
    fit, spec, geometry = case.fit, case.spec, case.linear
    shape = {
        "condition_number": geometry.conditioning.number,
        "condition_indices": tuple(map(float, geometry.conditioning.indices)),
        "vif": {n: float(v) for n, v in zip(case.names, geometry.vif, strict=True)},
    }
    lost = [n for n, gone in zip(case.names, geometry.dropped, strict=True) if gone]
    why = f"not determined by the data: {', '.join(lost)}" if lost else ""
    if isinstance(fit, LinearFit):
        robust = spec.covariance != "classic" and fit.df > 0
        meat = case.residuals.meat(spec.covariance, fit.rank) if robust else None
        f, df, p = fit.f_test()
        return Model(
            "ridge" if spec.ridge else "least squares",
            _coefficients(fit.inference(spec.confidence, meat, spec.covariance)),
            _target(case),
            covariance=spec.covariance,
            solver=_ROUTES[fit.solution.route],
            why=why,
            sigma=float(np.sqrt(fit.sigma2)),
            r2=fit.r2,
            f_statistic=f,
            f_df=df,
            f_p_value=p,
            r2_digits=fit.r2_digits,
            f_digits=fit.f_digits,
            loss=case.loss,
            **shape,
        )
    if isinstance(fit, GLMFit):
        return _glm_model(case, fit, why, shape)
    if not fit.converged:
        cause = "the likelihood has no maximum, so no digits are certified"
        if not fit.optimum.runaway:
            cause = "Newton did not reach the maximum; try a ridge or fewer columns"
        why = "; ".join(filter(None, [why, cause]))
    binary = isinstance(fit, LogisticFit)
    return Model(
        "logistic" if binary else "multinomial logistic",
        _coefficients(fit.inference(spec.confidence), fit.converged),
        _target(case),
        solver=f"Newton, {len(fit.optimum.losses)} steps over all rows",
        converged=fit.converged,
        why=why,
        log_likelihood=fit.log_likelihood,
        classes=case.design.classes,
        loss=case.loss,
        **shape,
    )


def _glm_model(case: Case, fit: GLMFit, why: str, shape: dict[str, Any]) -> Model:
    spec, huber = case.spec, fit.family == "huber"
    if not fit.converged:
        cause = "Newton did not reach the minimum; try a ridge or fewer columns"
        if fit.optimum.runaway:
            cause = "the likelihood has no maximum, so no digits are certified"
        why = "; ".join(filter(None, [why, cause]))
    table = fit.inference(spec.confidence, spec.covariance != "classic")
    return Model(
        glm_kind(fit.family, spec.ridge),
        _coefficients(table, fit.converged, not huber),
        _target(case),
        covariance=table.covariance,
        solver=f"Newton, {len(fit.optimum.losses)} steps over all rows",
        converged=fit.converged,
        why=why,
        sigma=float(np.sqrt(fit.dispersion)) if huber else None,
        loss=fit.family,
        dispersion=None if huber else fit.dispersion,
        deviance=None if huber else fit.deviance,
        null_deviance=None if huber else fit.null_deviance,
        outliers=fit.outliers if huber else None,
        **shape,
    )


_ROUTES = {
    "gram": "Cholesky of the scaled Gram matrix",
    "qr": "QR over the blocks",
    "refined": "exact sums of products",
}


def _score(values: np.ndarray, level: float) -> Score:
    e = over_folds(values, level)
    return Score(e.value, e.low, e.high, tuple(map(float, values)))


def _group(scores: FoldScores, names: tuple[str, ...], level: float) -> dict[str, Score]:
    known = [n for n in names if n in scores and np.isfinite(scores[n]).any()]
    group = {n: _score(scores[n], level) for n in known}
    if "mse" in scores:
        group["rmse"] = _score(np.sqrt(scores["mse"]), level)
    return group


def _scores(case: Case) -> dict[str, dict[str, Score]]:
    level, fit = case.spec.confidence, case.fit
    if isinstance(fit, LinearFit):
        names = ("r2", "log_score")
        ridge = case.spec.ridge or ridge_by_evidence(case.moments.total)
        return {
            "held_out": _group(case.scores, names, level),
            "training": {
                "r2": Score(fit.r2),
                "rmse": Score(float(np.sqrt(fit.rss / fit.n))),
            },
            "ridge": _group(case.scores_under(ridge), names, level),
            "constant": _group(case.baseline, names, level),
        }
    if isinstance(fit, GLMFit):
        names = ("r2", "mae", "deviance_explained", "log_score")
        training = {} if fit.family == "huber" else {"deviance_explained": Score(fit.r2)}
        return {
            "held_out": _group(case.scores, names, level),
            "training": training,
            "constant": _group(case.baseline, names, level),
        }
    names = ("log_loss", "skill", "accuracy", "balanced_accuracy", "brier")
    constant = {
        "log_loss": _score(case.scores["null_log_loss"], level),
        "accuracy": _score(case.scores["null_accuracy"], level),
    }
    return {
        "held_out": _group(case.scores, names, level),
        "training": {
            "log_loss": Score(-fit.log_likelihood / fit.n),
            "skill": Score(1 - fit.log_likelihood / fit.null_log_likelihood),
        },
        "constant": constant,
    }


def _notes(case: Case) -> tuple[str, ...]:
    notes = []
    if case.design.together is not None:
        copies = len(case.design.together.index)
        notes.append(
            f"{plural(copies, 'row')} with equal features held out together (group_copies)."
        )
    if case.spec.exclude_rows:
        notes.append(
            f"{plural(len(case.spec.exclude_rows), 'row')} kept out of the fit but scored (exclude_rows)."
        )
    notes += _notes_on_levels(case)
    if isinstance(case.fit, GLMFit):
        notes += _notes_on_loss(case)
    if case.k < case.spec.folds:
        wide = case.k == most_folds(case.p)
        why = (
            f"the moments of {case.p:,} columns take the memory of more"
            if wide
            else "a fold needs about ten rows for its own R²"
        )
        notes.append(f"{case.k} folds instead of {case.spec.folds}: {why}.")
    return tuple(notes)


def _notes_on_levels(case: Case) -> list[str]:
    """Levels that have rows enough for a column of their own, but of which `max_levels` keeps no more."""
    notes = []
    for coding in case.design.codings:
        if not isinstance(coding, LevelCoding) or not coding.levels.rare:
            continue
        column = case.schema[coding.name]
        kept = {coding.levels.reference, *coding.levels.kept}
        levels = zip(column.levels, column.counts, strict=True)
        gone = [n for t, n in levels if t not in kept and n >= case.spec.rare_level]
        if gone:
            notes.append(
                f"{len(gone):,} of {plural(len(column.levels), 'level')} of {coding.name}, "
                f"{percent(sum(gone) / sum(column.counts))} of the rows, are merged into {RARE}: max_levels is "
                f"{case.spec.max_levels}."
            )
    return notes


def _notes_on_loss(case: Case) -> list[str]:
    """What is different under this loss: rules that do not apply, and the robust errors there are."""
    skipped = [r for r in all_rules() if case.task in r.tasks and not r.speaks_under(case)]
    notes = [
        f"not looked for under the {case.loss} loss, as they judge the errors of least squares:"
        f" {', '.join(f'{r.code} {r.slug}' for r in skipped)}."
    ]
    if case.spec.covariance not in ("classic", "HC0"):
        notes.append(
            f"standard errors are HC0, not {case.spec.covariance}: the corrections for leverage are those of least"
            " squares."
        )
    return notes


def _figures(case: Case) -> Figures:
    s = case.sample
    pick = np.sort(case.rng("figures").permutation(len(s.y))[:FIGURE_POINTS])
    predicted = case.held_out
    path: tuple[tuple[float, float], ...] = ()
    if predicted.ndim == 2:  # multiclass: the probability given to the class that came true
        predicted = predicted[np.arange(len(s.y)), s.y.astype(int)]
        observed = np.ones(len(s.y))
    else:
        observed = s.y
    if case.loss == "squared" and case.p <= PATH_COLUMNS:
        ridges = tuple(case.n * r for r in PATH)
        scores = cross_validate_path(case.moments, ridges, case.excluded)
        path = tuple((r, over_folds(v["r2"]).value) for r, v in zip(ridges, scores, strict=True))
    return Figures(
        fitted=tuple(map(float, predicted[pick])),
        residual=tuple(map(float, (observed - predicted)[pick])),
        singular_values=tuple(map(float, case.linear.conditioning.singular_values)),
        observed=tuple(map(float, observed[pick])),
        ridge_path=path,
    )


def python_of(spec: Spec, source: str | None) -> str:
    """Python that makes the same journey."""
    chosen = [
        f"    {f.name}={getattr(spec, f.name)!r},"
        for f in dataclasses.fields(Spec)
        if f.name != "target" and getattr(spec, f.name) != getattr(Spec(), f.name)
    ]
    terms = ", Term" if spec.terms else ""
    where = repr(source) if source else "data"
    lines = ["import whyfit", f"from whyfit.spec import Spec{terms}", ""]
    if chosen:
        lines += ["spec = Spec(", f"    target={spec.target!r},", *chosen, ")"]
    else:
        lines += [f"spec = Spec(target={spec.target!r})"]
    return "\n".join([*lines, f"result = whyfit.fit({where}, spec=spec)"])
