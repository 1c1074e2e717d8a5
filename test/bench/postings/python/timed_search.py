"""Indexes the texts of a file, searches its queries, and prints figures as test/bench/postings/text-contender.ts has them."""

import json
import sys
import time

PASSES = 5


def measure(build, positions_of):
    """`build(texts, stop_words)` returns a function of a query and a count; `positions_of` makes its answer positions of texts."""
    with open(sys.argv[1], encoding="utf-8") as file:
        asked = json.load(file)
    began = time.process_time()
    search = build(asked["documents"], asked["stop_words"])
    built_s = time.process_time() - began
    queries, nearest = asked["queries"], asked["nearest"]
    rankings = [positions_of(search(query, nearest)) for query in queries]
    passes = []
    for _ in range(PASSES):
        began = time.process_time()
        for query in queries:
            search(query, nearest)
        passes.append(time.process_time() - began)
    us_query = sorted(passes)[PASSES // 2] / len(queries) * 1e6
    print(json.dumps({"rankings": rankings, "usQuery": us_query, "builtS": built_s}))
