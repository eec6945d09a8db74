"""The recipe of the small models that ship: tokenizer, sentence encoder, language model. ``train.py pretrain`` runs it.

Three stages, each resumable and each leaving an ordinary folder: a byte-level BPE tokenizer, a ``sentence-transformers`` encoder
distilled from an English teacher over parallel text, and a decoder that starts from the encoder's vectors.
"""
