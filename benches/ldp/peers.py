"""The peers' answers to the true data, un-noised by the unbiased estimator of each, without the clipping they add: the raw error.

Only the peers' clients draw; counting the reports is theirs where it can be had raw, and by their own probabilities elsewhere.
"""

import sys
import time

import numpy as np
from multi_freq_ldpy.mdim_freq_est.SMP_solution import SMP_GRR_Client
from multi_freq_ldpy.pure_frequency_oracles.GRR import GRR_Client
from multi_freq_ldpy.pure_frequency_oracles.LH import LH_Client
from multi_freq_ldpy.pure_frequency_oracles.SS import SS_Client
from multi_freq_ldpy.pure_frequency_oracles.UE import UE_Client
from pure_ldp.frequency_oracles.direct_encoding import DEClient, DEServer
from pure_ldp.frequency_oracles.hadamard_response import HadamardResponseClient, HadamardResponseServer
from pure_ldp.frequency_oracles.local_hashing import LHClient, LHServer
from pure_ldp.frequency_oracles.unary_encoding import UEClient, UEServer


def inverted(counts, reports, p, q):
    return (counts / reports - q) / (p - q)


def grr(cells, epsilon):
    e = np.exp(epsilon)
    p, q = e / (e + cells - 1), 1 / (e + cells - 1)

    def estimate(reports):
        return inverted(np.bincount(reports, minlength=cells), len(reports), p, q)

    return lambda cell: GRR_Client(cell, cells, epsilon), estimate


def subset(cells, epsilon):
    e = np.exp(epsilon)
    k = int(max(1, np.rint(cells / (e + 1))))
    p = k * e / (k * e + cells - k)
    q = (k - p) / (cells - 1)

    def estimate(reports):
        return inverted(np.bincount(np.concatenate(reports), minlength=cells), len(reports), p, q)

    return lambda cell: SS_Client(cell, cells, epsilon), estimate


def unary(cells, epsilon, optimal):
    if optimal:
        p, q = 0.5, 1 / (np.exp(epsilon) + 1)
    else:
        p = np.exp(epsilon / 2) / (np.exp(epsilon / 2) + 1)
        q = 1 - p

    def estimate(reports):
        return inverted(np.sum(reports, axis=0), len(reports), p, q)

    return lambda cell: UE_Client(cell, cells, epsilon, optimal), estimate


def pure(client, server):
    """pure-ldp's own client and its own estimate of every cell, which is raw."""

    def estimate(reports):
        server.reset()
        server.aggregate_all(reports)
        return np.array([server.estimate(item, suppress_warnings=True) for item in range(server.d)]) / len(reports)

    return client.privatise, estimate


def identity(item):
    return item


def of_one(cells, epsilon):
    yield "multi-freq-ldpy SS", subset(cells, epsilon)
    yield "multi-freq-ldpy GRR", grr(cells, epsilon)
    yield "multi-freq-ldpy SUE", unary(cells, epsilon, False)
    yield "multi-freq-ldpy OUE", unary(cells, epsilon, True)
    mapped = {"index_mapper": identity}
    yield "pure-ldp DE", pure(DEClient(epsilon, cells, **mapped), DEServer(epsilon, cells, **mapped))
    yield "pure-ldp OUE", pure(UEClient(epsilon, cells, use_oue=True, **mapped), UEServer(epsilon, cells, use_oue=True, **mapped))
    yield "pure-ldp OLH", pure(LHClient(epsilon, cells, use_olh=True, **mapped), LHServer(epsilon, cells, use_olh=True, **mapped))
    server = HadamardResponseServer(epsilon, cells, **mapped)
    yield "pure-ldp HR", pure(HadamardResponseClient(epsilon, cells, server.get_hash_funcs(), **mapped), server)


def sampled(cells, epsilon):
    """One segment drawn by chance and answered by randomised response: the solution of the package for several attributes."""
    p = np.exp(epsilon) / (np.exp(epsilon) + 1)
    sizes = [2] * cells

    def estimate(reports):
        segments, answers = np.array(reports).T
        asked = np.bincount(segments, minlength=cells)
        return (np.bincount(segments, weights=answers, minlength=cells) / asked - (1 - p)) / (2 * p - 1)

    return lambda flags: SMP_GRR_Client(flags, sizes, cells, epsilon), estimate


def of_many(cells, epsilon):
    yield "multi-freq-ldpy SMP", sampled(cells, epsilon)


def measured(client, estimate, people, truth, samples):
    """The mean square error of a cell times reports, and the time of an answer in microseconds."""
    client(people[0])  # compiled at the first call
    errors, took = [], 0.0
    for _ in range(samples):
        start = time.perf_counter()
        reports = [client(person) for person in people]
        took += time.perf_counter() - start
        errors.append(np.mean((estimate(reports) - truth) ** 2))
    return np.mean(errors) * len(people), took / samples / len(people) * 1e6


def cases(path):
    with open(path) as file:
        lines = file.read().splitlines()
    while lines:
        _, kind, cells, epsilon, samples, cap, devices = lines[0].split()
        devices = int(devices)
        people = [[int(cell) for cell in line.split()] for line in lines[1 : devices + 1]]
        yield kind, int(cells), float(epsilon), int(samples), cap, people
        lines = lines[devices + 1 :]


def main():
    np.random.seed(2026)
    for kind, cells, epsilon, samples, cap, people in cases(sys.argv[1]):
        truth = np.bincount([cell for person in people for cell in person], minlength=cells) / len(people)
        if kind == "one":
            title, peers = f"one of {cells}, epsilon {epsilon:g}", of_one(cells, epsilon)
            people = [person[0] for person in people]
        else:
            title, peers = f"up to {cap} of {cells}, epsilon {epsilon:g}", of_many(cells, epsilon)
            people = [tuple(int(cell in person) for cell in range(cells)) for person in people]
        for name, (client, estimate) in peers:
            # Those that are slow and lie far from ours are heard in fewer samples.
            heard = samples // 8 if name.startswith("pure-ldp") else samples
            error, took = measured(client, estimate, people, truth, heard)
            print(title, name, error, took, sep="\t", flush=True)


if __name__ == "__main__":
    main()
