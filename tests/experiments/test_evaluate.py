"""Evaluation: skill is claimed where it is, never for noise, and never by shrinking the rows."""

import json
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from marketlab.data.labels import Label
from marketlab.errors import DataError
from marketlab.experiments.evaluate import Evaluation, LabelEvaluation, evaluate
from marketlab.experiments.evaluated_table import evaluation_table, verdict_line
from marketlab.models.forecast import Forecast
from rich.console import Console

Floats = npt.NDArray[np.float64]
NUMBER = Label("r", 1, "lead(close, 1)", "regression", 1, measure="return")
VARIANCE = Label("v", 5, "lead(close, 5)", "regression", 5, measure="log_variance")
BINARY = Label("up", 1, "lead(close, 1)", "binary", 1, edges=(0.0,))
THREE = Label("move", 1, "lead(close, 1)", "classification", 1, edges=(-0.5, 0.5))
BAND = Label("band", 1, "lead(close, 1)", "quantile", 1, levels=(0.05, 0.5, 0.95))


def forecast(grids: Sequence[Floats], labels: Sequence[Label] = (NUMBER,)) -> Forecast:
    """Make a Forecast, times in order, of (T, N) or (T, N, Q) grids by label."""
    T, N = grids[0].shape[:2]
    return Forecast(
        times=pd.date_range("2020-01-01", periods=T, tz="UTC").repeat(N),
        symbols=np.tile(np.array([f"S{n:02}" for n in range(N)], dtype=object), T),
        labels=tuple(labels),
        values={
            label.name: grid.reshape(T * N, -1) for label, grid in zip(labels, grids, strict=True)
        },
    )


