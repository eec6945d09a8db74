"""How good the embedded models are on text that was held out: one file a part, a record each, see ``core.quality.parts``.

For development: needs the corpora that ``train.py pretrain`` reads, and for translation also sacrebleu.
"""
