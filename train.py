"""Command line of AGL: pretrain the embedded models, run the closed loop, evaluate strategies, check a pool, answer one query.

Usage: ``python train.py COMMAND --help``. Bad input ends with one sentence and exit code 2.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
ROOT = Path(__file__).resolve().parent


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line as a namespace."""
    parser = argparse.ArgumentParser(prog="python train.py", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)

    _embedded_models(commands)
    _closed_loop(commands)
    _use(commands)
    return parser.parse_args(arguments)


def _embedded_models(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    pretrain = commands.add_parser("pretrain", help="train tokenizer, encoder and language model from parallel text")
    pretrain.add_argument("--config", type=Path, default=ROOT / "assets" / "configs" / "pretrain_cpu.toml")
    pretrain.add_argument("--data", required=True, help="folder of Parquet files, or hub:owner/name, see README")
    pretrain.add_argument(
        "--work", type=Path, default=ROOT / "runs" / "pretrain", help="checkpoints; resumed if present"
    )
    pretrain.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings, as in decoder.steps=100")

    quality = commands.add_parser("quality", help="measure the embedded models on held-out text")
    quality.add_argument("--data", required=True, help="what pretrain reads")
    quality.add_argument("--parts", default="retrieval,tokens,knn,translation", help="what to measure, comma-separated")
    quality.add_argument(
        "--translate", default="fra_Latn,deu_Latn,spa_Latn,swh_Latn", help="languages to and from English, or all"
    )
    quality.add_argument("--k", type=int, default=4, help="demonstrations of a translation")
    quality.add_argument("--model", default="embedded")
    quality.add_argument("--encoder", default="embedded")
    quality.add_argument(
        "--output", type=Path, default=ROOT / "assets" / "results" / "embedded", help="folder for one record a part"
    )


def _closed_loop(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fit = commands.add_parser("fit", help="run the closed loop: choose, write, answer, learn")
    fit.add_argument("--config", type=Path, default=ROOT / "assets" / "configs" / "fit_cpu.toml")
    fit.add_argument("--pool", default="bundled", help="bundled, or a file, folder or Hub data set; fold demo")
    fit.add_argument("--queries", help="what to ask, of the same form; default the pool's own examples")
    fit.add_argument("--model", default="embedded")
    fit.add_argument("--precision", default="fp32")
    fit.add_argument("--device", default="auto")
    fit.add_argument("--track", default="", help="trackers with commas: tensorboard, wandb, trackio")
    fit.add_argument("--output", type=Path, required=True, help="folder of the run; gone on with if it holds one")
    fit.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings, as in optim.iterations=100 mode=self")

    ablate = commands.add_parser("ablate", help="closed-loop runs in variants and seeds, before and after")
    ablate.add_argument("--config", type=Path, default=ROOT / "assets" / "configs" / "fit_cpu.toml")
    ablate.add_argument("--pool", required=True, help="what is learnt and chosen from; fold demo where there is one")
    ablate.add_argument("--queries", required=True, help="what is only evaluated on; fold dev_query where there is one")
    ablate.add_argument("--languages", default="", help="of pool and queries; default all that the task has words for")
    ablate.add_argument("--variants", default="supervised,self,without rl,without align,without coherence")
    ablate.add_argument("--seeds", default="0,1,2")
    ablate.add_argument("--most", type=int, default=50, help="evaluation queries of each language")
    ablate.add_argument("--model", default="embedded")
    ablate.add_argument("--precision", default="fp32")
    ablate.add_argument("--work", type=Path, default=ROOT / "runs" / "ablate", help="runs; gone on with if present")
    ablate.add_argument("--output", type=Path, required=True, help="folder for record.json")
    ablate.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings of all variants")


def _use(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = commands.add_parser("evaluate", help="compare strategies on labelled queries")
    evaluate.add_argument("--task", default="topic")
    evaluate.add_argument(
        "--queries", required=True, help="file, folder or Hub data set; fold dev_query where there is one"
    )
    evaluate.add_argument("--pool", required=True, help="the same for demonstrations; fold demo where there is one")
    evaluate.add_argument("--languages", required=True, help="query languages, comma-separated codes")
    evaluate.add_argument("--pool-languages", default="others", help="others (default), bundled, or codes")
    evaluate.add_argument("--strategies", default="zero-shot,random,bm25,knn,agl")
    evaluate.add_argument("--k", default="4", help="demonstrations, or several numbers with commas")
    evaluate.add_argument("--seeds", default="0,1,2")
    evaluate.add_argument(
        "--shown-labels", default="gold", help="labels of demonstrations: gold (default), permuted, random or swapped"
    )
    evaluate.add_argument("--most", type=int, help="queries of each language, drawn with seed 0")
    _which_model(evaluate)
    evaluate.add_argument("--output", type=Path, required=True, help="folder for items.parquet and record.json")

    check = commands.add_parser("check", help="check a folder of demonstrations")
    check.add_argument("folder", type=Path)

    ask = commands.add_parser("ask", help="answer one query")
    ask.add_argument("text")
    ask.add_argument("--language", required=True, help="code, BCP-47 tag or English name")
    ask.add_argument("--answers", default="", help="languages to answer in, comma-separated")
    ask.add_argument("--task", default="topic")
    ask.add_argument("--strategy", default="agl")
    ask.add_argument("--pool", help="file or folder instead of the bundled demonstrations")
    ask.add_argument("--k", type=int, default=4)
    _which_model(ask)


def _which_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="embedded", help="embedded, a folder, or a Hub id")
    command.add_argument("--precision", default="fp32", help="fp32, bf16 or nf4")
    command.add_argument("--run", default="", help="folder of a finished train.py fit, to use what it learnt")
    command.add_argument(
        "--no-fall-back", dest="fall_back", action="store_false", help="use a run also where it found itself no better"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 on success, 1 when a check finds problems, 2 on bad input."""
    options = parse(arguments)
    from core import commands
    from core.errors import CoreError

    began = time.perf_counter()
    try:
        return int(getattr(commands, options.command)(options, began))
    except CoreError as error:
        print(f"{error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
