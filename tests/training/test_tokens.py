import pytest

from manifests.keys import DISTORTIONS
from manifests.words import IMPORTANCE_WORDS, QUALITY_WORDS
from training.data import texts
from training.data.tokens import IGNORED, Sequencer, compact_tokenizer


@pytest.fixture(scope="module")
def sequencer() -> Sequencer:
    return Sequencer(compact_tokenizer(), image_tokens=4)


ANSWERS = [
    *texts.every_text(),
    texts.distortion_answer(dict(zip(DISTORTIONS, range(5), strict=False))),
    texts.distortion_answer({"noise": None, "compression": None}),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_learned_tokens_decode_to_exactly_the_answer(sequencer, answer):
    made = sequencer.sequence(texts.QUALITY_QUESTION, answer)
    learned = [i for i in made.labels if i != IGNORED]
    assert sequencer.tokenizer.decode(learned) == f"{answer}</s>"
    assert sequencer.text(learned) == answer
    at = [n for n, label in enumerate(made.labels) if label != IGNORED]
    assert at == list(range(at[0], len(made.ids)))
    assert [made.ids[n] for n in at] == learned
    assert sequencer.tokenizer.unk_token_id not in made.ids


def test_prompt_is_the_papers_in_a_vicuna_turn(sequencer):
    ids = sequencer.prompt(texts.QUALITY_QUESTION, texts.QUALITY_LEAD)
    assert [i - sequencer.image_id for i in ids if i >= sequencer.image_id] == [0, 0, 0, 0, 1, 2]
    text = sequencer.tokenizer.decode([i for i in ids if i < sequencer.image_id])
    assert " ".join(text.split()) == (
        "<s> USER: This is the overview of the image. Here is the region . "
        "Analyze the quality of this region. ASSISTANT: The quality is"
    )


def test_prompt_goes_on_with_the_answer_as_in_training(sequencer):
    whole = sequencer.sequence(texts.QUALITY_QUESTION, texts.quality_answer(3)).ids
    lead = sequencer.prompt(texts.QUALITY_QUESTION, texts.QUALITY_LEAD)
    word = sequencer.continuation(texts.QUALITY_LEAD, QUALITY_WORDS[3])
    assert whole[: len(lead) + len(word)] == [*lead, *word]


def test_words_of_a_closed_set_differ(sequencer):
    for lead, words in (
        (texts.QUALITY_LEAD, QUALITY_WORDS),
        (texts.IMPORTANCE_LEAD, IMPORTANCE_WORDS),
    ):
        assert len({tuple(sequencer.continuation(lead, w)) for w in words}) == 5
