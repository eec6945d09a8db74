"""A small real model behind HTTP that speaks the completions protocol as vLLM does, or as servers that leave parts of it out.

It computes by plain forward passes of ``transformers``, one prompt at a time: nothing of ``core.scoring`` is in it.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch

from core.models.loading import LanguageModel

Json = dict[str, Any]


@dataclass
class Manners:
    """What the server does, and what it was asked."""

    name: str = "tiny"
    key: str = ""
    echoes: str = "prompt"  # or "refused", as by llama.cpp; or "written": log-probabilities of what is written alone
    ids: bool = True  # whether return_tokens_as_token_ids is known
    least_tokens: int = 0  # that max_tokens may be
    counts: bool = True  # whether there is /tokenize
    tells: bool = True  # whether what is written comes with log-probabilities
    says_length: bool = True  # max_model_len in /models
    fails: int = 0  # answers of 503 before the first good one
    slow: float = 0.0  # seconds before an answer
    llama: bool = False  # whether it is llama.cpp's: /completion tells the likeliest next tokens, completions those that it writes
    most_told: int = 10**6  # next tokens that it tells at most
    seen: list[tuple[str, Json, dict[str, str]]] = field(default_factory=list)  # path, body, headers


class Reply(Exception):
    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body


def refused(status: int, words: str) -> Reply:
    return Reply(status, {"error": {"message": words, "code": status}})


@torch.inference_mode()
def complete(model: LanguageModel, manners: Manners, body: Json) -> Json:
    """The answer to one body of ``POST /v1/completions``."""
    given = body["prompt"]
    prompts = given if isinstance(given, list) and isinstance(given[0], list | str) else [given]
    if body["max_tokens"] < manners.least_tokens:
        raise refused(400, f"max_tokens must be at least {manners.least_tokens}, got {body['max_tokens']}.")
    if manners.llama:
        body = body | {"max_tokens": max(1, body["max_tokens"]), "echo": False}
    if body.get("echo") and manners.echoes == "refused":
        raise refused(400, "Only no echo is supported")
    choices, read = [], 0
    for place, prompt in enumerate(prompts):
        ids = model.tokenizer(prompt).input_ids if isinstance(prompt, str) else list(prompt)
        read += len(ids)
        written, logs, ended = write(model, ids, body)
        told, values = written, logs
        if body.get("echo") and manners.echoes == "prompt":
            told, values = ids + written, [None, *echo(model, ids), *logs]
        as_ids = manners.ids and body.get("return_tokens_as_token_ids")
        names = [f"token_id:{token}" if as_ids else model.tokenizer.decode([token]) for token in told]
        content = [{"token": name, "logprob": value} for name, value in zip(names, values, strict=True)]
        reported: Json = {"content": content} if manners.llama else {"tokens": names, "token_logprobs": values}
        choices.append(
            {
                "index": place,
                "text": text_of(model, written, body.get("stop") or []),
                "finish_reason": "stop" if ended else "length",
                "logprobs": reported if manners.tells else None,
            }
        )
    choices.reverse()  # the order is the index's, not the list's
    return {"object": "text_completion", "model": manners.name, "choices": choices, "usage": {"prompt_tokens": read}}


def echo(model: LanguageModel, ids: list[int]) -> list[float]:
    """Log-probability of every token but the first."""
    logs = model.network(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return [float(logs[place, token]) for place, token in enumerate(ids[1:])]


def write(model: LanguageModel, ids: list[int], body: Json) -> tuple[list[int], list[float], bool]:
    """Greedy tokens with their log-probabilities, the one that ended the text included."""
    ids, written, values = list(ids), [], []
    for _ in range(body["max_tokens"]):
        logs = model.network(torch.tensor([ids])).logits[0, -1].double().log_softmax(-1)
        token = int(logs.argmax())
        ids.append(token)
        written.append(token)
        values.append(float(logs[token]))
        text = model.tokenizer.decode(written, skip_special_tokens=True)
        if token == model.tokenizer.eos_token_id or any(stop in text for stop in body.get("stop") or []):
            return written, values, True
    return written, values, False


def text_of(model: LanguageModel, written: list[int], stops: list[str]) -> str:
    text = model.tokenizer.decode(written, skip_special_tokens=True)
    for stop in stops:
        text = text.split(stop)[0]
    return text


@torch.inference_mode()
def likeliest(model: LanguageModel, manners: Manners, body: Json) -> Json:
    """The answer to one body of llama.cpp's ``POST /completion``."""
    logs = model.network(torch.tensor([body["prompt"]])).logits[0, -1].double().log_softmax(-1)
    best = logs.topk(min(body["n_probs"], manners.most_told, len(logs)))
    told = [{"id": int(i), "logprob": float(v)} for i, v in zip(best.indices, best.values, strict=True)]
    return {"content": model.tokenizer.decode([told[0]["id"]]), "completion_probabilities": [{"top_logprobs": told}]}


def answer(model: LanguageModel, manners: Manners, path: str, body: Json, headers: dict[str, str]) -> Any:
    manners.seen.append((path, body, headers))
    time.sleep(manners.slow)
    if manners.key and headers.get("authorization") != f"Bearer {manners.key}":
        raise refused(401, f"Incorrect API key provided: {headers.get('authorization', '')}")
    if manners.fails:
        manners.fails -= 1
        raise refused(503, "warming up")
    if path == "/v1/models":
        length: Json = {"max_model_len": model.context} if manners.says_length else {}
        if manners.llama:
            length = {"owned_by": "llamacpp", "meta": {"n_ctx": model.context}}
        return {"object": "list", "data": [{"id": manners.name, "root": "org/tiny", **length}]}
    if path == "/v1/completions":
        return complete(model, manners, body)
    if path == "/tokenize" and manners.counts:
        tokens = model.tokenizer(body["content"] if manners.llama else body["prompt"]).input_ids
        return {"tokens": tokens} if manners.llama else {"count": len(tokens), "tokens": tokens}
    if path == "/completion" and manners.llama:
        return likeliest(model, manners, body)
    raise refused(404, f"Not Found: {path}")


@contextmanager
def serving(model: LanguageModel, manners: Manners) -> Iterator[str]:
    """The address of the running server's API."""
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply({})

        def do_POST(self) -> None:
            self.reply(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def reply(self, body: Json) -> None:
            try:
                with turn:
                    said = answer(model, manners, self.path, body, {k.lower(): v for k, v in self.headers.items()})
                status = 200
            except Reply as reply:
                status, said = reply.status, reply.body
            content = json.dumps(said).encode()
            try:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # the client has gone

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
