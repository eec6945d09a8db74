"""The closed loop in variants and seeds: before and after, on queries that nothing was learnt from."""

import argparse

from core.cli.closed_loops import loop_arguments, loop_data
from core.cli.options import numbers, parts, progress
from core.evaluation import refuse_overwrite
from core.experiments.ablation import AblationConfig, ablate
from core.experiments.runner import printed
from core.run_record import write_record


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    loop_arguments(parser, "ablate")
    parser.add_argument("--variants", default="supervised,self,without rl,without align,without coherence")


def run(options: argparse.Namespace, began: float) -> int:
    """Run the closed loop in variants and seeds, and compare before and after on queries it did not learn from."""
    refuse_overwrite(options.output)
    fit_config, material = loop_data(options)
    config = AblationConfig(fit_config, tuple(parts(options.variants)), numbers("--seeds", options.seeds), options.most)
    with progress("ablate") as report:
        entry = ablate(config, material, options.work, report)
    write_record(options.output / "record.json", entry)
    print(printed(entry, ["variants", "pairs of variants"]))
    return 0
