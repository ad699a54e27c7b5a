"""TableModel: the model of a table, which predicts new tables of the same columns.

It holds the design (how raw columns become X), the predictive law (`whyfit.probability.predictive`) and
the table of coefficients: all plain data, saved and read back by `whyfit.models.file`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from whyfit.data.coding import RARE, LevelCoding
from whyfit.data.design import Design
from whyfit.data.new_rows import NewRows
from whyfit.data.typed_source import array_source
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.held_out_intervals import class_scores_of, conformal_of
from whyfit.errors import ShapeError, SpecError
from whyfit.models.file import load_model, save_model
from whyfit.models.prediction_words import notes_on_intervals, texts_of
from whyfit.models.summary import rows_of
from whyfit.probability.conformal_scores import (
    ClassScores,
    Conformal,
    rows_needed,
    too_few,
)
from whyfit.probability.glm import GLMFit
from whyfit.probability.glm_problem import glm_kind
from whyfit.probability.inference import Inference
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.predictive import (
    GLMLaw,
    Interval,
    Kind,
    Law,
    LinearLaw,
    LogisticLaw,
    MultinomialLaw,
    check_kind,
    check_level,
)
from whyfit.probability.recalibrated_law import RecalibratedLaw
from whyfit.probability.recalibration import AnyMap
from whyfit.spec import Spec

__all__ = ["Prediction", "TableModel", "load_model", "save_model"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Columns by name, all of one length, and what happened to cells on the way, one line each."""

    columns: dict[str, np.ndarray]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TableModel:
    """What `whyfit.fit(...).model` is.

    Attributes
    ----------
    spec : the choices under which it was fitted. design : how raw columns become X.
    law : the numbers that predict. inference : the table of coefficients.
    n : rows fitted. conformal : what conformal intervals, or sets of classes, are made of, if these were chosen.
    recalibration : the map that probabilities are passed through (`Spec.recalibrate`), None for none; the coefficients
        are those before it.

    Notes
    -----
    Predictions are in units of the target. If its logarithm was fitted they are exp(η), the median
    of such rows, and with kind "mean" exp(η + σ²/2), their mean; both take log-scale errors to be
    normal (see `predictive.LinearLaw.interval`). With robust errors (`Spec.covariance`) the
    uncertainty of the mean is robust; the σ² of a new row is the average over all rows. Of a Poisson,
    gamma or Huber regression a new row's interval is one of quantiles of its law (`predictive.GLMLaw`).
    With conformal intervals (`Spec.intervals`) that of a new row has them from held-out errors instead
    (`probability.conformal_scores`); that of the mean stays as it is. A classifier then has sets of classes.
    """

    spec: Spec
    design: Design
    law: Law
    inference: Inference
    n: int
    conformal: Conformal | ClassScores | None = None
    recalibration: AnyMap | None = None

    @classmethod
    def of(cls, case: Case) -> TableModel:
        """The model of a fitted case."""
        fit, spec, errors = case.fit, case.spec, case.standard_errors
        log = spec.target_transform == "log"
        if isinstance(fit, LinearFit):
            law: Law = LinearLaw.of(fit, errors.meat, log=log)
        elif isinstance(fit, GLMFit):
            law = errors.on(GLMLaw.of(fit, log=log))
        elif isinstance(fit, LogisticFit):
            law = errors.on(LogisticLaw.of(fit, spec.called_from))
        else:
            law = errors.on(MultinomialLaw.of(fit))
        conformal = None
        if spec.intervals == "conformal":
            regression = isinstance(law, LinearLaw | GLMLaw)
            conformal = conformal_of(case) if regression else class_scores_of(case)
        maps = case.recalibration
        learned = None if maps is None else maps.map
        return cls(spec, case.design, law, errors.table, case.n, conformal, learned)

    # -- what it is ----------------------------------------------------------------------------------

    @property
    def target(self) -> str:
        return self.design.target.name

    @property
    def task(self) -> str:
        """regression, binary or multiclass."""
        return self.design.task

    @property
    def kind(self) -> str:
        if isinstance(self.law, LinearLaw):
            return "ridge" if self.spec.ridge else "least squares"
        if isinstance(self.law, GLMLaw):
            return glm_kind(self.law.family, self.spec.ridge)
        return "logistic" if isinstance(self.law, LogisticLaw) else "multinomial logistic"

    @property
    def names(self) -> tuple[str, ...]:
        """Design columns, the order of `law.coef`."""
        return self.design.names

    @cached_property
    def classes(self) -> np.ndarray:
        """Class labels as the target's values: numbers or booleans where it had those, else text."""
        texts, numbers = self.design.classes, self.design.target.numbers
        if texts == ("False", "True"):
            return np.array([False, True])
        if numbers and tuple(f"{v:.15g}" for v in numbers) == texts:
            whole = all(float(v).is_integer() and abs(v) < 2**53 for v in numbers)
            return np.array(numbers, dtype=np.int64 if whole else np.float64)
        return np.array(texts, dtype=object)

    def in_columns(self) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
        """Columns, their coefficients (p,) and standard errors (p,); one row per further class if there are several.

        Where principal components were fitted (`Spec.components`), what they say of the columns behind them:
        w = Wa, covariance W cov(a) Wᵀ; otherwise the coefficients as they are.
        """
        p, law = self.design.projection, self.law
        coef = np.atleast_2d(law.coef)
        c = coef.shape[1] + 1
        blocks = np.reshape(law.covariance, (len(coef), c, len(coef), c))
        W = p.W if p is not None else np.eye(c - 1)
        variance = [np.einsum("ij,ij->i", W @ blocks[a, 1:, a, 1:], W) for a in range(len(coef))]
        error = np.sqrt(np.maximum(np.array(variance), 0.0))
        mapped = coef @ W.T
        one = law.coef.ndim == 1
        return self.design.columns, mapped[0] if one else mapped, error[0] if one else error

    def summary(self) -> dict[str, Any]:
        """The fit in plain values, with one dict per coefficient."""
        return {
            "model": self.kind,
            "target": self.target,
            "n": self.n,
            "df": self.inference.df,
            "covariance": self.inference.covariance,
            "confidence": self.inference.level,
            "classes": list(self.design.classes),
            "coefficients": rows_of(self.inference),
        }

    def __repr__(self) -> str:
        return f"<whyfit model: {self.kind} of {self.target}, {self.n:,} rows>"

    # -- predicting ----------------------------------------------------------------------------------

    def predict(
        self, source: Any, interval: float | None = None, kind: Kind = "new"
    ) -> np.ndarray | Interval:
        """The prediction of every row of `source`, in its order.

        Parameters
        ----------
        source : path or data frame with the raw columns (a target is not needed, further columns
            are ignored), or an (m, q) array in the order of the feature columns.
        interval : regression: level in (0, 1) of an interval beside the prediction.
        kind : "new": one new row; "mean": the mean of such rows.

        Returns
        -------
        (m,) array of numbers or class labels, or Interval(prediction, low, high). A row with a
        missing cell has none (NaN or None) if such rows were left out of the fit.

        Raises
        ------
        SchemaError : columns are missing. ShapeError : an array has another number of columns.
        SourceError : the source cannot be read. SpecError : interval or kind is out of range.
        """
        check_kind(kind)
        blocks = self._blocks(self._open(source))
        if not isinstance(self.law, LinearLaw | GLMLaw):
            if interval is not None:
                raise SpecError(
                    "a class has no interval; ask predict_proba(…, interval=0.95) for that of its "
                    "probability."
                )
            return self._labels(*_joined(_codes(self._classifier(), X) for X in blocks))
        law = self.law
        if interval is None:
            return _joined((law.predict(X, kind),) for X in blocks)[0]
        level = check_level(interval)
        return Interval(*_joined(self._interval(X, level, kind) for X in blocks))

    def predict_set(self, source: Any, level: float = 0.95) -> Bool[np.ndarray, "m C"]:
        """Which classes the conformal set of every row holds, in the order of `classes`.

        Of every class at least `level` of its rows have it in their set, the rare ones too; a class with too few
        rows for that is in every set. A set may be empty: the row looks like no class.

        Raises SpecError unless the model is a classifier fitted with `Spec(intervals="conformal")`, or if no class
        has rows enough; otherwise as `predict`.
        """
        law, level = self._classifier(), check_level(level)
        if not isinstance(self.conformal, ClassScores):
            raise SpecError(
                "the model keeps no conformal scores; fit with Spec(intervals='conformal') for sets of classes."
            )
        scores = self.conformal
        parts = (
            (scores.sets(law.probability(X), level),) for X in self._blocks(self._open(source))
        )
        return _joined(parts)[0]

    def _interval(self, X: np.ndarray, level: float, kind: Kind) -> Interval:
        """Of a regression: conformal for new rows if it was fitted so, else of the law."""
        law, conformal = self.law, self.conformal
        assert isinstance(law, LinearLaw | GLMLaw)
        if self.spec.intervals != "conformal" or kind == "mean":
            return law.interval(X, level, kind)
        n = 0 if conformal is None or isinstance(conformal, ClassScores) else conformal.n
        if n < rows_needed(level) or conformal is None or isinstance(conformal, ClassScores):
            raise too_few(level, n)
        return conformal.interval(X, law.predict(X), level)

    def predict_proba(self, source: Any, interval: float | None = None) -> np.ndarray | Interval:
        """Probability of each class, (m, C) in the order of `classes`, or Interval of three such.

        Raises SpecError if the target is a number; otherwise as `predict`.
        """
        law = self._classifier()
        blocks = self._blocks(self._open(source))
        if interval is None:
            return _joined((law.probability(X),) for X in blocks)[0]
        level = check_level(interval)
        return Interval(*_joined(law.interval(X, level) for X in blocks))

    def predict_table(
        self, source: Any, interval: float | None = None, kind: Kind = "new"
    ) -> dict[str, np.ndarray]:
        """The columns of `predict_rows`."""
        return self.predict_rows(source, interval, kind).columns

    def predict_rows(
        self, source: Any, interval: float | None = None, kind: Kind = "new"
    ) -> Prediction:
        """Predictions as a table, and notes on what happened to the cells of `source`.

        Columns: `row` (0-based), `prediction`; with an interval `low` and `high`. Classifiers:
        `prediction` is the class label, `probability`, `low`, `high` are those of the positive
        class; with more than two classes there is a `probability`, `low` and `high` of each,
        followed by its name. Parameters and errors as of `predict`; an interval of a classifier is
        that of the probability, whatever `kind`. Of one fitted with conformal intervals there is also the `set` of
        classes at that level, joined by " | ".
        """
        check_kind(kind)
        level = None if interval is None else check_level(interval)
        new = self._open(source)
        parts = []
        for X in self._blocks(new):
            if isinstance(self.law, LinearLaw | GLMLaw):
                law = self.law
                parts.append(
                    (law.predict(X, kind),) if level is None else self._interval(X, level, kind)
                )
            else:
                law = self._classifier()
                P = (law.probability(X),) if level is None else law.interval(X, level)
                parts.append((*_codes(law, X), *P))
        values = _joined(iter(parts))
        columns: dict[str, np.ndarray] = {"row": np.arange(new.n)}
        if isinstance(self.law, LinearLaw | GLMLaw):
            columns |= dict(zip(("prediction", "low", "high"), values, strict=False))
        else:
            columns["prediction"] = self._labels(*values[:2])
            columns |= self._probability_columns(values[2:])
            if level is not None and isinstance(self.conformal, ClassScores):
                held = self.conformal.sets(values[2], level)
                columns["set"] = texts_of(held, self.design.classes)
        notes = [*self._notes(new, columns["prediction"])]
        if level is not None and (self.conformal is not None or isinstance(self.law, GLMLaw)):
            notes += notes_on_intervals(self, level, kind)
        return Prediction(columns, tuple(notes))

    def _probability_columns(self, values: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
        names = ("probability", "low", "high")[: len(values)]
        if self.task == "binary":
            return {name: P[:, 1] for name, P in zip(names, values, strict=True)}
        return {
            f"{name} {label}": P[:, c]
            for c, label in enumerate(self.design.classes)
            for name, P in zip(names, values, strict=True)
        }

    def _classifier(self) -> LogisticLaw | MultinomialLaw | RecalibratedLaw:
        if isinstance(self.law, LinearLaw | GLMLaw):
            raise SpecError(
                f"the target '{self.target}' is a number and has no classes; use predict."
            )
        law = self.law
        return law if self.recalibration is None else RecalibratedLaw(law, self.recalibration)

    def _labels(self, codes: np.ndarray, known: Bool[np.ndarray, " m"]) -> np.ndarray:
        """Class labels; None (NaN among numbers) where X is not known."""
        labels = self.classes[codes]
        if known.all():
            return labels
        if labels.dtype.kind in "if":
            return np.where(known, labels, np.nan)
        out = labels.astype(object)
        out[~known] = None
        return out

    def _open(self, source: Any) -> NewRows:
        listed = isinstance(source, list) and bool(source) and isinstance(source[0], list | tuple)
        if not (isinstance(source, np.ndarray) or listed):
            return self.design.read_new(source)
        array = array_source(source)
        features = [f.name for f in self.design.features]
        needed = list(self.design.sources)
        if len(array.header) not in (len(features), len(needed)):
            raise ShapeError(
                f"the array has {len(array.header)} columns; expected the {len(features)} feature "
                "columns in order, or a data frame with their names."
            )
        array.header = features if len(array.header) == len(features) else needed
        return NewRows(self.design, array)

    def _blocks(self, new: NewRows) -> Iterator[Float[np.ndarray, "m p"]]:
        """X in pieces, at least one, though it may have no row."""
        for _, X in new:
            yield X
        if not new.n:
            yield np.empty((0, len(self.names)))

    def _notes(self, new: NewRows, prediction: np.ndarray) -> Iterator[str]:
        levels = {c.name: c.levels for c in self.design.codings if isinstance(c, LevelCoding)}
        for name, count in new.unseen.items():
            as_what = RARE if levels[name].rare else levels[name].reference
            yield f"'{name}': {_cells(count)} of a level not seen in training, taken for '{as_what}'."
        for name, count in new.unreadable.items():
            yield f"'{name}': {_cells(count)} could not be read, taken for missing."
        for name, count in new.missing.items():
            done = "" if self.design.drops_missing else ", filled as in training"
            yield f"'{name}': {_cells(count)} missing{done}."
        if empty := sum(v is None or v != v for v in prediction.tolist()):
            yield f"rows without a prediction, for a cell they lack: {empty:,}."


def _codes(
    law: LogisticLaw | MultinomialLaw | RecalibratedLaw, X: Float[np.ndarray, "m p"]
) -> tuple[np.ndarray, ...]:
    """Class numbers, and whether X is known."""
    return law.codes(X), np.asarray(np.isfinite(X).all(axis=1))


def _joined(parts: Iterator[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    """Tuples of arrays joined place by place."""
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def _cells(count: int) -> str:
    return f"{count:,} cell{'s' * (count != 1)}"
