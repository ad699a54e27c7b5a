"""Case: everything measured about one fit, worked out when first asked for.

A Case is a pure function of (table, Spec). Rules read it; `rerun(edit)` is the same table under an edited Spec,
remembered, so that several rules trying the same remedy pay once. Where an edit only leaves out columns or sets
a penalty, the moments of this case are reused and no row is read.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from whyfit.data.assignment import same_folds
from whyfit.data.design import Design
from whyfit.data.new_sample import NewSample
from whyfit.data.sample import Sample, sample_of, sample_rows
from whyfit.data.schema import Schema
from whyfit.data.table import Table
from whyfit.data.views import (
    REMEMBER_BYTES,
    REMEMBER_SPARSE_BYTES,
    Remembered,
    among,
    without_columns,
)
from whyfit.diagnosis import held_out, training_errors
from whyfit.diagnosis.standard_errors import StandardErrors, standard_errors
from whyfit.engines.local import LocalEngine
from whyfit.errors import SpecError, TargetError
from whyfit.fold import Engine, RowSource, fold, joined
from whyfit.linalg.moments import FoldMoments
from whyfit.probability import (
    glm,
    glm_validation,
    logistic,
    logistic_validation,
    multinomial,
    validation,
)
from whyfit.probability.linear import LinearFit, fit_moments, gather
from whyfit.probability.principal import projection_of
from whyfit.probability.recalibration import Recalibrated
from whyfit.probability.residuals import Residuals, examine
from whyfit.probability.validation import FoldScores
from whyfit.spec import OF_THE_FIT, Spec, difference, edited

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """`table` under `spec`; `given` are moments known already (a subset of another case's)."""

    table: Table
    spec: Spec
    design: Design
    given: FoldMoments | None = None
    engine: Engine = field(default_factory=LocalEngine)
    memory: dict[Any, Case] = field(default_factory=dict)
    near: Case | None = None  # a case whose optimum is a good place to start from
    new: NewSample | None = None  # rows to come, which the fit has not seen

    def __post_init__(self) -> None:
        held_out.check_use(self.spec, self.design)

    @classmethod
    def of(cls, table: Table, spec: Spec, engine: Engine | None = None) -> Case:
        """The case of a table; a table made of (X, y) calls its target "y" if the Spec names none."""
        spec = spec if spec.target else edited(spec, {"target": "y"})
        case = cls(table, spec, Design.of(table, spec), engine=engine or LocalEngine())
        return case.along_components() if spec.components else case

    def along_components(self) -> Case:
        """This case, of columns, along its `spec.components` leading components.

        Moments are gathered anew: mapping those of the columns would lose κ²u of small components. Raises
        SpecError if there are not so many, or if columns are sparse.
        """
        if self.design.n_dense < self.p:
            raise SpecError(
                f"components needs dense columns and {self.p - self.design.n_dense:,} are sparse (texts or"
                " categories of many levels); reduce these with text_components or max_levels."
            )
        projection = projection_of(self.moments, self.names, self.spec.components or 1)
        return dataclasses.replace(self, design=self.design.projected(projection), given=None)

    # -- what the table is -------------------------------------------------------------------------

    @property
    def schema(self) -> Schema:
        return self.table.schema

    @property
    def task(self) -> str:
        """regression, binary or multiclass."""
        return self.design.task

    @property
    def loss(self) -> str:
        """squared, poisson, gamma or huber; log-loss of a classification."""
        if self.task != "regression":
            return "log-loss"
        return "squared" if self.spec.loss == "auto" else self.spec.loss

    @property
    def names(self) -> tuple[str, ...]:
        """Design columns."""
        return self.design.names

    @property
    def k(self) -> int:
        return self.design.k

    @property
    def n(self) -> int:
        """Rows fitted."""
        return int(self.moments.n.sum())

    @property
    def p(self) -> int:
        return len(self.names)

    @cached_property
    def all_rows(self) -> RowSource:
        """Design rows with a usable target, excluded ones too; kept between passes if they are few."""
        rows = self.design.rows(self.table)
        if self.design.n_dense < self.p:
            return Remembered(rows, REMEMBER_SPARSE_BYTES)
        small = 8 * self.p * self.table.n <= REMEMBER_BYTES
        return Remembered(rows) if small else rows

    @cached_property
    def rows(self) -> RowSource:
        """Design rows that are fitted."""
        out = frozenset(self.spec.exclude_rows)
        return among(self.all_rows, out, inside=False) if out else self.all_rows

    # -- moments and fits --------------------------------------------------------------------------

    @cached_property
    def moments(self) -> FoldMoments:
        """Per fold, of [X y]; y is 0/1 for binary and the class code for multiclass tasks."""
        return self.given if self.given is not None else gather(self.rows, self.k, self.engine)

    @cached_property
    def excluded(self) -> FoldMoments | None:
        """Moments of rows kept out of the fit but scored."""
        if not self.spec.exclude_rows:
            return None
        out = among(self.all_rows, frozenset(self.spec.exclude_rows))
        return gather(out, self.k, self.engine)

    @cached_property
    def linear(self) -> LinearFit:
        """Least squares (or ridge) of y on X: the fit itself under squared loss, the geometry for any other."""
        ridge = self.spec.ridge if self.task == "regression" else 0.0
        return fit_moments(self.moments.total, self.names, ridge, self.rows, self.engine)

    @cached_property
    def fit(self) -> LinearFit | logistic.LogisticFit | multinomial.MultinomialFit | glm.GLMFit:
        if self.loss == "squared":
            return self.linear
        columns, ridge = self._columns, self.spec.ridge
        if self.task == "regression":
            return self._generalised()
        arguments = (self.rows, columns.n, columns.mean, columns.scale, ridge, columns.dropped)
        if self.task == "binary":
            near = (
                self.near.fit if self.near is not None and self.near.names == self.names else None
            )
            near = near if isinstance(near, logistic.LogisticFit) else None
            return logistic.fit_rows(
                *arguments, engine=self.engine, near=near, solution=self.linear.solution
            )
        return multinomial.fit_rows(
            *arguments,
            classes=self.design.classes,
            engine=self.engine,
            solution=self.linear.solution,
        )

    def _generalised(self) -> glm.GLMFit:
        """The regression under a loss of its own."""
        family: Any = self.loss
        ridge, columns = self.spec.ridge, self._columns

        def fit(penalty: float) -> glm.GLMFit:
            return glm.fit_rows(family, self.rows, columns, penalty, engine=self.engine)

        if family != "huber":
            return fit(ridge)
        if not self.linear.rss > glm.NO_SCALE * self.linear.tss:
            raise TargetError(glm.EXACT)
        if not ridge:
            made = fit(0.0)
            if not (made.converged or made.optimum.hessian[-1, -1] > 0):  # σ bends nowhere
                raise TargetError(glm.EXACT)
            return made
        # near its minimum Huber's loss is 2/σ times the squared one, and so must the penalty be
        rough = fit(2 * ridge / columns.target.spread)
        return fit(2 * ridge / float(np.sqrt(rough.dispersion)))

    @cached_property
    def _columns(self) -> glm.Columns:
        """What Newton's steps need to know of the columns; the sample tells where Huber's start."""
        total = self.moments.total
        scale = np.sqrt(np.diag(total.scatter)[:-1] / total.n)
        size = glm.TargetSize(float(total.mean[-1]), float("nan"), float("nan"))
        if self.loss == "huber":
            size = dataclasses.replace(glm.TargetSize.of(self.sample.y), mean=size.mean)
        scale = np.where(scale > 0, scale, 1.0)
        return glm.Columns(total.n, total.mean[:-1], scale, self.linear.dropped, size)

    @cached_property
    def residuals(self) -> Residuals:
        """Second pass over the rows of a regression."""
        wanted = {"HC3", self.spec.covariance} - {"classic", "cluster", "HAC"}
        return examine(self.linear, self.rows, self.spec.seed, self.engine, tuple(sorted(wanted)))

    @cached_property
    def standard_errors(self) -> StandardErrors:
        """As `Spec.covariance` asks for."""
        return standard_errors(self)

    @cached_property
    def sample(self) -> Sample:
        """A random sample of the fitted rows (all of them up to data.sample.sample_rows(p))."""
        if self.loss == "squared":
            return self.residuals.sample
        of, share = sample_of(self.n, self.spec.seed, sample_rows(self.p))
        return fold(joined(self.rows.blocks()), of, Sample.empty(self.p, share), self.engine)

    # -- held-out ----------------------------------------------------------------------------------

    @cached_property
    def _validated(self) -> tuple[FoldScores, Any]:
        k, out = self.k, frozenset(self.spec.exclude_rows)
        if isinstance(self.fit, logistic.LogisticFit):
            return logistic_validation.cross_validate(
                self.fit,
                self.all_rows,
                k,
                threshold=self.called_at,
                excluded=out,
                engine=self.engine,
            )
        if isinstance(self.fit, multinomial.MultinomialFit):
            return multinomial.cross_validate(
                self.fit, self.all_rows, k, excluded=out, engine=self.engine
            )
        if isinstance(self.fit, glm.GLMFit):
            scores, B = glm_validation.cross_validate(
                self.fit, self._columns, self.all_rows, k, excluded=out, engine=self.engine
            )
            return self._of_target(scores), B
        white = self._white
        if white is None:
            scores, B = validation.with_coefficients(self.moments, self.spec.ridge, self.excluded)
            return self._of_target(scores), B
        moments = gather(white, k, self.engine)
        scored = None
        if out:
            rows = without_columns(among(self.all_rows, out), self.linear.dropped)
            scored = gather(dataclasses.replace(white, rows=rows), k, self.engine)
        scores, V = validation.with_coefficients(moments, excluded=scored)
        B = np.zeros((k, self.p + 1))
        B[:, 1:][:, ~self.linear.dropped] = V[:, 1:] @ white.W.T
        B[:, 0] = V[:, 0] - B[:, 1:][:, ~self.linear.dropped] @ white.mean
        return self._of_target(scores), B

    @property
    def _white(self) -> logistic.Whitened | None:
        """Rows in which near copies are told apart; moments of the columns themselves lose their difference."""
        if self.spec.ridge:
            return None
        s = self.linear.solution
        rows = without_columns(self.rows, s.dropped)
        return logistic.Whitened.of(rows, self.moments.total.mean[:-1][~s.dropped], self.n, s)

    @cached_property
    def scores(self) -> FoldScores:
        """Held-out scores, one value per fold: r2, mse, log_score | log_loss, skill, brier, accuracy, ..."""
        again = held_out.rescored_folds(self)
        return self._validated[0] if again is None else again

    @cached_property
    def called_at(self) -> float:
        """The threshold under which rows were called in cross-validation."""
        return self.spec.called_from

    @property
    def training_coefficients(self) -> Any:
        """Of each fold's training set, intercept first, (k, p + 1) of a regression."""
        return self._validated[1]

    def scores_under(self, ridge: float) -> FoldScores:
        """Held-out scores of a regression under another penalty, on the same rows."""
        return self._of_target(validation.cross_validate(self.moments, ridge, self.excluded))

    @cached_property
    def baseline(self) -> FoldScores:
        """Held-out scores of the constant predictor (regression)."""
        return self._of_target(validation.mean_scores(self.moments, self.excluded))

    def _of_target(self, scores: FoldScores) -> FoldScores:
        """With a log target the log density is that of y itself: less E log y of the scored rows (the Jacobian)."""
        if self.spec.target_transform == "log":
            n, mean = self.moments.n, self.moments.mean[:, -1]
            if self.excluded is not None:
                out = self.excluded
                mean = (n * mean + out.n * out.mean[:, -1]) / np.maximum(n + out.n, 1)
            scores["log_score"] = scores["log_score"] - mean
        return scores

    @cached_property
    def out_of_fold(self) -> Float[np.ndarray, " s"]:
        """`held_out` before any recalibration."""
        return held_out.out_of_fold(self)

    @cached_property
    def recalibration(self) -> Recalibrated | None:
        """The maps of `Spec.recalibrate`: one for new rows, one for each fold."""
        return held_out.recalibration_of(self)

    @cached_property
    def held_out(self) -> Float[np.ndarray, " s"]:
        """Out-of-fold predictions of the sample: ŷ, or the probability of the positive class.

        Multiclass: (s, C) probabilities.
        """
        maps, raw = self.recalibration, self.out_of_fold
        return raw if maps is None else maps.held_out(raw, self.sample.fold)

    def training_std_errors(self, columns: tuple[str, ...]) -> Float[np.ndarray, "k c"]:
        """See `training_errors`."""
        return training_errors.training_std_errors(self, columns)

    def remembered(self, name: str, make: Callable[[], T]) -> T:
        """`make()`, worked out once: what rules and panels share and no property here names."""
        known = self.__dict__.setdefault("_shared", {})
        if name not in known:
            known[name] = make()
        return known[name]

    # -- trying things -----------------------------------------------------------------------------

    def rng(self, code: str) -> np.random.Generator:
        """A generator of this case's seed, its own stream for every rule."""
        return np.random.default_rng([self.spec.seed, zlib.crc32(code.encode())])

    def rerun(self, edit: dict[str, Any]) -> Case:
        """The same table under an edited Spec. Raises InputError if the edit cannot be made."""
        spec = edited(self.spec, edit)
        key = repr(spec)
        if key not in self.memory:
            same = difference(spec, self.spec).keys() <= held_out.USES
            table = self.table if same else self.table.under(spec)
            design = self.design if same else Design.of(table, spec)
            given = None if same else self._reusable(spec, design)
            case = Case(table, spec, design, given, self.engine, self.memory, self)
            if same:
                case.__dict__.update(held_out.fitted(self))
            elif spec.components:
                case = case.along_components()
            self.memory[key] = case
        return self.memory[key]

    def _reusable(self, spec: Spec, design: Design) -> FoldMoments | None:
        if self.design.projection is not None:
            return None
        same = all(
            getattr(spec, f) == getattr(self.spec, f)
            for f in Spec.__dataclass_fields__
            if f not in OF_THE_FIT
        )
        if (
            not same
            or design.dropped != self.design.dropped
            or design.task != self.task  # other codes of y
            or design.k != self.k
            or not same_folds(design.assignment, self.design.assignment)
            or not set(design.names) <= set(self.names)
        ):
            return None
        return self.moments.columns([*(self.names.index(c) for c in design.names), self.p])