def judged(
    y: Floats,
    model: Floats,
    label: Label = NUMBER,
    folds: int = 1,
    replications: int = 300,
    **yardsticks: Floats,
) -> LabelEvaluation:
    """Evaluate (T, N) truths and grids of one label."""
    fold = np.repeat(np.arange(len(y)) * folds // len(y), y.shape[1])
    evaluation = evaluate(
        "model",
        {label.name: y.ravel()},
        forecast([model], [label]),
        {name: forecast([grid], [label]) for name, grid in yardsticks.items()},
        fold,
        seed=1,
        replications=replications,
    )
    return evaluation.labels[0]


def correlated(rng: np.random.Generator, T: int = 250, N: int = 30) -> Floats:
    """Panel noise (T, N) whose symbols move together."""
    return 0.7 * rng.normal(size=(T, 1)) + 0.7 * rng.normal(size=(T, N))


def test_skill_by_hand() -> None:
    y = np.array([[1.0, 2.0], [3.0, np.nan]] * 20)
    found = judged(y, y + 1, zero=np.zeros_like(y), other=y + 2)
    # losses by time: the model 1, 1; zero (1 + 4) / 2, 9; other 4, 4
    assert found.best == "other"
    assert found.skill == pytest.approx(0.75)
    assert found.skills["skill"]["zero"] == pytest.approx(1 - 1 / 5.75)
    assert (found.times, found.rows, found.loss) == (40, 60, "squared error")
    assert list(found.metrics.index) == ["model", "zero", "other"]
    assert found.metrics["RMSE"]["model"] == 1


def test_skill_cannot_be_won_over_a_weak_yardstick() -> None:
    rng = np.random.default_rng(0)
    y = correlated(rng)
    found = judged(y, 0.3 * y, weak=np.full_like(y, 5.0), strong=0.6 * y)
    assert found.best == "strong"
    assert found.skill < 0
    assert not found.shown
    assert found.verdict == "worse than strong"
    assert found.skills["low"]["weak"] > 0.9


def test_the_answer_does_not_depend_on_the_order_of_samples_or_on_when_it_is_asked() -> None:
    rng = np.random.default_rng(1)
    y = correlated(rng, T=100, N=6)
    model, zero = forecast([correlated(rng, T=100, N=6)]), forecast([0 * y])
    order = rng.permutation(y.size)

    def shuffled(f: Forecast) -> Forecast:
        return Forecast(f.times[order], f.symbols[order], f.labels, {"r@1": f.values["r@1"][order]})

    folds = np.zeros(y.size, dtype=np.int64)
    args = "m", {"r@1": y.ravel()}, model, {"zero": zero}, folds
    first, again = (evaluate(*args, replications=100) for _ in range(2))
    assert json.dumps(first.as_dict()) == json.dumps(again.as_dict())
    other = evaluate("m", {"r@1": y.ravel()[order]}, shuffled(model), {"zero": shuffled(zero)},
                     folds, replications=100)  # fmt: skip
    a, b = first.labels[0], other.labels[0]
    assert (a.skill, a.low, a.high) == pytest.approx((b.skill, b.low, b.high))
    pd.testing.assert_frame_equal(a.metrics, b.metrics)


def test_noise_on_correlated_symbols_is_rarely_called_skill() -> None:
    claims, count = 0, 100
    for run in range(count):
        rng = np.random.default_rng(run)
        y = correlated(rng)
        guess = 0.05 * correlated(rng)
        found = judged(y, guess, replications=200, zero=np.zeros_like(y), mean=0 * y + 0.01)
        claims += found.shown
    assert claims <= 5


def test_a_planted_signal_is_found() -> None:
    found = 0
    for run in range(10):
        rng = np.random.default_rng(run)
        signal, noise = correlated(rng, T=1000), correlated(rng, T=1000)
        y = math.sqrt(0.05) * signal + math.sqrt(0.95) * noise
        entry = judged(y, math.sqrt(0.05) * signal, replications=200, zero=np.zeros_like(y))
        found += entry.shown
    assert found >= 9


def test_a_yardstick_without_answers_is_not_applicable_and_costs_no_rows() -> None:
    rng = np.random.default_rng(2)
    y = correlated(rng, T=60, N=4)
    half = np.where(rng.random(y.shape) < 0.5, np.nan, y)
    found = judged(y, 0.5 * y, zero=0 * y, absent=np.full_like(y, np.nan), half=half)
    assert found.rows == y.size
    assert found.best == "zero"
    assert found.metrics.loc[["absent", "half"]].isna().all(axis=None)
    assert found.skills.loc[["absent", "half"]].isna().all(axis=None)
    assert "absent: not applicable (not finite)" in found.notes
    assert any(note.startswith("half: not applicable (finite on only") for note in found.notes)


def test_cells_that_an_applicable_yardstick_lacks_are_left_out_for_all_and_said() -> None:
    y = correlated(np.random.default_rng(3), T=60, N=4)
    gap = 0 * y
    gap[0, 0] = np.nan
    found = judged(y, 0.5 * y, gap=gap, zero=0 * y)
    assert found.rows == y.size - 1
    assert found.metrics["RMSE"].nunique() == 2
    assert found.notes == ("1 of 240 cells left out: a yardstick had no answer",)


def test_a_model_cannot_choose_its_rows() -> None:
    y = correlated(np.random.default_rng(4), T=100, N=4)
    few = 0.5 * y
    few[0, :2] = np.nan
    assert judged(y, few, zero=0 * y).notes[0].startswith("model left 2 of 400 cells unanswered")
    many = np.where(np.abs(y) > 1, np.nan, y)
    with pytest.raises(DataError, match=r"no finite forecast of r@1 on .* of 400 test cells"):
        judged(y, many, zero=0 * y)


def test_a_label_without_truth_is_refused() -> None:
    y = np.full((50, 2), np.nan)
    with pytest.raises(DataError, match="no test cell has a truth for r@1"):
        judged(y, 0 * y, zero=0 * y)


def test_few_times_show_nothing() -> None:
    y = correlated(np.random.default_rng(5), T=29, N=3)
    found = judged(y, 0.9 * y, zero=0 * y)
    assert found.skill > 0.9
    assert math.isnan(found.low)
    assert found.verdict == "no skill shown"
    assert found.notes == ("only 29 test times: fewer than 30 show no skill",)


def test_an_exact_yardstick_leaves_nothing_to_win() -> None:
    y = correlated(np.random.default_rng(6), T=50, N=3)
    found = judged(y, 0.9 * y, oracle=y)
    assert math.isnan(found.skill)
    assert found.verdict == "no skill shown"
    assert "oracle is exact on these cells: no skill can be shown over it" in found.notes
    both = judged(y, y, oracle=y)
    assert both.skill == 0
    assert not both.shown


def test_no_applicable_yardstick_shows_nothing() -> None:
    y = correlated(np.random.default_rng(7), T=50, N=3)
    found = judged(y, y, absent=np.full_like(y, np.nan))
    assert (found.best, found.shown, found.folds) == ("", False, ())
    assert found.notes[-1] == "no yardstick is applicable: no skill can be shown"
    assert verdict_line(found) == "no yardstick is applicable: no skill shown"


def test_a_yardstick_as_the_model_has_no_skill_over_itself() -> None:
    y = correlated(np.random.default_rng(8), T=50, N=3)
    folds = np.zeros(y.size, dtype=np.int64)
    zero = forecast([0 * y])
    found = evaluate("zero", {"r@1": y.ravel()}, zero, {"zero": zero}, folds).labels[0]
    assert (found.skill, found.low, found.high) == (0, 0, 0)
    assert found.verdict == "no skill shown"
    assert list(found.metrics.index) == ["zero (model)", "zero"]


def test_folds_partition_the_times() -> None:
    rng = np.random.default_rng(9)
    y = correlated(rng, T=120, N=4)
    model = 0.5 * y
    model[:60] = 0
    found = judged(y, model, folds=2, zero=0 * y)
    first, second = found.folds
    assert (first.times, second.times) == (60, 60)
    assert first.end < second.start
    assert first.skill == 0
    assert second.skill == pytest.approx(0.75)
    assert first.skill < found.skill < second.skill
    assert second.low > 0


def test_a_time_that_two_folds_test_counts_once_in_the_bootstrap() -> None:
    y = correlated(np.random.default_rng(10), T=40, N=5)
    model, zero = forecast([0.5 * y]), forecast([0 * y])

    def twice(f: Forecast) -> Forecast:
        return Forecast(pd.DatetimeIndex(f.times.append(f.times)), np.tile(f.symbols, 2), f.labels,
                        {"r@1": np.tile(f.values["r@1"], (2, 1))})  # fmt: skip

    folds = np.repeat([0, 1], y.size)
    truth = {"r@1": np.tile(y.ravel(), 2)}
    found = evaluate("m", truth, twice(model), {"zero": twice(zero)}, folds).labels[0]
    once = evaluate("m", {"r@1": y.ravel()}, model, {"zero": zero}, folds[: y.size]).labels[0]
    assert (found.times, found.rows) == (40, 400)
    assert (found.skill, found.low, found.high) == (once.skill, once.low, once.high)
    assert found.metrics["IC"]["m"] == pytest.approx(once.metrics["IC"]["m"])


def test_blocks_are_at_least_the_lookahead() -> None:
    y = correlated(np.random.default_rng(11), T=100, N=3)
    assert judged(y, 0.5 * y, label=VARIANCE, zero=0 * y).block >= 5


def several() -> Evaluation:
    """Evaluate one of each task, some of whose figures are missing."""
    rng = np.random.default_rng(12)
    T, N = 80, 6
    y = correlated(rng, T, N)
    labels = (NUMBER, VARIANCE, BINARY, THREE, BAND)
    up, move = (y > 0).astype(float), np.digitize(y, [-0.5, 0.5], right=True).astype(float)
    truths = dict(zip([label.name for label in labels], (y, y, up, move, y), strict=True))
    sure = np.stack([0.5 - 0.3 * (2 * up - 1), 0.5 + 0.3 * (2 * up - 1)], axis=2)
    even = np.full((T, N, 2), 0.5)
    third = np.full((T, N, 3), 1 / 3)
    band = 0.3 * y[:, :, None] + np.array([-1.5, 0, 1.5])
    still = np.zeros((T, N, 3)) + np.array([-1.8, 0, 1.8])
    gone = [np.full((T, N, len(label.quantities)), np.nan) for label in labels]
    return evaluate(
        "net",
        {name: grid.ravel() for name, grid in truths.items()},
        forecast([0.4 * y, 0.4 * y, sure, third, band], labels),
        {
            "frozen-future": forecast(gone, labels),
            "climatology": forecast([0 * y, 0 * y, even, third, still], labels),
        },
        np.zeros(T * N, dtype=np.int64),
        leaks=True,
        replications=100,
    )


def test_every_task_is_judged_by_its_own_loss() -> None:
    found = several()
    losses = [entry.loss for entry in found.labels]
    assert losses == ["squared error"] * 2 + ["Brier score"] * 2 + ["pinball loss"]
    assert [entry.shown for entry in found.labels] == [True, True, True, False, True]
    number, variance, binary, three, band = found.labels
    assert number.skill == pytest.approx(1 - 0.36)
    assert binary.skill == pytest.approx(1 - 0.04 / 0.25)
    assert three.skill == 0
    assert "direction" in number.metrics
    assert "QLIKE" in variance.metrics
    assert {"cover 0.9", "below q0.05"} <= set(band.metrics)
    assert found.notes[0].startswith("5 targets were tested")


def test_metrics_json_holds_no_nan() -> None:
    found = several().as_dict()
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text) == found
    assert found["leaks"] is True
    assert not any(label["shown"] for label in found["labels"])
    entry = found["labels"][0]
    assert entry["metrics"]["frozen-future"]["RMSE"] is None
    assert entry["skills"]["frozen-future"]["skill"] is None
    assert entry["label"]["name"] == "r@1"
    assert entry["folds"][0]["start"] == "2020-01-01T00:00:00+00:00"


