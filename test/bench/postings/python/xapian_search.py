"""Xapian on disk, all of it cached: Porter's first stemmer, BM25 with Sluice's parameters, any word of a query."""

import tempfile

import xapian
from timed_search import measure


def build(texts, stop_words):
    stopper = xapian.SimpleStopper()
    for word in stop_words:
        stopper.add(word)
    stemmer = xapian.Stem("porter")
    database = xapian.WritableDatabase(folder, xapian.DB_CREATE_OR_OVERWRITE)
    generator = xapian.TermGenerator()
    generator.set_stemmer(stemmer)
    generator.set_stemming_strategy(xapian.TermGenerator.STEM_ALL)
    generator.set_stopper(stopper)
    generator.set_stopper_strategy(xapian.TermGenerator.STOP_ALL)
    for text in texts:
        document = xapian.Document()
        generator.set_document(document)
        generator.index_text_without_positions(text)
        database.add_document(document)
    database.commit()
    parser = xapian.QueryParser()
    parser.set_stemmer(stemmer)
    parser.set_stemming_strategy(xapian.QueryParser.STEM_ALL)
    parser.set_stopper(stopper)
    enquire = xapian.Enquire(database)
    # k3 so large that a word given twice weighs twice; no least length.
    enquire.set_weighting_scheme(xapian.BM25Weight(1.2, 0, 1_000, 0.75, 0.0))

    def search(query, nearest):
        enquire.set_query(parser.parse_query(query, 0))
        return enquire.get_mset(0, nearest)

    return search


with tempfile.TemporaryDirectory() as folder:
    measure(build, lambda found: [match.docid - 1 for match in found])
