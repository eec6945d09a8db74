"""Built-in corpora, by name, read from a data folder or from the Hub, and given to an evaluation as queries and a pool."""

from core.data.corpora.base import Corpus, Loaded
from core.data.corpora.brighter import BRIGHTER
from core.data.corpora.load import HUB, NO_REFERENCE, languages_of, load_corpus, with_most_items
from core.data.corpora.mgsm import MGSM
from core.data.corpora.parallel import NTREX, TICO19
from core.data.corpora.pawsx import PAWSX
from core.data.corpora.sentiment import AFRISENTI, NUSAX
from core.data.corpora.sib200 import SIB200
from core.data.corpora.xcopa import XCOPA
from core.data.corpora.xquad import XQUAD

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus for corpus in (SIB200, NUSAX, AFRISENTI, BRIGHTER, PAWSX, XCOPA, XQUAD, MGSM, NTREX, TICO19)
}
CORPUS_OF_TASK = {corpus.task: corpus.name for corpus in reversed(CORPORA.values())}  # the first of each task

__all__ = ["CORPORA", "CORPUS_OF_TASK", "HUB", "NO_REFERENCE", "Corpus", "Loaded", "languages_of", "load_corpus", "with_most_items"]
