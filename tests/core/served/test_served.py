"""A model behind a server: its label scores are those of the local scorer, its lines those of local generation, or it is refused.

Tests of `core.served.client`, `core.served.llama_cpp`, `core.served.model`, `core.served.scorer`, `core.served.settings`,
`core.served.workbench`.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch
from model_server import Manners, serving
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from toys import END, START, LetterEncoder, tiny_llama_config, tiny_model
from transformers import PreTrainedTokenizerFast

import train
from core.data.pool import Pool
from core.errors import CoreError, InvalidConfig, ModelUnavailable, ServerUnavailable
from core.inference.predictor import Question
from core.models.generation import GenerationConfig, generate, generate_all
from core.models.loading import LanguageModel
from core.records import Query
from core.scoring import Request, Scorer
from core.served import ServedConfig, ServedModel, ServedScorer, served_config
from core.served.client import Echoed as Seen
from core.served.client import ModelServer, NoLogProbs, boundary
from core.served.workbench import UNSEEN
from core.workbench import Workbench

EXACT = 1e-4  # nats, to one-by-one float32 scoring
TEXTS = [
    "The team won the match: sports",
    "the sport of sports, spot on",
    "politique; siasa: सरकार ने कहा",
    "主题：体育",
] * 4
REQUESTS = [
    Request("The team won the match. Topic:", (" sports", " politics", " science and technology")),
    Request(
        "The team won the match. Topic: sp", ("orts", "ot", "ace")
    ),  # the context's last token is not the joint one's
    Request("सरकार ने कहा। विषय:", (" राजनीति", " खेल")),
    Request("球队赢了比赛。主题：", ("体育", "政治")),
]


def merging_tokenizer(start: bool) -> PreTrainedTokenizerFast:
    """Byte-level BPE with merges, so that answers have several tokens and contexts can end within one."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=[START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(TEXTS, trainer)
    if start:
        raw.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=[(START, 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token=START, eos_token=END, pad_token=END, padding_side="left"
    )


@pytest.fixture(scope="module", params=[True, False], ids=["with a start token", "without one"])
def merging(request: pytest.FixtureRequest) -> LanguageModel:
    tokenizer = merging_tokenizer(request.param)
    return tiny_model(tokenizer, tiny_llama_config(tokenizer))


@pytest.fixture
def served() -> Iterator[Callable[..., ServedModel]]:
    """Serves a model with the manners given; what the client is told, by name."""
    with ExitStack() as stack:

        def serve(model: LanguageModel, manners: Manners | None = None, /, **settings: object) -> ServedModel:
            url = stack.enter_context(serving(model, manners or Manners()))
            config = ServedConfig(url, **settings)  # type: ignore[arg-type]
            return ServedModel(config, ModelServer(config, sleep=lambda _: None))

        yield serve


def expected(model: LanguageModel) -> list[np.ndarray]:
    return Scorer(model, method="padded").score(REQUESTS)


def apart(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    return float(np.abs(np.concatenate(first) - np.concatenate(second)).max())


@pytest.mark.parametrize("least", [0, 1], ids=["nothing written", "a token must be written"])
def test_label_scores_over_http_are_those_of_the_local_scorer(
    served: Callable[..., ServedModel], merging: LanguageModel, least: int
) -> None:
    scorer = ServedScorer(served(merging, Manners(least_tokens=least)))
    assert apart(scorer.score(REQUESTS), expected(merging)) < EXACT
    assert scorer.method == "served, the server's tokens"


def test_with_the_tokenizer_named_ids_are_sent_and_scores_are_the_same(
    served: Callable[..., ServedModel], merging: LanguageModel, tmp_path: Path
) -> None:
    merging.tokenizer.save_pretrained(tmp_path)
    manners = Manners(ids=False)  # what tokens are called no longer matters
    scorer = ServedScorer(served(merging, manners, tokenizer=str(tmp_path)))
    assert apart(scorer.score(REQUESTS), expected(merging)) < EXACT
    sent = next(body for path, body, _ in manners.seen if path == "/v1/completions")
    assert all(isinstance(token, int) for row in sent["prompt"] for token in row)
    marked = [Request(f"He wrote {END} and left. Topic:", (" sports",))]
    local = Scorer(merging, method="padded").score(marked)
    assert apart(scorer.score(marked), local) < EXACT  # the mark is plain text, as here


def test_lengths_are_the_answers_tokens(served: Callable[..., ServedModel], merging: LanguageModel) -> None:
    pairs = [(request.context, answer) for request in REQUESTS for answer in request.answers]
    scorer = ServedScorer(served(merging))
    assert scorer.lengths(pairs) == Scorer(merging).lengths(pairs)
    assert max(scorer.lengths(pairs)) > 1


def test_a_boundary_that_texts_of_tokens_cannot_tell_is_refused() -> None:
    """Two different tokens of half a character are both written as the replacement character."""
    context = Seen(("主", "�", "�"), (None, -1.0, -1.0))
    joint = Seen(("主", "�", "�", "体"), (None, -1.0, -1.0, -2.0))
    assert boundary(context, joint) is None
    plain = Seen(("a", "b", " c"), (None, -1.0, -2.0))
    assert boundary(Seen(("a", "b"), (None, -1.0)), plain) == 2
    ids = Seen(("token_id:7", "token_id:8"), (None, -1.0))
    assert boundary(Seen(("token_id:7", "token_id:9"), (None, -1.0)), ids) == 1


def test_a_server_without_ids_is_right_where_texts_tell_and_refused_where_not(
    served: Callable[..., ServedModel], merging: LanguageModel
) -> None:
    scorer = ServedScorer(served(merging, Manners(ids=False)))
    assert apart(scorer.score(REQUESTS[:2]), expected(merging)[:2]) < EXACT
    with pytest.raises(ServerUnavailable, match=r"half a character.*name the model's tokenizer"):
        scorer.score(REQUESTS[2:])


@pytest.mark.parametrize(
    ("manners", "says"),
    [
        (Manners(echoes="refused"), "400: Only no echo is supported"),
        (Manners(echoes="written"), "of what it writes alone"),
        (Manners(echoes="written", least_tokens=1), "of what it writes alone"),
        (Manners(tells=False), "answers without them"),
    ],
)
def test_a_server_that_tells_no_log_probabilities_of_a_prompt_is_refused_in_one_sentence(
    served: Callable[..., ServedModel], merging: LanguageModel, manners: Manners, says: str
) -> None:
    with pytest.raises(NoLogProbs, match=f"tells no log-probabilities of a prompt.*{says}.*free-text"):
        ServedScorer(served(merging, manners)).score(REQUESTS)


@pytest.mark.parametrize("tokenizer", [True, False], ids=["own ids", "the server's tokens"])
@pytest.mark.parametrize("first_told", [1000, 2], ids=["all at once", "more and more"])
def test_llama_cpp_is_asked_for_one_token_after_the_other_and_scores_are_the_same(
    served: Callable[..., ServedModel],
    merging: LanguageModel,
    tokenizer: bool,
    first_told: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.served.llama_cpp.FIRST_COUNT", first_told)
    settings = {}
    if tokenizer:
        merging.tokenizer.save_pretrained(tmp_path)
        settings["tokenizer"] = str(tmp_path)
    manners = Manners(llama=True)
    model = served(merging, manners, **settings)
    scorer = ServedScorer(model)
    assert scorer.method.startswith("served by llama.cpp, ")
    assert model.context == merging.context
    assert apart(scorer.score(REQUESTS), expected(merging)) <= EXACT
    asked = [body for path, body, _ in manners.seen if path == "/completion"]
    prefixes = {tuple(body["prompt"]) for body in asked}
    assert len(asked) == len(prefixes) if first_told == 1000 else len(asked) > len(prefixes)
    before = len(manners.seen)
    scorer.score(REQUESTS)
    assert len(manners.seen) == before  # remembered


def test_a_llama_cpp_that_tells_too_few_words_is_refused_in_one_sentence(
    served: Callable[..., ServedModel], merging: LanguageModel
) -> None:
    with pytest.raises(NoLogProbs, match="it tells 3 of the likeliest words, and a label's is not among them"):
        ServedScorer(served(merging, Manners(llama=True, most_told=3))).score(REQUESTS)


def test_what_llama_cpp_writes_has_its_confidence(served: Callable[..., ServedModel], merging: LanguageModel) -> None:
    prompts, config = [request.context for request in REQUESTS], GenerationConfig(max_tokens=12)
    here = generate_all(merging, prompts, config)
    there = generate_all(served(merging, Manners(llama=True)), prompts, config)
    assert [line.text for line in there] == [line.text for line in here]
    sure = [(one.confidence, other.confidence) for one, other in zip(there, here, strict=True) if not other.ended]
    assert sure
    for one, other in sure:
        assert one == pytest.approx(other, abs=1e-5)


def test_what_is_written_over_http_is_what_is_written_here(
    served: Callable[..., ServedModel], merging: LanguageModel
) -> None:
    prompts = [request.context for request in REQUESTS] * 5  # more than a batch
    config = GenerationConfig(max_tokens=12)
    here = generate_all(merging, prompts, config)
    there = generate_all(served(merging), prompts, config)
    assert [line.text for line in there] == [line.text for line in here]
    assert [line.ended for line in there] == [line.ended for line in here]
    assert any(line.text for line in here)
    silent = generate(served(merging, Manners(tells=False)), prompts[:1], config)
    assert silent[0].confidence is None or not silent[0].text
    sure = [(one.confidence, other.confidence) for one, other in zip(there, here, strict=True) if not other.ended]
    assert sure
    for one, other in sure:
        assert one == pytest.approx(other, abs=1e-5)


def test_a_line_that_ends_counts_its_own_tokens_alone() -> None:
    from core.served.client import written_line

    told = {"tokens": ["a", "b", "\n"], "token_logprobs": [np.log(0.5), np.log(0.5), np.log(1e-9)]}
    assert written_line({"text": "ab", "finish_reason": "stop", "logprobs": told}).confidence == pytest.approx(0.5)
    ended = {"tokens": ["a", "b", "</s>"], "token_logprobs": told["token_logprobs"]}
    assert written_line({"text": "ab", "finish_reason": "stop", "logprobs": ended}).confidence == pytest.approx(0.5)
    assert written_line({"text": " ", "finish_reason": "stop", "logprobs": told}).text == ""


def test_sampling_sends_a_seed_drawn_from_the_generator(
    served: Callable[..., ServedModel], merging: LanguageModel
) -> None:
    manners = Manners()
    model = served(merging, manners)
    for _ in range(2):
        generate(model, ["a"], GenerationConfig(4, 0.7), torch.Generator().manual_seed(3))
    first, second = [body for path, body, _ in manners.seen if path == "/v1/completions"]
    assert first["seed"] == second["seed"]
    assert first["temperature"] == 0.7


def test_prompts_are_counted_by_the_tokenizer_the_server_or_not_below_the_truth(
    served: Callable[..., ServedModel], merging: LanguageModel, tmp_path: Path
) -> None:
    merging.tokenizer.save_pretrained(tmp_path)
    text = "The team won the match. 主题："
    true = merging.length(text)
    assert served(merging, tokenizer=str(tmp_path)).length(text) == true
    assert served(merging).length(text) == true
    assert served(merging, Manners(counts=False)).length(text) >= true
    assert served(merging).context == merging.context
    assert served(merging, Manners(says_length=False), context=77).context == 77
    assert served(merging, Manners(says_length=False)).context == 2048


def test_a_server_that_warms_up_is_asked_again_and_one_that_stays_down_is_one_sentence(
    served: Callable[..., ServedModel], merging: LanguageModel
) -> None:
    assert served(merging, Manners(fails=3)).name == "tiny"
    with pytest.raises(ServerUnavailable, match=r"answers 503: warming up; check that it runs"):
        served(merging, Manners(fails=99))
    config = ServedConfig("http://127.0.0.1:9/v1")  # nobody listens there
    with pytest.raises(ServerUnavailable, match=r"at 127\.0\.0\.1:9 cannot be reached"):
        ServedModel(config, ModelServer(config, sleep=lambda _: None))


def test_a_server_that_is_slow_is_not_waited_for_longer_than_said(merging: LanguageModel) -> None:
    manners = Manners(slow=1.5)
    with serving(merging, manners) as url:
        config = ServedConfig(url, timeout=1.0)
        with pytest.raises(ServerUnavailable, match="did not answer within 1 s"):
            ModelServer(config, sleep=lambda _: None).get("models")
        assert len(manners.seen) == 1  # it is not given the same work again


def test_the_key_is_sent_and_never_shown(served: Callable[..., ServedModel], merging: LanguageModel) -> None:
    key = "sk-very-secret"
    manners = Manners(key=key)
    model = served(merging, manners, key=key)
    assert manners.seen[0][2]["authorization"] == f"Bearer {key}"
    shown = [repr(model.settings), json.dumps(model.facts), model.config.name, model.fingerprint]
    with pytest.raises(ServerUnavailable, match=r"refuses the key.*AGL_MODEL_SERVER_KEY") as refusal:
        served(merging, Manners(key="another"), key=key)  # its words repeat what was sent
    assert all(key not in text for text in [*shown, str(refusal.value)])


def test_a_server_that_points_elsewhere_is_not_followed(merging: LanguageModel) -> None:
    import httpx

    def elsewhere(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "here"
        return httpx.Response(307, headers={"location": "http://elsewhere/v1/models"})

    config = ServedConfig("http://here/v1", key="k")
    with pytest.raises(ServerUnavailable, match="says no"):
        ModelServer(config, httpx.MockTransport(elsewhere)).get("models")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("openai:http://user:pw@host/v1#m", "a user, a password or a query"),
        ("openai:http://host/v1?key=pw#m", "a user, a password or a query"),
        ("openai:file:///etc/passwd", "no address of a model server"),
        ("openai:host:8000", "no address of a model server"),
    ],
)
def test_an_address_holds_an_address_and_no_secret(address: str, says: str) -> None:
    with pytest.raises(InvalidConfig, match=says) as refusal:
        served_config(address, environment={})
    assert "pw" not in str(refusal.value)


def test_settings_come_from_the_environment_and_impossible_ones_are_refused() -> None:
    said = {"AGL_MODEL_SERVER_KEY": " k ", "AGL_MODEL_SERVER_TIMEOUT": "7", "AGL_MODEL_SERVER_CONTEXT": "512"}
    found = served_config("openai:http://host:8000/v1/#a/b", environment=said)
    assert (found.url, found.model, found.key, found.timeout, found.context) == (
        "http://host:8000/v1",
        "a/b",
        "k",
        7,
        512,
    )
    assert found.host == "host:8000"
    for name, value in (("TIMEOUT", "soon"), ("TIMEOUT", "0"), ("CONTEXT", "-1"), ("KEY", "a\nb")):
        with pytest.raises(InvalidConfig, match=f"AGL_MODEL_SERVER_{name}"):
            served_config("http://host/v1", environment={f"AGL_MODEL_SERVER_{name}": value})
    with pytest.raises(InvalidConfig, match="tiny"):
        ServedConfig("http://host/v1", vectors="own")


def test_a_model_that_is_not_there_is_named_with_those_that_are(
    served: Callable[..., ServedModel], merging: LanguageModel
) -> None:
    with pytest.raises(ModelUnavailable, match="no model 'other'; it has tiny"):
        served(merging, model="other")


@pytest.fixture
def remote(served: Callable[..., ServedModel], model: LanguageModel, pool: Pool) -> Callable[..., Workbench]:
    """A workbench of the toy model behind a server, the toy model standing in for the embedded one beside it."""

    def put_together(manners: Manners | None = None, vectors: str = "") -> Workbench:
        there = served(model, manners, vectors=vectors)
        unseen = "" if vectors else UNSEEN
        return Workbench(
            there,
            LetterEncoder(),
            pools={"topic": pool},
            scorer=ServedScorer(there),
            states=model,
            unseen=unseen,  # type: ignore[arg-type]
        )

    return put_together


QUERY = Query("Timu ilishinda mchezo.", "swh_Latn")


@pytest.mark.parametrize("strategy", ["knn", "bm25", "mdl", "likelihood", "clsp", "zero-shot", "self-translate"])
def test_a_served_model_answers_as_the_same_model_here(
    remote: Callable[..., Workbench], bench: Workbench, strategy: str
) -> None:
    question = Question(QUERY, strategy, 3, ("swh_Latn", "eng_Latn"))
    here, there = bench.predictor("topic").predict(question), remote().predictor("topic").predict(question)
    assert [d.example.id for d in there.selection.demonstrations] == [
        d.example.id for d in here.selection.demonstrations
    ]
    for one, other in zip(there.answers, here.answers, strict=True):
        assert (one.label, one.prompt.text, one.prompt.tokens) == (other.label, other.prompt.text, other.prompt.tokens)
        assert one.with_context and other.with_context
        values = [list(answer.with_context.log_probs.values()) for answer in (one, other)]
        assert np.abs(np.subtract(*values)).max() < EXACT
        assert one.coherence is None
    assert there.coherence == ()
    assert there.provenance["model"].startswith("openai:http://127.0.0.1")
    assert there.provenance["precision"] == "served"


@pytest.mark.parametrize("strategy", ["agl", "agl-untrained", "self-generated"])
def test_what_needs_hidden_states_is_refused_in_one_sentence(remote: Callable[..., Workbench], strategy: str) -> None:
    with pytest.raises(CoreError, match=r"hidden states needs its weights|own writing"):
        remote().predictor("topic").predict(Question(QUERY, strategy, 2))


def test_by_explicit_choice_the_embedded_models_states_stand_for_them(
    remote: Callable[..., Workbench], bench: Workbench
) -> None:
    question = Question(QUERY, "agl", 3)
    there = remote(vectors="tiny").predictor("topic").predict(question)
    here = bench.predictor("topic").predict(question)
    assert there.selection == here.selection
    assert np.array(there.coherence) == pytest.approx(np.array(here.coherence))


def test_why_is_measured_over_http_as_here(remote: Callable[..., Workbench], bench: Workbench) -> None:
    from core.inference.explanation import explain

    question = Question(QUERY, "knn", 3)
    found = []
    for one in (remote(), bench):
        predictor = one.predictor("topic")
        found.append(explain(predictor, predictor.predict(question)))
    there, here = found
    assert there.make_up.diversity is None  # type: ignore[union-attr]
    assert here.make_up.diversity is not None  # type: ignore[union-attr]
    chances = [[order.probability for order in one.order.orders] for one in found]  # type: ignore[union-attr]
    assert np.abs(np.subtract(*chances)).max() < EXACT


@pytest.fixture
def command(model: LanguageModel, toy_models: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Manners]]:
    """The address of a served toy model, and the commands with toys for what they load beside it."""
    monkeypatch.setattr("core.served.workbench.load_model", lambda _: model)
    monkeypatch.setenv("AGL_MODEL_SERVER_KEY", "sk-very-secret")
    manners = Manners(key="sk-very-secret")
    with serving(model, manners) as url:
        yield f"openai:{url}#tiny", manners


def test_ask_and_evaluate_take_a_served_model_and_the_record_names_it_without_the_key(
    command: tuple[str, Manners], files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    address, _ = command
    asked = ["ask", QUERY.text, "--language", "sw", "--pool", files["pool"], "--k", "2", "--model", address]
    assert train.main([*asked, "--strategy", "knn"]) == 0
    assert "confidence" in capsys.readouterr().out
    assert train.main(asked) == 2  # self-selection is the default
    assert "hidden states" in capsys.readouterr().err
    assert train.main([*asked, "--vectors", "tiny"]) == 0
    words = ["evaluate", "--queries", files["queries"], "--pool", files["pool"], "--strategies", "zero-shot,knn"]
    assert train.main([*words, "--k", "2", "--model", address, "--output", "out"]) == 0
    record = Path("out/record.json").read_text()
    told = json.loads(record)["model"]
    assert told["name"] == address
    assert told["engine"].startswith("OpenAI-compatible server at 127.0.0.1:")
    assert told["served_name"] == "tiny"
    assert told["vectors"] == "none"
    everything = b"".join(path.read_bytes() for path in Path("out").rglob("*") if path.is_file())
    assert b"sk-very-secret" not in everything
    assert "sk-very-secret" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["--precision", "nf4"], "--precision needs the model's weights"),
        (["--run", "runs/x"], "--run needs the model's weights"),
        (["--adapter", "x"], "--adapter needs the model's weights"),
    ],
)
def test_what_needs_weights_is_refused_for_a_server(
    command: tuple[str, Manners], typed: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["ask", "a", "--language", "sw", "--model", command[0], *typed]) == 2
    assert says in capsys.readouterr().err


def test_commands_that_change_weights_refuse_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["fit", "--output", "x", "--model", "openai:http://user:pw@host/v1"]) == 2
    said = capsys.readouterr().err
    assert "needs the model's weights" in said
    assert "pw" not in said


def test_options_of_a_served_model_are_refused_for_another(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["ask", "a", "--language", "sw", "--vectors", "embedded"]) == 2
    assert "are of a served model" in capsys.readouterr().err


def test_no_setting_of_this_machine_leaks_into_these_tests() -> None:
    assert not [name for name in os.environ if name.startswith("AGL_MODEL_SERVER")]
