"""tantivy in memory, one segment: Snowball's English stemmer, BM25 (k1 1.2, b 0.75), any word of a query."""

import re

import tantivy
from timed_search import measure

HEAP_BYTES = 1_000_000_000


def build(texts, stop_words):
    schema = tantivy.SchemaBuilder().add_text_field("text", tokenizer_name="english", index_option="freq")
    index = tantivy.Index(schema.build())
    filters = tantivy.Filter
    analyser = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for each in (filters.remove_long(64), filters.lowercase(), filters.custom_stopword(stop_words), filters.stemmer("english")):
        analyser = analyser.filter(each)
    index.register_tokenizer("english", analyser.build())
    # One thread, and memory for all texts: so there is one segment, whose documents are numbered in order.
    writer = index.writer(heap_size=HEAP_BYTES, num_threads=1)
    for text in texts:
        document = tantivy.Document()
        document.add_text("text", text)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    assert searcher.num_segments == 1, f"{searcher.num_segments} segments"
    words = re.compile(r"\w+")

    def search(query, nearest):
        return searcher.search(index.parse_query(" ".join(words.findall(query)), ["text"]), nearest, count=False).hits

    return search


measure(build, lambda hits: [address.doc for _, address in hits])
