"""Put the present output of one real fit into README.md, between its two example marks.

python tools/readme_example.py FILE.csv TARGET
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- example: tools/readme_example.py -->", "<!-- end of example -->"
COLUMNS = 110


def main(source: Path, target: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(source, folder)
        command = [
            str(Path(sys.executable).with_name("whyfit")),
            "fit",
            source.name,
            "--target",
            target,
        ]
        environment = {**os.environ, "COLUMNS": str(COLUMNS), "NO_COLOR": "1"}
        shown = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=True
        ).stdout
    lines = [f"$ whyfit fit {source.name} --target {target}", *shown.rstrip().splitlines()]
    block = "\n".join(f"    {line}".rstrip() for line in lines)
    text = README.read_text(encoding="utf-8")
    marked = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not marked.search(text):
        sys.exit(f"README.md has no '{BEGIN}' … '{END}'")
    README.write_text(marked.sub(lambda _: f"{BEGIN}\n\n{block}\n\n{END}", text), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2])
