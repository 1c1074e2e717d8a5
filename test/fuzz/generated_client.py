"""An index through the client that openapi-python-client makes of the API's document; what came of it is printed as JSON."""

import json
import os

from sluice_api import AuthenticatedClient
from sluice_api.api.indexes import create_index, describe_index, list_indexes
from sluice_api.api.vectors import query_vectors, upsert_vectors
from sluice_api.models import (
    CreateIndexBody,
    ErrorReply,
    Index,
    QueryVectorsJsonBody,
    UpsertVectorsJsonBody,
    UpsertVectorsJsonBodyVectorsItem,
)

client = AuthenticatedClient(base_url=os.environ["SLUICE_URL"], token=os.environ["SLUICE_API_KEY"])

index = create_index.sync(client=client, body=CreateIndexBody(name="articles", model="glove-sif-100"))
assert isinstance(index, Index), index
vectors = [
    UpsertVectorsJsonBodyVectorsItem(id="lock", text="the lock keeper opens the gates at dawn"),
    UpsertVectorsJsonBodyVectorsItem(id="weir", text="a weir holds back the river"),
]
upsert_vectors.sync(index.name, client=client, body=UpsertVectorsJsonBody(vectors=vectors))
found = query_vectors.sync(index.name, client=client, body=QueryVectorsJsonBody(text="who opens the lock?", top_k=1))
assert found is not None and not isinstance(found, (ErrorReply, str)), found
refused = describe_index.sync_detailed("missing", client=client)
assert isinstance(refused.parsed, ErrorReply), refused
listed = list_indexes.sync(client=client)
assert listed is not None and not isinstance(listed, (ErrorReply, str)), listed

print(
    json.dumps(
        {
            "created": index.name,
            "matches": [match.id for match in found.matches],
            "refused": [refused.parsed.error.code, refused.status_code],
            "listed": [one.name for one in listed.data],
        }
    )
)
