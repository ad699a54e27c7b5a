"""DescendSpec: every choice `whyfit descend` knows about the descent; those about the table are a Spec."""

from __future__ import annotations

import dataclasses
import difflib
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from whyfit.calculus.losses import (
    Brier,
    Gamma,
    Hinge,
    Huber,
    Logistic,
    Loss,
    Multinomial,
    Poisson,
    Quantile,
    SoftmaxBrier,
    Squared,
)
from whyfit.calculus.optimizers import (
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
)
from whyfit.calculus.optimizers.base import Rule, check_rate, check_share
from whyfit.calculus.schedules import (
    Constant,
    Cosine,
    Harmonic,
    Plateau,
    Schedule,
    StepDecay,
    WarmUp,
)
from whyfit.calculus.second_order import Method
from whyfit.errors import SpecError

OPTIMIZERS = (
    "gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "newton", "bfgs", "lbfgs", "all",
)  # fmt: skip
SCHEDULES = ("constant", "step", "cosine", "warmup", "1/t", "plateau")
LOSSES = (
    "auto", "squared", "huber", "quantile", "poisson", "gamma", "logistic", "hinge", "multinomial",
    "brier",
)  # fmt: skip
SECOND_ORDER: dict[str, Method] = {"newton": "Newton", "bfgs": "BFGS", "lbfgs": "L-BFGS"}
#: What each loss asks of the target; brier takes two classes or more.
TASKS = {
    "squared": "regression", "huber": "regression", "quantile": "regression", "poisson": "regression",
    "gamma": "regression", "logistic": "binary", "hinge": "binary", "multinomial": "multiclass",
}  # fmt: skip
BY_TASK = {"regression": "squared", "binary": "logistic", "multiclass": "multinomial"}

EPOCHS = 100  # passes over the rows if nothing is said ...
MOST_STEPS = 20_000  # ... but no more steps than this
_BATCH = 32  # of sgd if nothing is said: PyTorch's and Keras's customary size
_BETA = 0.9
#: Fields that are numbers, and whether they are counted: whole ones from 1.
_NUMBERS = {
    "lr": False, "momentum": False, "beta1": False, "beta2": False, "alpha": False, "decay": False, "factor": False,
    "delta": False, "tau": False, "batch": True, "epochs": True, "steps": True, "schedule_steps": True,
}  # fmt: skip
#: What other libraries call a choice.
_ALIASES = {
    "learning_rate": "lr", "learning_rate_init": "lr", "eta": "lr", "eta0": "lr", "rate": "lr", "step_size": "lr",
    "batch_size": "batch", "weight_decay": "decay", "max_iter": "steps", "iterations": "steps", "n_steps": "steps",
    "n_epochs": "epochs", "max_epochs": "epochs", "beta": "momentum", "rho": "alpha", "criterion": "loss",
    "standardize": "standardise", "scheduler": "schedule", "quantile": "tau", "init": "start",
}  # fmt: skip
_START = 208  # keeps the draw of a start apart from those of batches