def test_the_table_reads_at_a_hundred_columns() -> None:
    console = Console(width=100, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as capture:
        console.print(evaluation_table(several()))
    text = capture.get()
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "…" not in text
    assert "over climatology: no evidence of skill" in text
    assert "skill shown" not in text  # the protocol leaks
    assert "not applicable" in text
    assert "THIS PROTOCOL LEAKS" in text
    assert "5 targets were tested" in text


def entry_of(skill: float, low: float, high: float) -> LabelEvaluation:
    nothing = pd.DataFrame()
    return LabelEvaluation(
        NUMBER, "squared error", 100, 100, nothing, "ewma", skill, low, high, 1.0, nothing, (), ()
    )


@pytest.mark.parametrize(
    ("figures", "line"),
    [
        ((0.034, 0.012, 0.055), "skill +3.4% [1.2%, 5.5%] over ewma: skill shown"),
        ((-0.002, -0.009, 0.004), "skill -0.2% [-0.9%, 0.4%] over ewma: no skill shown"),
        ((-0.02, -0.03, -0.01), "skill -2.0% [-3.0%, -1.0%] over ewma: worse than ewma"),
        ((0.1, math.nan, math.nan), "skill +10.0% [no interval] over ewma: no skill shown"),
        ((-1e-5, -3e-4, 4e-4), "skill +0.00% [-0.03%, 0.04%] over ewma: no skill shown"),
        ((math.nan,) * 3, "skill undefined over ewma: no skill shown"),
    ],
)
def test_the_verdict_in_a_line(figures: tuple[float, float, float], line: str) -> None:
    assert verdict_line(entry_of(*figures)) == line


def test_one_target_needs_no_word_on_their_number() -> None:
    assert Evaluation("m", (entry_of(0.1, 0.0, 0.2),), leaks=False).notes == ()
