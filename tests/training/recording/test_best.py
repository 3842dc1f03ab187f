"""Which iterations are the best, and which weights a run still needs."""

import math

from hypothesis import given
from hypothesis import strategies as st

from autrainer.metrics import MSE, Accuracy
from autrainer.training.recording.best import BestIterations
from autrainer.training.recording.history import History

SCORES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0, math.nan]), st.sampled_from([0.5, math.nan])),
    max_size=9,
)


def followed(metric, number, scores, *, looks_at):
    """The best iterations, and what was needed at each evaluation that was looked at."""
    history = History([metric.name, "dev_loss"])
    best, needed, dropped = BestIterations(number, metric, lambda: history), {}, set()
    for iteration, (score, loss) in enumerate(scores, 1):
        history.record(iteration, {metric.name: score, "dev_loss": loss})
        if iteration in looks_at:
            needed[iteration] = best.needed
            dropped |= set(best.dropped)
            assert not needed[iteration] & set(best.dropped)
    return best.ranked, needed, dropped


@given(SCORES, st.integers(1, 4), st.sampled_from([(Accuracy(), -1), (MSE(), 1)]))
def test_they_are_the_first_of_all_sorted_by_score(scores, number, measured):
    metric, sign = measured
    found, _, _ = followed(metric, number, scores, looks_at=())
    rows = enumerate(scores, 1)
    sound = [(sign * score, at) for at, (score, loss) in rows if not math.isnan(score + loss)]
    assert found == [at for _, at in sorted(sound)[:number]]


@given(SCORES, st.integers(1, 4), st.sets(st.integers(1, 9)))
def test_what_a_run_may_go_on_from_is_needed_and_whatever_is_not_has_been_dropped(
    scores, number, looks_at
):
    every = range(1, len(scores) + 1)
    _, needed, dropped = followed(Accuracy(), number, scores, looks_at=every)
    for at in every:
        for earlier in range(max(0, at - 2), at + 1):
            ranked, _, _ = followed(Accuracy(), number, scores[:earlier], looks_at=())
            assert set(ranked) <= needed[at]
    if scores:
        assert dropped == set(every) - needed[len(scores)]
    # A run that goes on sees the same as one that was never interrupted.
    assert {at: needed[at] for at in looks_at if at in every} == followed(
        Accuracy(), number, scores, looks_at=looks_at
    )[1]
