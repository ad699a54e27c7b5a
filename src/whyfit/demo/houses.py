"""1,200 house listings written by a known law, with faults planted in them.

    price = 20,000 + 90 sqft + 8,000 bedrooms + 15,000 location − 500 age + 10 lot_size_m2
            + 10,000 [garage = yes] − 4,000 [heating = electric] + 8,000 [heating = heat pump] + ε
    ε ~ N(0, (0.09 m)²),  m the price without ε

Bathrooms, listing date and description have no effect. The columns that have one are drawn
independently of each other, but for bedrooms, which follow sqft. So leaving some of them out adds
their average to β₀ and their spread to ε, and biases nothing.

Only `random.Random.random` and `statistics.NormalDist` are drawn from: Python keeps both sequences
the same from version to version, so the file is the same everywhere, byte by byte.
"""

from __future__ import annotations

import csv
import io
import math
import random
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import NormalDist

ROWS = 1200
SEED = 1729
TARGET = "price"

#: The house that the worked example follows, the first of the file: columns of `CORE`.
CORE = ("sqft", "bedrooms", "location", "age")
FIRST = (2100.0, 3.0, 7.2, 10.0)

BASE = 20_000.0
LAW = {"sqft": 90.0, "bedrooms": 8_000.0, "location": 15_000.0, "age": -500.0, "lot_size_m2": 10.0}
GARAGE = 10_000.0
HEATING = {"electric": -4_000.0, "heat pump": 8_000.0}  # gas and district: 0
NOISE = 0.09  # sd of ε as a share of the price without it
NO_EFFECT = ("bathrooms", "listed", "description")

#: The law in words, a line each.
LAW_LINES = (
    "price = 20,000 + 90·sqft + 8,000·bedrooms + 15,000·location",
    "− 500·age + 10·lot_size_m2 + 10,000·[garage = yes]",
    "− 4,000·[heating = electric] + 8,000·[heating = heat pump] + ε",
)
NOISE_LINE = "ε is normal with a standard deviation of 9 % of the price."

COMMISSION = 0.03  # the agent's share of the price: known only once the price is
COMMISSION_STEP = 100.0  # commissions are in whole hundreds
M2_PER_SQFT = 0.09290304
MEASURED = 0.005  # relative sd of measuring the area twice
GARAGE_SHARE = 0.7
LOT_MEDIAN, LOT_SPREAD = 646, 0.4  # log-normal, so the mean is 700 m²
_HEATING_SHARES = (("gas", 0.545), ("electric", 0.30), ("heat pump", 0.15), ("district", 0.005))


@dataclass(frozen=True, slots=True)
class Fault:
    """A planted fault: what it is, the columns it sits in, the rules any of which must find it.

    No columns means that it sits in the errors of the fit, whatever columns a rule names.
    """

    what: str
    columns: tuple[str, ...]
    codes: tuple[str, ...]


PLANTED = (
    Fault("a leak: 3 % of the price", ("agent_commission",), ("LA113",)),
    Fault(
        "a near copy: the area in m²",
        ("living_area_m2", "sqft"),
        ("LA107", "LA106"),
    ),
    Fault(
        "mixed units",
        ("sqft", "lot_size_m2", "location", "age", "bedrooms"),
        ("LA108",),
    ),
    Fault("spread grows with the price", (), ("PR304",)),
    Fault('cells that say "call agent"', ("lot_size_m2",), ("LA101",)),
    Fault("empty cells and NA", ("lot_size_m2", "bathrooms"), ("LA102",)),
    Fault("a name for each row", ("listing_id",), ("LA105",)),
)

_NORMAL = NormalDist()
_OPENING = ("Bright", "Quiet", "Charming", "Spacious", "Sunny", "Well-kept", "Renovated", "Cosy")
_KIND = ("home", "house", "family house", "corner house", "terrace", "semi-detached house")
_PLACE = (
    "near the park", "close to schools", "by the river", "in a calm street", "with mature trees",
    "two minutes from the tram", "with a view of the valley", "next to the old mill",
)  # fmt: skip
_EXTRA = ("", "", ", viewing on Saturdays", ", roof redone", ", no chain", ", large kitchen")
_FIRST_DAY, _DAYS = date(2024, 1, 1), 730


class _Draw:
    """Draws from one seeded stream."""

    def __init__(self, seed: int) -> None:
        self._uniform = random.Random(seed).random

    def uniform(self) -> float:
        return self._uniform()

    def normal(self, mean: float = 0.0, sd: float = 1.0) -> float:
        u = min(max(self._uniform(), 1e-12), 1 - 1e-12)
        return mean + sd * _NORMAL.inv_cdf(u)

    def one_of(self, options: tuple[str, ...]) -> str:
        return options[int(self._uniform() * len(options))]

    def level(self, shares: tuple[tuple[str, float], ...]) -> str:
        u = self._uniform()
        for name, share in shares:
            u -= share
            if u < 0:
                return name
        return shares[0][0]


