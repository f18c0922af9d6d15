"""Where the tables are, who is in a sample and how a log is written: what every make_sample.py but the retail one shares.

The same tables give the same rows: a person is in the sample when the SHA-256 of the name is small enough, and the
archive carries no time stamp. Needs Python 3.8 and nothing else.
"""

import argparse
import csv
import gzip
import hashlib
import io
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("KEEPSET_DATA", ROOT.parent / "shared" / "data"))

# What a repository can carry per log.
LIMIT = 200_000


def table(path):
    """The rows of a table, packed or not."""
    path = DATA / path
    if not path.is_file():
        raise SystemExit(f"{path} does not exist; set KEEPSET_DATA to the folder that holds it")
    with (gzip.open(path, "rt", newline="") if path.suffix == ".gz" else open(path, newline="")) as file:
        yield from csv.DictReader(file)


def chosen(person, share):
    """Decides by the name alone, so that everything of a person goes together."""
    digest = hashlib.sha256(b"keepset sample 1 " + person.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def make(doc, name, columns, rows, share, who="person", notes=()):
    """Writes the sample, or with --all everything, and says what was met in the tables on the way."""
    arguments = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--all", action="store_true", help="everyone")
    arguments.add_argument("--out", type=Path, required=True, help="the file to write")
    arguments = arguments.parse_args()
    rows = rows if arguments.all else [row for row in rows if chosen(row[who], share)]
    text = io.StringIO()
    log = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    log.writeheader()
    log.writerows(rows)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with open(arguments.out, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as archive:
        archive.write(text.getvalue().encode())
    size = arguments.out.stat().st_size
    for note in notes:
        print(f"{name}: {note}")
    print(f"{name}: {len(rows)} rows of {len({row[who] for row in rows})} people, {size} bytes")
    if not arguments.all and size > LIMIT:
        raise SystemExit(f"the sample is larger than {LIMIT} bytes; lower its share")
