"""Work shared over the processes of ``accelerate launch``, on one machine or several."""

import os
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this one is."""

    index: int = 0
    count: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this one writes and prints."""
        return self.index == 0

    def gathered(self, own: list[Result]) -> list[Result]:
        """What all processes have, in their order; every process must call it, and waits for the others."""
        if self.count == 1:
            return own
        from accelerate.utils import gather_object

        return list(gather_object(own))


ALONE = Processes()


def launched_processes(cpu: bool) -> Processes:
    """The processes that ``accelerate launch`` started, joined into one group; ``ALONE`` without it. ``cpu``: none of them has a GPU."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return ALONE
    from accelerate import PartialState

    state = PartialState(cpu=cpu)
    return Processes(state.process_index, state.num_processes)
