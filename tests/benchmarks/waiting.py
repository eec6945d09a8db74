"""The app as a person waits for it: start, time to the first answer and to all, memory. ``make bench`` runs it.

Answers: Explore's own function (``Explorer.ask``), the tiny model unless another is named, a sentence that was not asked before in each
round, eight languages, two strategies, K = 4 (``--languages 6`` and ``--model gemma-3-270m`` for the bar of the default model); when the
first answer is there, when a strategy has its
verdict (effects of demonstrations and all), and when everything is. What the scorer remembers of
earlier questions is dropped before each round; the model is loaded and the pool's vectors are cached, as after the first visit. Then once
over HTTP, with one strategy, on the public endpoint of an app started as a process of its own, from the request to the end of the answer.
Start: from the start of the process to the first page, and the CPU time that it took. Memory: resident, of that process, after the start
and after the question. ``--openings N``: as often, from the start of the process to the page and from there to the first answer of the
opening example in Chromium, which opens the page at once and shares the machine; medians.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import torch
from app_server import free_port
from benchmarks.measuring import CLOCKS, circumstances

from app.explore.form import Form
from app.explore.service import ExploreService
from core.models.catalogue import TINY
from core.run_record import write_record
from core.workbench import bundled_examples

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("swh_Latn", "eng_Latn", "arb_Arab", "zho_Hans", "fra_Latn", "hin_Deva", "rus_Cyrl", "tur_Latn")
STRATEGIES = ("agl", "knn")


def answering(model: str, precision: str, languages: int, cache: Path, rounds: int, clock: str) -> dict[str, Any]:
    """Seconds to the first answer, to the first verdict and to all, medians and least."""
    explore, now = ExploreService(cache), CLOCKS[clock]
    sentences = [example.text for example in bundled_examples("topic") if example.language == "swh_Latn"]
    codes = LANGUAGES[:languages]
    first, verdict, whole, phases = [], [], [], []
    for place in range(rounds + 1):
        form = Form(sentences[place], "swh_Latn", "topic", codes, STRATEGIES, 4, model=model, precision=precision)  # type: ignore[arg-type]
        explore.predictor(form).scorer.forget()
        began, seen, explained, step = now(), 0.0, 0.0, None
        for step in explore.ask(form):
            if not seen and any(prediction.answers for prediction in step.predictions):
                seen = now() - began
            if not explained and any(prediction.effects for prediction in step.predictions):
                explained = now() - began
        assert step is not None and step.finished
        assert [len(prediction.answers) for prediction in step.predictions] == [len(codes)] * len(STRATEGIES)
        if place:  # the first round loads
            first.append(seen)
            verdict.append(explained)
            whole.append(now() - began)
            phases.append({f"{p.selection.strategy} {k}": v for p in step.predictions for k, v in p.seconds.items()})
    return {
        "first_answer_s": round(statistics.median(first), 2),
        "first_answer_least_s": round(min(first), 2),
        "first_verdict_s": round(statistics.median(verdict), 2),
        "first_verdict_least_s": round(min(verdict), 2),
        "all_answers_s": round(statistics.median(whole), 2),
        "all_answers_least_s": round(min(whole), 2),
        "phases_wall_s": {key: round(statistics.median(phase[key] for phase in phases), 2) for key in phases[0]},
    }


def asked(port: int, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def serving(cache: Path, model: str, languages: int) -> dict[str, Any]:
    """Start, one question over HTTP, and memory of a process of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "app.main", "--port", str(port), "--data", folder, "--cache", str(cache)]
        began = time.perf_counter()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                started = served(port, began)
                spent = sum(psutil.Process(process.pid).cpu_times()[:2])
                time.sleep(
                    2
                )  # the opening example is answered in the background; the question waits its turn like any other
                memory = psutil.Process(process.pid).memory_info().rss / 1e6
                began = time.perf_counter()
                text = next(e.text for e in bundled_examples("topic") if e.language == "hau_Latn")
                values = [text, "hau_Latn", list(LANGUAGES[:languages]), "topic", "agl", 4, [], model, 0]
                status, body = asked(port, "POST", "/gradio_api/call/ask", {"data": values})
                assert status == 200, body
                status, body = asked(port, "GET", f"/gradio_api/call/ask/{json.loads(body)['event_id']}")
                took = time.perf_counter() - began
                assert b"event: complete" in body, body[:500]
                later = psutil.Process(process.pid).memory_info().rss / 1e6
            finally:
                process.terminate()
                process.wait(60)
    return {
        "start_s": round(started, 1),
        "start_cpu_s": round(spent, 1),
        "answer_over_http_s": round(took, 2),
        "resident_megabytes_after_start": round(memory),
        "resident_megabytes_after_answer": round(later),
    }


def opening(cache: Path, model: str, rounds: int) -> dict[str, Any]:
    """Seconds to the page, and from there to the first answer in a browser; a first round, which fills caches, is not counted."""
    from chromium import CHROMIUM, FLAGS, PATIENCE_MS
    from playwright.sync_api import sync_playwright

    pages, answers = [], []
    environment = os.environ | {"AGL_MODEL": model}
    for _ in range(rounds + 1):
        port = free_port()
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page()
            page.set_default_timeout(PATIENCE_MS)
            command = [sys.executable, "-m", "app.main", "--port", str(port), "--data", folder, "--cache", str(cache)]
            began = time.perf_counter()
            nowhere = subprocess.DEVNULL
            with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=nowhere, stderr=nowhere) as process:
                try:
                    pages.append(served(port, began))
                    page.goto(f"http://127.0.0.1:{port}")
                    page.wait_for_selector("#explore-results .answers .answer")
                    answers.append(time.perf_counter() - began - pages[-1])
                finally:
                    process.terminate()
                    process.wait(60)
            browser.close()
    return {
        "rounds": rounds,
        "page_s": round(statistics.median(pages[1:]), 1),
        "first_answer_after_page_s": round(statistics.median(answers[1:]), 1),
        "first_answer_after_page_least_s": round(min(answers[1:]), 1),
    }


def served(port: int, began: float) -> float:
    """Seconds since ``began`` when the page is there."""
    while True:
        try:
            if asked(port, "GET", "/")[0] == 200:
                return time.perf_counter() - began
        except OSError:
            pass
        time.sleep(0.1)


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "assets" / "results" / "app_speed.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default=TINY, help="tiny, gemma-3-270m, a folder or a .gguf file")
    parser.add_argument("--precision", default="fp32", help="fp32, bf16, nf4, or auto")
    parser.add_argument(
        "--languages", type=int, default=len(LANGUAGES), help=f"of the answers, at most {len(LANGUAGES)}"
    )
    parser.add_argument("--no-serving", dest="serving", action="store_false", help="leave out the app as a process")
    parser.add_argument("--openings", type=int, default=0, help="rounds of start and first answer in a browser")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu, with one thread, where others use the cores too"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cache = ROOT / "data" / "cache"
    found = circumstances() | {
        "model": options.model,
        "precision": options.precision,
        "languages": options.languages,
        "strategies": list(STRATEGIES),
        "clock": options.clock,
    }
    found["answering"] = answering(
        options.model, options.precision, options.languages, cache, options.rounds, options.clock
    )
    print(found["answering"], flush=True)
    if options.serving:
        found["serving"] = serving(cache, options.model, options.languages)
    if options.openings:
        found["opening"] = opening(cache, options.model, options.openings)
    write_record(options.output, found)
    print(options.output.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
