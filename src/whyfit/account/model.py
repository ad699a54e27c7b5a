"""The model of a Case as a report shows it: coefficients with their inference, and facts of the fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.probability.glm import GLMFit
from whyfit.probability.glm_problem import glm_kind
from whyfit.probability.inference import Inference
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit
from whyfit.report.document import Coefficient, Model


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


def model_of(case: Case) -> Model:
    fit, spec, geometry, table = case.fit, case.spec, case.linear, case.standard_errors.table
    shape = {
        "condition_number": geometry.conditioning.number,
        "condition_indices": tuple(map(float, geometry.conditioning.indices)),
        "vif": {n: float(v) for n, v in zip(case.names, geometry.vif, strict=True)},
    }
    lost = [n for n, gone in zip(case.names, geometry.dropped, strict=True) if gone]
    why = f"not determined by the data: {', '.join(lost)}" if lost else ""
    if isinstance(fit, LinearFit):
        f, df, p = fit.f_test()
        return Model(
            "ridge" if spec.ridge else "least squares",
            _coefficients(table),
            _target(case),
            covariance=table.covariance,
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
        _coefficients(table, fit.converged),
        _target(case),
        covariance=table.covariance,
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
    table = case.standard_errors.table
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
