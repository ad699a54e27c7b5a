"""Write docs/power.md: how often each rule speaks, on healthy tables and on tables with its fault.

python tools/power_page.py                     simulate every rule, write docs/power.json and docs/power.md
python tools/power_page.py --rules PR304,LA107 simulate these, keep what is known of the others
python tools/power_page.py --replications 400  of every cell (healthy ones: twice as many)
python tools/power_page.py --quick             20 replications, for a look; nothing is written
python tools/power_page.py --page              write the page anew from docs/power.json
python tools/power_page.py --check             exit 1 if the page is not what its numbers, the rules and a few cells say
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from power import simulation as sim  # noqa: E402
from power.plants import SIZES, STRENGTHS, Plant  # noqa: E402
from power.plants.plant import CERTAIN, LIMIT, TESTED  # noqa: E402

DATA, PAGE = ROOT / "docs" / "power.json", ROOT / "docs" / "power.md"
REPLICATIONS, QUICK = 200, 20
FOUND = 0.9  # share of strong faults that a rule is to find
NOMINAL = {TESTED: "5 %", CERTAIN: "0 %", LIMIT: "–"}
NOTICE = "<!-- Written by tools/power_page.py (`make power`) from docs/power.json -->"

INTRO = """\
# Power: how often the rules speak

Every rule was asked of tables whose law is known: healthy ones, where it should be silent, and tables with a planted
fault, where it should speak and name what was planted. `make power` draws them all again;
`python tools/power_page.py --rules PR304 --replications 1000` draws those of one rule.

- **guarantee**: “p ≤ 5 %, Holm”: a test; all tests of one journey share 5 %. “certain, no sampling”: a fact of the
  table itself; where the fault is absent nothing can be said. “a limit on this table”: speaks wherever its measured
  number passes a limit, without a p-value.
- **false alarms**: share of healthy tables of 100, 400 and 2,000 rows, taken together, in which the rule speaks, with
  its Clopper–Pearson interval (95 %). Each rule is asked alone, the worst case of a test: among the others of a
  journey it has less of the 5 %.
- **power**: share of planted tables, in per cent, in which the rule speaks of what was planted. Found means named: a
  finding that names another column does not count. Its Monte-Carlo error is √(p(1 − p)/replications): at most 4 points
  at 150 replications, 7 at 50, 11 at 20.
- All rules together, remedies and all, are walked over 150 healthy tables by `tests/power/test_healthy_journeys.py`: no
  error, and a warning in at most 5 % of them.
- A cell that says – was not simulated.
"""

#: One run of benchmarks/overfitting_alarms.py: rows × columns, population R², alarms of 40 tables, ours and skore's.
BESIDE = (
    ("100 × 4", 0.5, 0, 21),
    ("100 × 8", 0.5, 0, 23),
    ("150 × 15", 0.7, 0, 24),
    ("300 × 20", 0.5, 0, 21),
    ("1,000 × 20", 0.3, 0, 11),
)
BESIDE_RUNS, BESIDE_PEER = 40, "skore 0.28.0"


def beside() -> Iterator[str]:
    """False alarms of overfitting, ours and a peer's."""
    yield "## Overfitting, beside another check\n"
    yield (
        f"Correctly specified models, {BESIDE_RUNS} tables each, given to PR302 and to {BESIDE_PEER}, check SKD001"
        "\n(`python benchmarks/overfitting_alarms.py`): share of tables that are said to overfit.\n"
    )
    yield f"| rows × columns | population R² | PR302 | SKD001 of {BESIDE_PEER} |"
    yield "|---|---|---|---|"
    for shape, r2, ours, theirs in BESIDE:
        yield f"| {shape} | {r2} | {rate(ours, BESIDE_RUNS)} | {rate(theirs, BESIDE_RUNS)} |"
    yield ""


