"""Exercises distinguish right, wrong and missing answers."""

import builtins
import importlib
import re
from types import SimpleNamespace

import keras
import nbformat
import numpy as np
import pytest
import source
import tensorflow as tf
from scipy.stats import mannwhitneyu

from helpers import kernel, results
from helpers.exercises import (
    ____,
    lesson_01,
    lesson_05,
    lesson_07,
    lesson_08,
    lesson_09,
    progress,
)
from helpers.exercises.engine import Exercise, literal
from tools import _pinned

ALL = progress.exercises()
EACH = [
    pytest.param(exercise, id=f"{lesson[:2]}-q{exercise.number}")
    for lesson, exercises in ALL.items()
    for exercise in exercises
]


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """Keep the exercises solved here apart from those of a learner."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))


def doubled(**changes):
    """An exercise that asks for twice 3."""
    declared = {
        "fill": "6",
        "wrong": (literal("9", "That is the square."),),
        "clue": "Add it to itself.",
        "more": "Doubling is a shift.",
    }
    return Exercise("01_small", 1, **declared | changes)


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (____, "Exercise 1: not started. Put your answer in place of ____"),
        (6, "Exercise 1: correct. Doubling is a shift."),
        (9, "Exercise 1: not yet. That is the square."),
        (7, "Exercise 1: not yet. check.q1.hint() helps."),
        ("six", "Exercise 1: not yet. check.q1.hint() helps."),
        (np.ones(3), "Exercise 1: not yet. check.q1.hint() helps."),
    ],
)
def test_an_answer_gets_its_reply(answer, reply, capsys):
    doubled()(answer)
    assert capsys.readouterr().out.startswith(reply)
    is_right = ": correct." in reply
    assert results.solved() == ({"01_small": [1]} if is_right else {})


@pytest.mark.parametrize(
    "answer", [[____], {1, ____}, {"a": (____, 1)}, np.array([____, 1])]
)
def test_a_blank_inside_an_answer_is_not_started(answer):
    assert doubled().evaluate(answer)[0] == "not started"


def test_a_function_is_checked_by_its_result_for_an_example():
    asked = doubled(value=lambda function: function(3))
    assert asked.evaluate(lambda x: 2 * x)[0] == "correct"
    assert asked.evaluate(lambda x: x * x)[1] == "That is the square."
    assert asked.evaluate(lambda x: ____)[0] == "not started"
    verdict, text = asked.evaluate(lambda x: x["three"])
    assert verdict == "not yet"
    assert text.startswith("Your code stops with TypeError: 'int' object")


def test_hint_and_solution(capsys):
    doubled().hint()
    assert capsys.readouterr().out == "Hint 1: Add it to itself.\n"
    doubled().solution()
    assert capsys.readouterr().out == (
        "In place of ____: 6\nDoubling is a shift.\n"
    )


def test_the_page_shows_what_is_solved(capsys):
    for number in (2, 2, 1):
        results.log_solved("01_data_prep", number)
    progress.show()
    assert "01_data_prep         2 of 4 done, open: q3, q4" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("exercise", EACH)
def test_an_exercise_declares_three_wrong_answers_or_more(exercise):
    answers = [exercise.fill, *(wrong.fill for wrong in exercise.wrong)]
    assert len(answers) >= 4
    assert len(set(answers)) == len(answers)


def test_each_lesson_has_four_exercises_or_more_in_order():
    assert [*ALL] == [path.stem for path in _pinned.notebooks()[1:]]
    for exercises in ALL.values():
        numbers = [exercise.number for exercise in exercises]
        assert numbers == list(range(1, max(4, len(exercises)) + 1))


def overconfidence(p, labels, level):
    """Return the right answer, computed row by row."""
    pairs = [
        (max(row), np.argmax(row) == label)
        for row, label in zip(p, labels, strict=True)
        if max(row) >= level
    ]
    confidence, correct = np.mean(pairs, axis=0)
    return confidence - correct


def most_accurate(correct, sizes):
    """Return the right answer, by sorting."""
    by_size = sorted(correct, key=sizes.get)
    return max(by_size, key=lambda name: sum(correct[name]))


def stacked(application, preprocess_input):
    """Return the right answer, with layers of its own."""
    base = application(False, None, input_shape=(299, 299, 3))
    base.trainable = False
    scaled = keras.layers.Lambda(preprocess_input)
    average = keras.layers.GlobalAveragePooling2D()
    start = keras.Input((299, 299, 3))
    return keras.Sequential([start, scaled, base, average])


def on_scaled(application, preprocess_input):
    """Return the right answer, from a base that starts at scaled pixels."""
    pixels = keras.Input((299, 299, 3))
    scaled = preprocess_input(pixels)
    base = application(False, None, pooling="avg", input_tensor=scaled)
    base.trainable = False
    return keras.Model(pixels, base.output)


def mixed(ds):
    """Return the right answer, with a buffer for all photos."""
    return ds.cache().shuffle(len(ds)).batch(16).prefetch(1)


def endless(ds):
    return ds.shuffle(1000).batch(16).repeat()


def as_listed(ds):
    return ds.batch(16)


def of_a_few(ds):
    return ds.cache().shuffle(100).batch(16)


def by_dataset(build, strategy, x, y):
    """Return the right answer, with a dataset of global batches."""
    with strategy.scope():
        model = build()
    ds = tf.data.Dataset.from_tensor_slices((x, y))
    model.fit(ds.batch(32 * strategy.num_replicas_in_sync))


def small_batches(build, strategy, x, y):
    with strategy.scope():
        model = build()
    model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(32))


def handed_over(trained):
    """Return the right answer, as a functional model."""
    pixels = keras.Input((299, 299, 3))
    logits = trained(pixels / 127.5 - 1)
    return keras.Model(pixels, keras.ops.softmax(logits))


def dealt(ds, decode, index, count):
    """Return the right answer, with a filter."""
    own = ds.enumerate().filter(lambda i, _: i % count == index)
    return own.map(lambda _, path: decode(path)).batch(16)


def in_chunks(ds, decode, index, count):
    return ds.skip(18 * index).take(18).map(decode).batch(16)


def of_pretrained(application, preprocess_input):
    return application(include_top=False, pooling="avg")


@pytest.mark.parametrize(
    ("exercise", "right", "wrong", "reply"),
    [
        (lesson_01.q3, mixed, endless, "reads every file again"),
        (lesson_01.q3, mixed, as_listed, "in the order of the files"),
        (lesson_01.q3, mixed, of_a_few, "hold all photos"),
        (lesson_05.q1, overconfidence, lambda p, labels, level: p, "hint"),
        (lesson_07.q1, handed_over, lambda trained: trained.layers, "hint"),
        (lesson_08.q3, most_accurate, lambda correct, sizes: "z", "hint"),
        (lesson_08.q4, stacked, of_pretrained, "use weights=None"),
        (lesson_08.q4, stacked, lambda application, scale: [], "no Keras"),
        (lesson_08.q4, on_scaled, of_pretrained, "use weights=None"),
        (lesson_09.q1, dealt, in_chunks, "hint"),
        (lesson_09.q2, by_dataset, small_batches, "batch"),
    ],
)
def test_code_is_checked_by_what_it_does(exercise, right, wrong, reply):
    assert exercise.evaluate(right)[0] == "correct"
    verdict, feedback = exercise.evaluate(wrong)
    assert verdict == "not yet"
    assert reply in feedback


# --- The cells of the lessons ---------------------------------------------


def read(lesson):
    path = _pinned.NOTEBOOKS / f"{lesson}.ipynb"
    return nbformat.read(path, as_version=4)


def number_of(cell):
    """Return the number of the exercise that a cell holds, or None."""
    if cell.cell_type != "code":
        return None
    found = re.findall(r"^check\.q(\d+)\(", cell.source, re.M)
    return int(found[0]) if found else None


def expected(exercise):
    """Yield (answer, how the reply to it begins)."""
    name = f"Exercise {exercise.number}:"
    yield "____", f"{name} not started."
    for wrong in exercise.wrong:
        yield wrong.fill, f"{name} not yet. {wrong.feedback}"
    yield exercise.fill, f"{name} correct. {exercise.more}"


@pytest.fixture
def stand_ins(base):
    """What the cells of exercises read, as small as the checks allow."""
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(6), 40)
    cost = rng.uniform(1, 20, (6, 6)) * (1 - np.eye(6))
    last = keras.layers.Dense(6, "softmax", bias_initializer="ones")
    last.build((None, 9))
    return {
        "model": SimpleNamespace(trainable_weights=[0] * 4, weights=[0] * 9),
        "test": range(300),
        "base": base,
        "boundary": base.layers.index(base.get_layer("mixed8")) + 1,
        "calibrated": probabilities,
        "cost": cost,
        "count": 6,
        "last": last,
        "tf": tf,
        "total": rng.normal(size=(8, 8)),
        "maps": rng.normal(size=(9, 8, 8, 5)).astype("float32"),
        "trusted": rng.random(100),
        "probs": probabilities,
        "noisy": rng.integers(0, 6, 40),
        "mannwhitneyu": mannwhitneyu,
        "speed_up": lambda gigabits: lambda n: n / (1 + (n - 1) / 15.5),
    }


@pytest.mark.parametrize("lesson", ALL)
def test_every_declared_answer_gets_its_reply(lesson, stand_ins, capsys):
    check = importlib.import_module(f"helpers.exercises.lesson_{lesson[:2]}")
    cells = [c for c in read(lesson).cells if number_of(c)]
    assert [number_of(c) for c in cells] == [e.number for e in ALL[lesson]]
    for cell, exercise in zip(cells, ALL[lesson], strict=True):
        assert cell.source.count("____") == 1
        for answer, reply in expected(exercise):
            given = {"np": np, "keras": keras, "check": check, "____": ____}
            exec(cell.source.replace("____", answer), given | stand_ins)
            text = " ".join(capsys.readouterr().out.split())
            assert text[: len(reply)] == reply


@pytest.mark.parametrize("lesson", ALL)
def test_the_cells_above_an_exercise_define_what_it_reads(lesson):
    defined, answered = set(vars(builtins)), set()
    exercises = {exercise.number: exercise for exercise in ALL[lesson]}
    for cell in read(lesson).cells:
        if cell.cell_type != "code":
            continue
        number = number_of(cell)
        if number:
            for answer, _ in expected(exercises[number]):
                code = cell.source.replace("____", answer)
                # An answer may use names that it defines itself.
                assert source.read(code) <= defined | source.defined(code)
            answered |= source.defined(cell.source)
        else:
            defined |= source.defined(cell.source)
            # A wrong answer changes nothing further down.
            assert not source.read(cell.source) & (answered - defined)


def test_solutions_are_correct_in_a_kernel_and_recorded(monkeypatch):
    for name, value in _pinned.environment().items():
        monkeypatch.setenv(name, value)
    lesson = "01_data_prep"
    notebook = read(lesson)
    exercises = {exercise.number: exercise for exercise in ALL[lesson]}
    asked = [c for c in notebook.cells if number_of(c)]
    for cell in asked:
        exercise = exercises[number_of(cell)]
        cell.source = cell.source.replace("____", exercise.fill)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    notebook.cells = [*code[:2], *asked]  # all that these exercises need
    kernel.client(notebook, _pinned.NOTEBOOKS / f"{lesson}.ipynb").execute()
    for cell in asked:
        assert ": correct. " in cell.outputs[0].text
    noted = _pinned.WORK / "results" / f"exercises-{lesson}.json"
    assert noted.is_file()
    noted.unlink()
