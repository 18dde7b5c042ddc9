from __future__ import annotations

import warnings

import pytest
import torch

from gans.networks.text_encoder import PADDING, UNKNOWN
from gans.text.vocabulary import Vocabulary, tokens_of

TEXTS = ["A red bird, with a red beak.", "a BLUE bird"]


def filled(level: str, texts: list[str], length: int = 8, limit: int = 50) -> Vocabulary:
    vocabulary = Vocabulary(level, length, limit)  # type: ignore[arg-type]
    vocabulary.fill(texts)
    return vocabulary


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's RED,  isn't it?", ["it's", "red", "isn't", "it"]),
        ("\ufb01ne \uff21\uff22 caf\u00e9 cafe\u0301", ["fine", "ab", "caf\u00e9", "caf\u00e9"]),
        ("красная птица", ["красная", "птица"]),
        ("赤い鳥", ["赤い鳥"]),
        (" ... ", []),
    ],
)
def test_words_are_lower_case_and_nfkc(text: str, words: list[str]) -> None:
    assert tokens_of(text, "word") == words


def test_characters_are_all_there_with_single_spaces() -> None:
    assert tokens_of("A  b!\n", "character") == ["a", " ", "b", "!"]


def test_texts_become_numbers_that_are_filled_up_or_cut_off() -> None:
    vocabulary = filled("word", TEXTS, length=4)
    numbers = vocabulary.encode(["a bird", "a a a a red"])
    assert numbers.dtype == torch.int64
    a, bird = numbers[0, :2].tolist()
    assert numbers.tolist() == [[a, bird, PADDING, PADDING], [a] * 4]
    assert len({a, bird, PADDING, UNKNOWN}) == 4
    assert torch.equal(numbers[:1], vocabulary.encode(["A  BIRD!"]))


def test_rare_tokens_stay_unknown_where_there_is_no_room() -> None:
    vocabulary = filled("word", TEXTS, limit=5)
    assert len(vocabulary) == 3
    assert [token in vocabulary for token in ("a", "bird", "red", "beak", "blue")] == [True] * 3 + [False] * 2
    with pytest.warns(UserWarning, match="blue"):
        assert vocabulary.encode(["a bird blue"])[0, :3].tolist() == [2, 3, UNKNOWN]


def test_unknown_words_are_named_once() -> None:
    vocabulary = filled("word", TEXTS)
    with pytest.warns(UserWarning, match=r"Not among the 6 words .* <unk>: zebra, green\.") as caught:
        vocabulary.encode(["a zebra", "a green zebra"])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert UNKNOWN in vocabulary.encode(["a zebra"])
        assert UNKNOWN not in vocabulary.encode(["a red bird"])
    with pytest.warns(UserWarning, match="w0, .* and 2 more"):
        vocabulary.encode([" ".join(f"w{number}" for number in range(12))])


def test_other_scripts_are_read_by_character_and_unknown_by_word() -> None:
    texts = ["赤い鳥", "青い鳥"]
    by_character = filled("character", texts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mixed = by_character.encode(["青い赤", "赤い青"])
    assert UNKNOWN not in mixed
    assert not torch.equal(mixed[0], mixed[1])
    with pytest.warns(UserWarning, match="words that the text encoder knows.*: 青い赤"):
        assert filled("word", texts).encode(["青い赤"])[0, 0] == UNKNOWN


@pytest.mark.parametrize("text", ["", "  \n", "!?"])
def test_a_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Text 1 is .*: there is no word in it"):
        filled("word", TEXTS).encode(["a bird", text])


def test_an_empty_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="The vocabulary is empty"):
        Vocabulary("word", 8, 50).encode(["a bird"])
    with pytest.raises(ValueError, match="There is no word in the captions"):
        filled("word", ["", "!"])


def test_tokens_travel_in_the_state_in_plain_types() -> None:
    vocabulary = filled("word", TEXTS)
    state = vocabulary.state_dict()
    assert state["_extra_state"] == {"tokens": ["a", "bird", "red", "beak", "blue", "with"]}
    other = Vocabulary("word", 8, 50)
    other.load_state_dict(state)
    assert torch.equal(other.encode(TEXTS), vocabulary.encode(TEXTS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sentence", 8, 50), "level is 'sentence'"),
        (("word", 0, 50), "length is 0"),
        (("word", 8, 2), "limit 2"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: tuple[str, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary(*arguments)  # type: ignore[arg-type]
