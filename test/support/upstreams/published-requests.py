"""Prints the schemas of the bodies that the packages openai and anthropic document, by operation, made of the packages' own types.

Objects have the fields that their type names and no others. A file of a form is any value. published-requests.json.gz holds what it prints.
"""

import importlib
import json
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

OPENAI = {
    "/v1/chat/completions": "chat.completion_create_params:CompletionCreateParams",
    "/v1/completions": "completion_create_params:CompletionCreateParams",
    "/v1/responses": "responses.response_create_params:ResponseCreateParams",
    "/v1/embeddings": "embedding_create_params:EmbeddingCreateParams",
    "/v1/moderations": "moderation_create_params:ModerationCreateParams",
    "/v1/images/generations": "image_generate_params:ImageGenerateParams",
    "/v1/images/edits": "image_edit_params:ImageEditParams",
    "/v1/images/variations": "image_create_variation_params:ImageCreateVariationParams",
    "/v1/audio/speech": "audio.speech_create_params:SpeechCreateParams",
    "/v1/audio/transcriptions": "audio.transcription_create_params:TranscriptionCreateParams",
    "/v1/audio/translations": "audio.translation_create_params:TranslationCreateParams",
}
ANTHROPIC = {
    "/v1/messages": "message_create_params:MessageCreateParams",
    "/v1/messages?beta=true": "beta.message_create_params:MessageCreateParams",
    "/v1/messages/count_tokens": "message_count_tokens_params:MessageCountTokensParams",
    "/v1/messages/count_tokens?beta=true": "beta.message_count_tokens_params:MessageCountTokensParams",
}

NOT_NEEDED = {"openai": {"ResponseInputImageParam": "detail"}}


class Schemas(GenerateJsonSchema):
    """A callable or a class that JSON has not is any value."""

    def handle_invalid_for_json_schema(self, schema, error_info):
        return {}


def type_at(package, place):
    module_name, name = place.split(":")
    module = importlib.import_module(f"{package}.types.{module_name}")
    if hasattr(module, "FileTypes"):
        module.FileTypes = Any
    return TypeAdapter(getattr(module, name))


def is_prose(key, value):
    return key in ("title", "description") and isinstance(value, str) or key == "discriminator" and "mapping" in value


def closed(value, name=""):
    """The schema without its prose; its objects take no other fields than they name, but for JSON schemas of tools."""
    if isinstance(value, list):
        return [closed(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    schema = {key: closed(inner, key) for key, inner in value.items() if not is_prose(key, inner)}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        schema["additionalProperties"] = name.endswith(("InputSchema", "InputSchemaTyped"))
    return schema


def published(package, operations):
    inputs = [(path, "validation", type_at(package, place)) for path, place in operations.items()]
    schemas, document = TypeAdapter.json_schemas(inputs, schema_generator=Schemas)
    # The types ask for what the README leaves out and the server does not need.
    for name, field in NOT_NEEDED.get(package, {}).items():
        document["$defs"][name]["required"].remove(field)
    return {"operations": {path: closed(schema) for (path, _), schema in schemas.items()}, "$defs": closed(document["$defs"])}


print(json.dumps({"openai": published("openai", OPENAI), "anthropic": published("anthropic", ANTHROPIC)}, sort_keys=True, separators=(",", ":")))
