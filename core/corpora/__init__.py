"""Built-in corpora, by name, read from a data folder or from the Hub, and given to an evaluation as queries and a pool."""

from core.corpora.base import Corpus, Loaded
from core.corpora.brighter import BRIGHTER
from core.corpora.load import HUB, languages_of, load_corpus, with_most_items
from core.corpora.mgsm import MGSM
from core.corpora.parallel import NTREX, TICO19
from core.corpora.pawsx import PAWSX
from core.corpora.sentiment import AFRISENTI, NUSAX
from core.corpora.sib200 import SIB200
from core.corpora.xcopa import XCOPA
from core.corpora.xquad import XQUAD

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus for corpus in (SIB200, NUSAX, AFRISENTI, BRIGHTER, PAWSX, XCOPA, XQUAD, MGSM, NTREX, TICO19)
}
CORPUS_OF_TASK = {corpus.task: corpus.name for corpus in reversed(CORPORA.values())}  # the first of each task

__all__ = ["CORPORA", "CORPUS_OF_TASK", "HUB", "Corpus", "Loaded", "languages_of", "load_corpus", "with_most_items"]