def simulate(
    key: str, replications: int, cells: tuple[tuple[str, int], ...] = sim.CELLS
) -> dict[str, Any]:
    """The entry of one rule."""
    plant = sim.planted()[key]
    out = []
    for state, n in cells:
        runs = replications * (2 if state == sim.HEALTHY else 1)
        runs = min(runs, plant.fewer.get(n, runs))
        hits = sim.hits(plant, state, n, runs)
        out.append({"state": state, "rows": n, "hits": hits, "runs": runs})
    return declared(plant) | {"cells": out}


def declared(plant: Plant) -> dict[str, Any]:
    """What the plant says of itself."""
    rule = sim.registered()[plant.key]
    return {
        "key": plant.key,
        "rule": rule.slug,
        "guarantee": plant.guarantee,
        "fault": plant.fault,
        "strengths": [words for words, _ in plant.strengths],
        "remark": plant.remark,
        "seed": sim.SEED,
    }


def known() -> dict[str, dict[str, Any]]:
    """Entries by key, as stored."""
    if not DATA.exists():
        return {}
    return {e["key"]: e for e in json.loads(DATA.read_text(encoding="utf-8"))["rules"]}


def store(entries: dict[str, dict[str, Any]]) -> None:
    order = [key for key in sim.registered() if key in entries]
    lines = ",\n".join(json.dumps(entries[key], ensure_ascii=False) for key in order)
    DATA.write_text(f'{{"schema": 1, "rules": [\n{lines}\n]}}\n', encoding="utf-8")
    PAGE.write_text(page(entries), encoding="utf-8")


# -- the page ----------------------------------------------------------------------------------------


def page(entries: dict[str, dict[str, Any]]) -> str:
    return "\n".join(
        [
            NOTICE,
            "",
            INTRO,
            *table(entries),
            *missed(entries),
            *beside(),
            *faults(entries),
            *missing(entries),
        ]
    )


def table(entries: dict[str, dict[str, Any]]) -> Iterator[str]:
    heads = [f"{s} {n:,}" for s in STRENGTHS for n in SIZES]
    yield "## What was measured\n"
    yield f"| rule | guarantee | nominal | false alarms | {' | '.join(heads)} | replications | seed |"
    yield f"|---|---|---|---|{'--:|' * len(heads)}---|---|"
    for key in sim.registered():
        if key not in entries:
            continue
        e = entries[key]
        cells = {(c["state"], c["rows"]): (c["hits"], c["runs"]) for c in e["cells"]}
        powers = [percent(*cells.get((s, n), (0, 0))) for s in STRENGTHS for n in SIZES]
        healthy = [c for (s, _), c in cells.items() if s == sim.HEALTHY]
        runs = sum(r for _, r in healthy)
        planted = max(r for (s, _), (_, r) in cells.items() if s != sim.HEALTHY)
        yield (
            f"| {link(e)} | {e['guarantee']} | {NOMINAL[e['guarantee']]} | "
            f"{rate(sum(k for k, _ in healthy), runs)} | {' | '.join(powers)} | "
            f"{runs:,} healthy, {planted:,} a cell | {e['seed']} |"
        )
    yield ""


