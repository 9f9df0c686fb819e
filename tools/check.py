"""The static checks, one after the other; every one runs, and the end says which failed."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
ADDRESS = re.compile(r"https?://|^\s*(-i|-f|--(extra-)?index-url|--find-links)\b|\s@\s")

COMMANDS = {
    "lint": ("ruff", "check", "--quiet", "."),
    "format": ("ruff", "format", "--check", "--quiet", "."),
    "types": ("mypy",),
    "layers": ("lint-imports", "--no-logo"),
    "templates": ("djlint", "app/templates", "--lint", "--quiet"),
}


def _command(name: str) -> int:
    program, *arguments = COMMANDS[name]
    return subprocess.run((BIN / program, *arguments), cwd=ROOT, check=False).returncode


def _catalogue() -> int:
    command = (sys.executable, "-m", "tools.catalogue", "check")
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _pins() -> int:
    """Pins carry hashes and no address, so that every mirror serves the same files."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: an address does not belong here: {line}"
        for path in sorted((ROOT / "requirements").glob("*.txt"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if ADDRESS.search(line)
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


def main() -> int:
    """Run every check and print its time."""
    checks = {name: partial(_command, name) for name in COMMANDS}
    checks |= {"catalogue": partial(_catalogue), "pins": partial(_pins)}
    failed = []
    for name, check in checks.items():
        started = time.monotonic()
        code = check()
        verdict = "failed" if code else "ok"
        print(f"{verdict:>6}  {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if code:
            failed.append(name)
    print(f"static checks: {len(checks) - len(failed)} passed, {len(failed)} failed")
    if failed:
        print("failed: " + ", ".join(failed) + "  (make format mends the form of code)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
