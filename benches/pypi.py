"""Python with pinned packages from PyPI in a scratch folder, for benchmarks that measure beside them."""

import subprocess
import sys
import venv

UNREACHABLE = ("NewConnectionError", "Failed to establish", "Temporary failure", "ProxyError", "timed out", "No matching distribution")


def installed(folder, requirements):
    """The Python that has what the file of requirements pins, made in `folder` once; or ends with a sentence."""
    python = folder / "venv" / "bin" / "python"
    stamp = folder / "venv" / "installed.txt"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return python
    folder.mkdir(parents=True, exist_ok=True)
    venv.create(folder / "venv", with_pip=True, clear=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--requirement", requirements]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode != 0:
        why = "PyPI cannot be reached" if any(word in done.stderr for word in UNREACHABLE) else "pip could not install the peers"
        sys.exit(f"{why}, so nothing was compared:\n{done.stderr.strip()[-2000:]}")
    stamp.write_text(requirements.read_text())
    return python
