"""What the cases of the SDKs' methods share: their register, the worlds that they run in, and what came of each."""

import asyncio
import inspect
import json
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

CASES = {}


def case(name, *targets):
    """Registers a function as the case of this id, to be run with a model of each target."""

    def register(function):
        assert name not in CASES, f"two cases are called {name}"
        CASES[name] = (function, targets or (None,))
        return function

    return register


def scripted(script, prompt="hello"):
    """A prompt that the double answers as its script says (test/support/upstreams/script.ts)."""
    return f"{prompt}\nmock:{json.dumps(script)}"


class Blocking:
    """An asynchronous client, or what it answered, used as the synchronous one is: so that each case is run with both."""

    _loop = asyncio.new_event_loop()

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def run(cls, awaitable):
        async def awaited():
            return await awaitable

        return asyncio.run_coroutine_threadsafe(awaited(), cls._loop).result(120)

    @classmethod
    def of(cls, value):
        """A page is awaitable and iterable at once: it is iterated where it is, as the client does it."""
        if hasattr(value, "__aiter__") and inspect.isawaitable(value):
            return cls(value)
        if inspect.isawaitable(value):
            return cls.of(cls.run(value))
        if isinstance(value, (str, bytes, int, float, list, tuple, dict, type(None))):
            return value
        is_asynchronous = hasattr(value, "__aiter__") or hasattr(value, "__aenter__") or type(value).__name__.startswith(("Async", "BetaAsync"))
        return cls(value) if is_asynchronous or inspect.ismethod(value) or inspect.isfunction(value) else value

    def __getattr__(self, name):
        if inspect.isawaitable(self.inner):
            self.inner = Blocking.run(self.inner)
        return Blocking.of(getattr(self.inner, name)) if not name.startswith("__") else super().__getattribute__(name)

    def __call__(self, *args, **options):
        return Blocking.of(self.inner(*args, **options))

    def __iter__(self):
        iterator = self.inner.__aiter__()
        while True:
            try:
                yield Blocking.of(Blocking.run(iterator.__anext__()))
            except StopAsyncIteration:
                return

    def __enter__(self):
        return Blocking.of(Blocking.run(self.inner.__aenter__()))

    def __exit__(self, *raised):
        return Blocking.run(self.inner.__aexit__(*raised))


threading.Thread(target=Blocking._loop.run_forever, daemon=True).start()


def outcome_of(function, world, target):
    """`works`, the status and the code of a refusal, or what a case that failed says."""
    try:
        function(world, *([] if target is None else [target]))
        return "works"
    except Exception as error:  # noqa: BLE001
        body = getattr(error, "body", None)
        if type(error).__name__ == "APIResponseValidationError":
            return {"failed": f"not what the client's types say: {error.__cause__ or error}"[:1500]}
        if isinstance(getattr(error, "status_code", None), int):
            inner = body.get("error", body) if isinstance(body, dict) else {}
            says = inner.get("message") if isinstance(inner, dict) else body
            code = (inner.get("code") or inner.get("type")) if isinstance(inner, dict) else None
            return {"status": error.status_code, "code": code, "message": says}
        lines = [line for line in traceback.format_exception(error)[-4:]]
        return {"failed": "".join(lines)[-1500:]}


def run_all(worlds, only, is_mixed):
    """What came of each case, by its id, its target and the kind of the client. Mixed: the kinds take turns."""
    jobs = [
        (name, target, kind, function, world)
        for at, (name, (function, targets)) in enumerate(CASES.items())
        if only is None or name in only
        for turn, target in enumerate(targets)
        for which, (kind, world) in enumerate(worlds.items())
        if not is_mixed or (at + turn) % len(worlds) == which
    ]
    def timed(job):
        begun = time.monotonic()
        outcome = outcome_of(job[3], job[4], job[1])
        return {"id": job[0], "target": job[1], "client": job[2], "seconds": round(time.monotonic() - begun, 2), "outcome": outcome}

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(timed, jobs))
