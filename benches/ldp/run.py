"""Feeds the same true data to Keepset and to its peers from PyPI in one run, and prints what came of it as tables.

`cargo xtask bench --ldp` builds the Rust part and calls this; KEEPSET_LDP names it. The peers are installed, at the versions
of requirements.txt, into target/ldp and nowhere else.
"""

import os
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from pypi import installed  # noqa: E402

HERE = pathlib.Path(__file__).parent
FOLDER = HERE.parent.parent / "target" / "ldp"
REQUIREMENTS = HERE / "requirements.txt"

# kind, cells, epsilon, samples: as many devices in each, as few samples as the demanded ratios allow to be seen.
ONE = [("one", 64, 2.0, 200), ("one", 32, 4.0, 400), ("one", 32, 1.0, 200)]
MANY = [("many", 32, 1.0, 400), ("many", 32, 2.0, 200), ("many", 32, 4.0, 100)]
DEVICES = 2_000
SHARE = 0.05
CAP = 3


def population(kind, cells, chance):
    """The cells of every device: one of all, or each of the segments with the chance of the share, at most the cap."""
    people = []
    while len(people) < DEVICES:
        if kind == "one":
            people.append([chance.randrange(cells)])
            continue
        person = [cell for cell in range(cells) if chance.random() < SHARE]
        if len(person) <= CAP:
            people.append(person)
    return people


def written(path):
    """Writes the cases and their devices, one device a line."""
    chance = random.Random(2026)
    with open(path, "w") as file:
        for kind, cells, epsilon, samples in ONE + MANY:
            print("case", kind, cells, epsilon, samples, CAP if kind == "many" else 1, DEVICES, file=file)
            for person in population(kind, cells, chance):
                print(*person, file=file)


def figures(command):
    """What one side prints: case, name, error and time, tab by tab."""
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [line.split("\t") for line in lines if line]


def rows(ours, theirs):
    """A table of every case: the error beside ours, the time of an answer beside ours."""
    for case, name, error, time in ours + theirs:
        own = next(row for row in ours if row[0] == case)
        error, time = float(error), float(time)
        yield case, f"| {case} | {name} | {error:.3g} | {error / float(own[2]):.2f} | {time:.1f} µs | {time / float(own[3]):.1f} |"


def demands(ours, theirs):
    """What is asked of the errors, and whether it is kept."""
    error = {(case, name): float(error) for case, name, error, _ in ours + theirs}
    for kind, cells, epsilon, _ in ONE + MANY:
        case = title(kind, cells, epsilon)
        own = error[case, "keepset"]
        peers = {name: value for (of, name), value in error.items() if of == case and name != "keepset"}
        best = min(peers, key=peers.get)
        if kind == "one":
            yield row(case, f"at most 1.05 of the best peer's error, {best}", own / peers[best], own <= 1.05 * peers[best])
            least = {(64, 2.0): 1.25, (32, 4.0): 2.5}.get((cells, epsilon))
            if least:
                bits = peers["multi-freq-ldpy SUE"]
                yield row(case, f"{least} times better than SUE, which flips bits as OpenDP's bit vector does", bits / own, bits >= least * own)
        else:
            least = 8.0 if epsilon == 4.0 else 2.8
            sampled = peers["multi-freq-ldpy SMP"]
            yield row(case, f"{least} times better than multi-freq-ldpy SMP", sampled / own, sampled >= least * own)


def row(case, asked, measured, kept):
    return f"| {case} | {asked} | {measured:.2f} | {'yes' if kept else '**no**'} |"


def title(kind, cells, epsilon):
    return f"one of {cells}, epsilon {epsilon:g}" if kind == "one" else f"up to {CAP} of {cells}, epsilon {epsilon:g}"


def main():
    own = os.environ.get("KEEPSET_LDP")
    if not own:
        sys.exit("KEEPSET_LDP names no program: run `cargo xtask bench --ldp`.")
    python = installed(FOLDER, REQUIREMENTS)
    data = FOLDER / "people.txt"
    written(data)
    ours = figures([own, data])
    theirs = figures([python, HERE / "peers.py", data])
    print("| case | who | mean square error times reports | of ours | an answer | of ours |\n| --- | --- | ---: | ---: | ---: | ---: |")
    order = [title(*case[:3]) for case in ONE + MANY]
    for _, line in sorted(rows(ours, theirs), key=lambda row: order.index(row[0])):
        print(line)
    print("\n| case | asked | measured | kept |\n| --- | --- | ---: | --- |")
    print(*demands(ours, theirs), sep="\n")


if __name__ == "__main__":
    main()