@dataclass(frozen=True, slots=True)
class DescendSpec:
    """How to descend.

    Attributes
    ----------
    optimizer : gd, sgd, momentum, nesterov, rmsprop, adam, adamw, newton, bfgs, lbfgs, or all for a race.
    lr : step size; None takes what theory recommends.
    momentum : β of gd and sgd (0: none), momentum and nesterov. nesterov : look ahead.
    beta1, beta2 : of Adam and AdamW. alpha : of RMSProp. decay : weight decay of AdamW.
    batch : rows per step, or "full"; None: all rows, of sgd 32.
    epochs, steps : how long; one of them, or neither.
    schedule : what the step size is multiplied by. schedule_steps : its time constant (length of cosine and warm-up,
        steps between two falls, steps to half of 1/t, patience of plateau). factor : of step and plateau.
    loss : "auto" goes by the task. delta : of huber, in units of the target; None: 1.345 robust standard deviations
        of the residuals. tau : of quantile.
    start : "zero"; "random:SCALE", every parameter a normal number of that standard deviation, drawn by the seed of the
        Spec; or the parameters themselves, the intercept first.
    race : whether to race the optimizers on the same loss as well.
    """

    optimizer: str = "gd"
    lr: float | None = None
    momentum: float | None = None
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    alpha: float = 0.99
    decay: float = 0.01
    batch: int | Literal["full"] | None = None
    epochs: int | None = None
    steps: int | None = None
    schedule: str = "constant"
    schedule_steps: int | None = None
    factor: float = 0.1
    loss: str = "auto"
    delta: float | None = None
    tau: float = 0.5
    start: str | tuple[float, ...] = "zero"
    race: bool = True

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            _check_number(self, name)
        for name in ("momentum", "beta1", "beta2", "alpha"):  # also where the optimizer has none
            check_share(name, getattr(self, name) or 0.0)
        for what, value, known in (
            ("optimizer", self.optimizer, OPTIMIZERS),
            ("schedule", self.schedule, SCHEDULES),
            ("loss", self.loss, LOSSES),
        ):
            if value not in known:
                raise SpecError(f"'{value}' is no {what}{_nearest(value, known)}")
        if self.lr is not None:
            check_rate(self.lr)
            if self.method or self.optimizer == "all":
                raise SpecError(f"{self.optimizer} chooses its own steps; leave --lr out.")
        if isinstance(self.batch, str) and self.batch != "full":
            raise SpecError(
                f"the batch size is '{self.batch}'; expected a number of rows, or full."
            )
        if isinstance(self.batch, int) and self.batch < 1:
            raise SpecError(f"the batch size is {self.batch}; expected at least 1 row, or full.")
        if self.batch is not None and self.method:
            raise SpecError(f"{self.optimizer} walks on all rows; leave --batch out.")
        for name in ("epochs", "steps", "schedule_steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SpecError(f"{name} is {value}; expected at least 1.")
        if self.epochs is not None and self.steps is not None:
            raise SpecError("both epochs and steps are given; give one of them.")
        if self.momentum is not None and self.optimizer in ("rmsprop", "adam", "adamw"):
            said = "β₁ (--beta1)" if self.optimizer.startswith("adam") else "α (--alpha)"
            raise SpecError(f"{self.optimizer} has no --momentum; it has {said}.")
        if (self.momentum is not None or self.nesterov) and self.method:
            raise SpecError(f"{self.optimizer} has no momentum; leave it out.")
        _ = self.rule, self.schedule_of(1), self._start_scale  # their own checks
        loss_of(self, "regression", 3, 1.0)

    @property
    def method(self) -> Method | None:
        return SECOND_ORDER.get(self.optimizer)

    @property
    def rule(self) -> Rule:
        """The update rule; of a second-order method the plain one, which is not used."""
        beta = _BETA if self.momentum is None else self.momentum
        match self.optimizer:
            case "rmsprop":
                return RMSProp(self.alpha)
            case "adam":
                return Adam(self.beta1, self.beta2)
            case "adamw":
                return AdamW(self.beta1, self.beta2, decay=self.decay)
            case "nesterov":
                return Nesterov(beta)
            case "momentum":
                return Nesterov(beta) if self.nesterov else Momentum(beta)
        if self.nesterov:
            return Nesterov(beta)
        return GradientDescent() if self.momentum is None else Momentum(self.momentum)

    @property
    def rows_per_step(self) -> int | None:
        """None: all."""
        if self.batch is None and self.optimizer == "sgd":
            return _BATCH
        return self.batch if isinstance(self.batch, int) else None

    @property
    def _start_scale(self) -> float | None:
        """Of a random start; None of any other."""
        if not isinstance(self.start, str):
            if not (len(self.start) and np.isfinite(self.start).all()):
                raise SpecError("start holds no numbers, or some that are not finite.")
            return None
        if self.start == "zero":
            return None
        kind, _, scale = self.start.partition(":")
        try:
            size = float(scale)
        except ValueError:
            size = np.nan
        if kind != "random" or not 0 < size < np.inf:
            raise SpecError(
                f"the start is '{self.start}'; expected zero, or random:SCALE with a number > 0, e.g. random:0.1."
            )
        return size

    def start_of(self, size: int, seed: int) -> Float[np.ndarray, " c"] | None:
        """The parameters to start with, `size` of them; None for zeros.

        Raises SpecError where as many are not given.
        """
        scale = self._start_scale
        if scale is not None:
            return scale * np.random.default_rng((seed, _START)).standard_normal(size)
        if isinstance(self.start, str):
            return None
        if len(self.start) != size:
            raise SpecError(
                f"start holds {len(self.start)} numbers; expected {size}, one a parameter."
            )
        return np.array(self.start, dtype=np.float64)

    def steps_of(self, n: int) -> tuple[int, int]:
        """Updates, and updates per epoch, for n rows."""
        batch = self.rows_per_step
        each = max(1, -(-n // batch)) if batch else 1
        if self.steps is not None:
            return self.steps, each
        if self.epochs is not None:
            return self.epochs * each, each
        return max(min(EPOCHS * each, MOST_STEPS), 1), each

    @property
    def schedule_of(self) -> Callable[[int], Schedule]:
        """The schedule of so many steps."""
        kind, given, factor = self.schedule, self.schedule_steps, self.factor

        def of(steps: int) -> Schedule:
            match kind:
                case "step":
                    return StepDecay(given or max(steps // 3, 1), factor)
                case "cosine":
                    return Cosine(given or steps)
                case "warmup":
                    return WarmUp(given or max(steps // 10, 1))
                case "1/t":
                    return Harmonic(given or max(steps // 10, 1))
                case "plateau":
                    return Plateau(given or 10, factor)
            return Constant()

        return of


def _check_number(spec: DescendSpec, name: str) -> None:
    """Refuse what is no number, and keep NumPy's as Python's."""
    value: Any = getattr(spec, name)
    whole = _NUMBERS[name]
    if value is None or (name == "batch" and isinstance(value, str)):
        return
    if isinstance(value, bool) or not isinstance(
        value, numbers.Integral if whole else numbers.Real
    ):
        what = {"batch": "the batch size", "lr": "the learning rate"}.get(name, name)
        raise SpecError(
            f"{what} is {value!r}; expected {'a whole number ≥ 1' if whole else 'a number'}."
        )
    kept: Any = value
    object.__setattr__(spec, name, int(kept) if whole else float(kept))


def _nearest(value: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(str(value).lower(), known, 1, 0.4)
    hint = f"; did you mean '{close[0]}'?" if close else "."
    return f"{hint} Known: {', '.join(known)}."


def loss_of(spec: DescendSpec, task: str, classes: int, scale: float) -> Loss:
    """The Loss of a task; `scale` is a robust standard deviation of the residuals."""
    match spec.loss if spec.loss != "auto" else BY_TASK[task]:
        case "huber":
            return Huber(1.345 * scale if spec.delta is None else spec.delta)
        case "quantile":
            return Quantile(spec.tau)
        case "poisson":
            return Poisson()
        case "gamma":
            return Gamma()
        case "logistic":
            return Logistic()
        case "hinge":
            return Hinge()
        case "multinomial":
            return Multinomial(max(classes, 2))
        case "brier":
            return SoftmaxBrier(classes) if task == "multiclass" else Brier()
    return Squared()


def with_choices(spec: DescendSpec | None, choices: dict[str, Any]) -> DescendSpec:
    """`spec` (default: the default) with fields replaced. Raises SpecError for a field DescendSpec does not have."""
    known = {f.name for f in dataclasses.fields(DescendSpec)}
    for name in choices:
        if name not in known:
            close = (
                [_ALIASES[name]] if name in _ALIASES else difflib.get_close_matches(name, known, 1)
            )
            hint = f"did you mean '{close[0]}'? Choices" if close else "choices"
            raise SpecError(
                f"'{name}' is no choice of a descent; {hint}: {', '.join(sorted(known))}."
            )
    start = choices.get("start", "zero")
    if not isinstance(start, str):
        choices = {**choices, "start": tuple(map(float, np.ravel(start)))}
    return dataclasses.replace(spec or DescendSpec(), **choices)
