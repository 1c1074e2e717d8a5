"""Runs all cases with the synchronous and the asynchronous clients, and prints what came of each as JSON.

Arguments: URL, key, the kinds of clients (`sync,async`, or `mixed`: each case with one of them), ids to run (all).
"""

import json
import sys

import anthropic
import openai

import anthropic_messages  # noqa: F401
import anthropic_more  # noqa: F401
import openai_chat  # noqa: F401
import openai_client  # noqa: F401
import openai_files  # noqa: F401
import openai_media  # noqa: F401
import openai_responses  # noqa: F401
from cases import Blocking, run_all

URL, KEY, CLIENTS = sys.argv[1:4]


class World:
    """What a case uses: the clients, and the model that each protocol's upstream serves."""

    model = {"openai": "gpt-mock", "anthropic": "claude-mock"}

    def __init__(self, is_async):
        self.is_async = is_async
        self.unique = "async" if is_async else "sync"
        # Answers that are not what the clients' own types say are failures, too.
        lenient = {"api_key": KEY, "max_retries": 1, "timeout": 60}
        both = {**lenient, "_strict_response_validation": True}
        if is_async:
            self.lenient = Blocking(openai.AsyncOpenAI(base_url=f"{URL}/v1", **lenient))
            self.openai = Blocking(openai.AsyncOpenAI(base_url=f"{URL}/v1", **both))
            self.anthropic = Blocking(anthropic.AsyncAnthropic(base_url=URL, **both))
        else:
            self.lenient = openai.OpenAI(base_url=f"{URL}/v1", **lenient)
            self.openai = openai.OpenAI(base_url=f"{URL}/v1", **both)
            self.anthropic = anthropic.Anthropic(base_url=URL, **both)

    def frail(self, target, fault):
        """A model for calls that fail in this way, so that others do not meet its circuit breaker."""
        return self.model[target].replace("mock", str(fault))


worlds = {"sync": World(False), "async": World(True)}
print(json.dumps(run_all(worlds, set(sys.argv[4:]) or None, CLIENTS == "mixed")))
