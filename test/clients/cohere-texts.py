"""Rerank and embed through Cohere's package, both of its clients; what came of it is printed as JSON."""

import json
import sys

import cohere

url, key, model = sys.argv[1:4]
client, older = cohere.ClientV2(key, base_url=url), cohere.Client(key, base_url=url)
documents = ["a weir holds back the river", "the lock keeper opens the gates at dawn"]
query = "who opens the lock?"


def refusal(call):
    try:
        call()
        return None
    except cohere.core.api_error.ApiError as error:
        return [type(error).__name__, error.body["code"]]


embedded = client.embed(model=model, texts=documents, input_type="search_document", embedding_types=["float", "ubinary"])
floats = older.embed(model=model, texts=documents, input_type="search_document").embeddings
print(
    json.dumps(
        {
            "ranked": [one.index for one in client.rerank(model=model, query=query, documents=documents, top_n=1).results],
            "older": [one.index for one in older.rerank(model=model, query=query, documents=documents).results],
            "dimensions": [len(embedded.embeddings.float_[0]), len(embedded.embeddings.ubinary[0])],
            "same": embedded.embeddings.float_ == floats,
            "refused": [
                refusal(lambda: client.rerank(model="nonesuch", query=query, documents=documents)),
                refusal(lambda: client.embed(model=model, images=["data:image/png;base64,AA=="], input_type="image")),
                refusal(lambda: cohere.ClientV2("sk_none", base_url=url).rerank(model=model, query=query, documents=documents)),
            ],
        }
    )
)
