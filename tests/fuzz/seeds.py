"""Makes the seeds of all targets anew: `python -m tests.fuzz.seeds`."""

from tests.fuzz import http_seeds, packet_seeds
from tests.fuzz.corpus import write_corpus

if __name__ == "__main__":
    for target, seeds in (packet_seeds.SEEDS | http_seeds.SEEDS).items():
        write_corpus(target, seeds())
