"""Command line of AGL: pretrain the embedded models, run the closed loop, evaluate strategies, check a pool, answer one query.

Usage: ``python train.py COMMAND --help``. Bad input ends with one sentence and exit code 2.
"""

import argparse
import os
import sys
import time
from importlib import import_module

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

COMMANDS = {
    "pretrain": "train tokenizer, encoder and language model from parallel text",
    "quality": "measure the embedded models on held-out text",
    "fit": "run the closed loop: choose, write, answer, learn",
    "tune": "train an adapter on answers under self-chosen demonstrations, with labels or without",
    "publish": "a finished run as a folder to pass on, without sentences of the corpus",
    "nca": "a baseline: the sentence encoder trained on the labels that the loop learns from",
    "ablate": "closed-loop runs in variants and seeds, before and after",
    "sweep": "closed-loop runs over alpha and beta: accuracy against diversity",
    "consistency": "one item in many languages: do the answers agree, and do the model's states align?",
    "lowresource": "accuracy against the number of labelled items in the pool",
    "unseen": "languages that the model never saw, and languages that a closed loop did not learn from",
    "scaling": "accuracy by number of demonstrations, prompt budget and model",
    "prompts": "which prompt variant and calibration suit a model, on items of the pool",
    "reliability": "what a model's certainty has been worth, on items of the pool",
    "evaluate": "compare strategies on labelled queries",
    "compare": "systems of several records against one, over items and training seeds",
    "models": "list the known models, or set up the default one",
    "quantise": "save a model in 4-bit",
    "report": "tables and figures from records, in Markdown, LaTeX and HTML",
    "check": "check a folder of demonstrations",
    "ask": "answer one query",
}  # each is a module of core.cli, imported when it is asked for


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line as a namespace."""
    parser = argparse.ArgumentParser(prog="python train.py", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if arguments[:1] == [name]:
            import_module(f"core.cli.{name}").arguments(command)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 on success, 1 when a check finds problems, 2 on bad input."""
    began = time.perf_counter()
    options = parse(sys.argv[1:] if arguments is None else arguments)
    from core.errors import CoreError

    try:
        return int(import_module(f"core.cli.{options.command}").run(options, began))
    except CoreError as error:
        print(f"{error}", file=sys.stderr)
        return 2
    except Exception as error:
        from core.models.devices import ran_out

        if not ran_out(error):
            raise
        print(
            f"Memory ran out in {options.command} ({str(error).splitlines()[0][:120]}); take smaller batches (for fit: optim.queries, "
            "policy.contexts, policy.k), a smaller model, or --precision nf4.",
            file=sys.stderr,
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())