def missed(entries: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Strong faults found in fewer than nine tables of ten, beyond sampling."""
    yield "## Strong faults that are missed more often than one time in ten\n"
    found = []
    for key in sim.registered():
        cells = entries[key]["cells"] if key in entries else []
        few = [
            f"{percent(c['hits'], c['runs'])} % at {c['rows']:,} rows"
            for c in cells
            if c["state"] == STRENGTHS[-1]
            and c["runs"]
            and sim.clopper_pearson(c["hits"], c["runs"])[1] < FOUND
        ]
        if few:
            why = entries[key]["remark"]
            found.append(f"- {key}: {', '.join(few)}" + (f" ({why})" if why else "") + ".")
    yield "\n".join(found) if found else "None."
    yield ""


def faults(entries: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "## What was planted\n"
    yield "| rule | fault | weak | medium | strong | remark |"
    yield "|---|---|---|---|---|---|"
    for key in sim.registered():
        if key in entries:
            e = entries[key]
            yield f"| {key} | {e['fault']} | {' | '.join(e['strengths'])} | {e['remark']} |"
    yield ""


def missing(entries: dict[str, dict[str, Any]]) -> Iterator[str]:
    without = [f"{key} {r.slug}" for key, r in sim.registered().items() if key not in entries]
    yield "## Rules without a line\n"
    if without:
        yield f"No fault has been planted yet for {', '.join(without)}.\n"
    else:
        yield "None: every rule of the house is in the table.\n"


def link(entry: dict[str, Any]) -> str:
    return f"{entry['key']} [{entry['rule']}](rules/{entry['rule']}.md)"


def percent(hits: int, runs: int) -> str:
    return f"{100 * hits / runs:.0f}" if runs else "–"


def rate(hits: int, runs: int) -> str:
    low, high = sim.clopper_pearson(hits, runs)
    return f"{100 * hits / runs:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


# -- checking ----------------------------------------------------------------------------------------


def stale(cells: int = 0, runs: int = 15, seed: int = 0) -> list[str]:
    """What is wrong with the page: lines missing or changed, and cells that new tables contradict."""
    entries = known()
    wrong = [
        f"{key}: simulated as something else; run --rules {key}"
        for key, plant in sim.planted().items()
        if key in entries and not declared(plant).items() <= entries[key].items()
    ]
    wrong += [
        f"{key}: has a plant and no line; run --rules {key}"
        for key in sim.planted()
        if key in sim.registered() and key not in entries
    ]
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page(entries):
        wrong.append("docs/power.md is not what docs/power.json and the registry say; run --page")
    quick = [
        (key, c)
        for key, e in entries.items()
        for c in e["cells"]
        if c["runs"] and c["rows"] <= 400 and sim.planted()[key].on != "descent"
    ]
    rng = np.random.default_rng(seed)
    for i in rng.choice(len(quick), min(cells, len(quick)), replace=False):
        key, c = quick[int(i)]
        fresh = sim.hits(sim.planted()[key], c["state"], c["rows"], runs, sim.FRESH)
        if not sim.agree(c["hits"], c["runs"], fresh, runs):
            said = f"{c['hits']} of {c['runs']} on the page, {fresh} of {runs} now"
            wrong.append(f"{key}, {c['state']}, {c['rows']} rows: {said}")
    return wrong


def _chosen(text: str) -> list[str]:
    keys = [key for key in sim.planted() if key in sim.registered()]
    wanted = [w.strip() for w in text.split(",") if w.strip()]
    some = [k for k in keys if not wanted or any(k.startswith(w) for w in wanted)]
    if not some:
        sys.exit(f"no rule with a plant begins with {text}; there are {', '.join(keys)}")
    return some


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rules", default="", help="codes, separated by commas")
    parser.add_argument("--replications", type=int, default=REPLICATIONS)
    parser.add_argument("--jobs", type=int, default=1)
    for flag in ("--quick", "--page", "--check"):
        parser.add_argument(flag, action="store_true")
    choices = parser.parse_args()
    if choices.check:
        if wrong := stale(cells=6):
            sys.exit("\n".join(wrong))
        return
    if choices.page:
        plants = sim.planted()
        entries = {k: e for k, e in known().items() if k in sim.registered() and k in plants}
        store({k: e | {"remark": plants[k].remark} for k, e in entries.items()})
        return
    keys, replications = _chosen(choices.rules), QUICK if choices.quick else choices.replications
    with ProcessPoolExecutor(choices.jobs) as pool:
        made = pool.map(simulate, keys, [replications] * len(keys))
        for key, entry in zip(keys, made, strict=True):
            print("\n".join(table({key: entry})).splitlines()[-1], file=sys.stderr, flush=True)
            if not choices.quick:
                store(known() | {key: entry})


if __name__ == "__main__":
    main()