def _clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def _house(draw: _Draw, number: int) -> dict[str, str | float]:
    """One listing without faults in its cells; numbers are already rounded as the file shows them."""
    sqft = round(_clip(math.exp(draw.normal(math.log(1900), 0.38)), 550, 5200))
    bedrooms = round(_clip(0.4 + sqft / 760 + draw.normal(0, 0.7), 1, 6))
    location = round(10 * draw.uniform(), 1)
    age = math.floor(_clip(-28 * math.log(max(draw.uniform(), 1e-12)), 0, 90))
    lot = round(_clip(math.exp(draw.normal(math.log(LOT_MEDIAN), LOT_SPREAD)), 150, 2600))
    garage = "yes" if draw.uniform() < GARAGE_SHARE else "no"
    heating = draw.level(_HEATING_SHARES)
    if number == 0:
        sqft, bedrooms, location, age = (int(v) if v.is_integer() else v for v in FIRST)
        lot, garage, heating = 700, "yes", "gas"
    bathrooms = _clip(round(2 * draw.normal(0.7 + 0.4 * bedrooms, 0.4)) / 2, 1, 4.5)
    told = f"{draw.one_of(_OPENING)} {draw.one_of(_KIND)} {draw.one_of(_PLACE)}"
    listed = _FIRST_DAY + timedelta(days=int(draw.uniform() * _DAYS))
    values = {
        "sqft": sqft, "bedrooms": bedrooms, "location": location, "age": age, "lot_size_m2": lot
    }  # fmt: skip
    mean = _law(values, garage, heating)
    price = round(mean * (1 + NOISE * draw.normal()), -2)
    commission = round(price * COMMISSION / COMMISSION_STEP) * int(COMMISSION_STEP)
    return {
        "listing_id": f"H-{20417 + 7 * number}",
        "description": told + draw.one_of(_EXTRA),
        "sqft": sqft,
        "living_area_m2": round(sqft * M2_PER_SQFT * draw.normal(1.0, MEASURED), 1),
        "bedrooms": bedrooms,
        "bathrooms": bathrooms,
        "location": location,
        "age": age,
        "lot_size_m2": lot,
        "garage": garage,
        "heating": heating,
        "listed": listed.isoformat(),
        "agent_commission": commission,
        "price": int(price),
    }


def _law(values: dict[str, float], garage: str, heating: str) -> float:
    """The price without ε."""
    mean = BASE + sum(w * values[name] for name, w in LAW.items())
    return mean + GARAGE * (garage == "yes") + HEATING.get(heating, 0.0)


def noise_size() -> float:
    """Root mean square of the standard deviation of ε over the houses."""
    means = [
        _law({c: float(h[c]) for c in LAW}, str(h["garage"]), str(h["heating"])) for h in houses()
    ]
    return NOISE * math.sqrt(math.fsum(m * m for m in means) / len(means))


def expected_first() -> float:
    """The law's price of a house with the `FIRST` core columns, averaged over all other columns."""
    lot = math.exp(math.log(LOT_MEDIAN) + LOT_SPREAD**2 / 2)
    heating = sum(share * HEATING.get(level, 0.0) for level, share in _HEATING_SHARES)
    others = LAW["lot_size_m2"] * lot + GARAGE * GARAGE_SHARE + heating
    return BASE + sum(LAW[c] * v for c, v in zip(CORE, FIRST, strict=True)) + others


def houses() -> tuple[dict[str, str | float], ...]:
    """The listings, one dict each in the order of the columns, before cells go missing."""
    draw = _Draw(SEED)
    return tuple(_house(draw, i) for i in range(ROWS))


def to_csv() -> bytes:
    """The file: UTF-8, line ends LF; 7 % of lot_size_m2 and 4 % of bathrooms are not to be read."""
    draw = _Draw(SEED + 1)
    out = io.StringIO()
    rows = houses()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for number, house in enumerate(rows):
        lot, baths = draw.uniform(), draw.uniform()
        if number:  # the house of the worked example stays whole
            if lot < 0.07:
                house["lot_size_m2"] = "call agent" if lot < 0.007 else "NA" if lot < 0.04 else ""
            if baths < 0.04:
                house["bathrooms"] = ""
        writer.writerow(house)
    return out.getvalue().encode("utf-8")
