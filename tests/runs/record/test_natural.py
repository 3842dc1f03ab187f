"""Names are sorted as people count."""

import random

from hypothesis import given
from hypothesis import strategies as st

from autrainer.runs.record.natural import natural_key

NAMES = [
    "Toy_FFNN_Adam_1e-05_8_epoch_1_None_None_1",
    "Toy_FFNN_Adam_0.002_8_epoch_1_None_None_1",
    "Toy_FFNN_Adam_0.01_8_epoch_1_None_None_2",
    "Toy_FFNN_Adam_0.01_8_epoch_1_None_None_11",
    "Toy_FFNN_Adam_0.01_8_epoch_1_None_None_109",
    "Toy_FFNN_Adam_0.01_16_epoch_1_None_None_1",
]


def test_numbers_in_names_count_by_their_values():
    mixed = random.Random(1).sample(NAMES, len(NAMES))
    assert sorted(mixed, key=natural_key) == NAMES


@given(st.lists(st.text("0123456789.e-_aB²٣")))
def test_any_texts_have_one_order(texts):
    backwards = texts[::-1]
    assert sorted(backwards, key=natural_key) == sorted(texts, key=natural_key)


@given(st.lists(st.integers(0, 10**20)))
def test_whole_numbers_are_sorted_as_numbers(numbers):
    texts = sorted(map(str, numbers), key=natural_key)
    assert [float(text) for text in texts] == sorted(map(float, numbers))
