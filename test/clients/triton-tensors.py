"""Texts and vectors as tensors through tritonclient, as its users call it; what came of it is printed as JSON."""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

url, key, model = sys.argv[1:4]
client = triton.InferenceServerClient(url.removeprefix("http://"))
headers = {"Authorization": f"Bearer {key}"}


def infer(name=model, is_binary=True, outputs=None, **options):
    tensor = triton.InferInput("text", [2], "BYTES")
    tensor.set_data_from_numpy(np.array(["canal", "lock gate"], dtype=object), binary_data=is_binary)
    return client.infer(name, [tensor], outputs=outputs, headers=dict(headers), **options).as_numpy("embedding")


def refusal(call):
    try:
        call()
        return None
    except InferenceServerException as error:
        return error.status()


first = infer()
same = [
    infer(is_binary=False),
    infer(outputs=[triton.InferRequestedOutput("embedding", binary_data=False)]),
    infer(request_compression_algorithm="gzip", response_compression_algorithm="gzip"),
    infer(request_compression_algorithm="deflate"),
]
print(
    json.dumps(
        {
            "shape": list(first.shape),
            "norm": round(float(np.linalg.norm(first[0])), 5),
            "same": [bool(np.array_equal(first, other)) for other in same],
            "ready": [
                client.is_server_live(),
                client.is_server_ready(),
                client.is_model_ready(model, headers=headers),
                client.is_model_ready("nonesuch", headers=headers),
            ],
            "inputs": client.get_model_metadata(model, headers=headers)["inputs"],
            "listed": model in [one["name"] for one in client.get_model_repository_index(headers=headers)],
            "refused": [
                refusal(lambda: infer("nonesuch")),
                refusal(lambda: infer(sequence_id=7)),
                refusal(lambda: client.get_inference_statistics(model, headers=headers)),
            ],
        }
    )
)
