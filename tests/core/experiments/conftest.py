"""A small model on disk."""

import pytest
from toys import byte_tokenizer, tiny_llama_config, tiny_model

from core.models.loading import ModelConfig


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ModelConfig:
    folder, tokenizer = tmp_path_factory.mktemp("base"), byte_tokenizer()
    tiny_model(tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048)).network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return ModelConfig(str(folder))
