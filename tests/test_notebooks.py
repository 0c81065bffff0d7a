"""The lessons keep to the rules, and each rule can be broken."""

import ast

import nbformat
import notebook_rules as rules
import pytest
from nbformat import v4

from tools import _outputs, _pinned, publish, regenerate

PATHS = _pinned.notebooks()
NEEDED = [
    "00_start_here",
    "01_data_prep",
    "02_frozen_baseline",
    "03_fine_tuning",
    "04_augmentation",
    "05_judge_and_explain",
    "06_ship_it",
    "07_your_own_photos",
    "08_scale_out",
]
LESSONS = [path for path in PATHS if path.stem in NEEDED[1:]]


def read(path):
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def cases():
    found = []
    for path in PATHS:
        kept = rules.EVERY
        if path.name.startswith("00_"):
            kept = rules.START
        elif path in LESSONS:
            kept = rules.LESSON
        for rule in kept:
            name = f"{path.stem}-{rule.__name__}"
            found.append(pytest.param(path, rule, id=name))
    return found


def test_the_lessons_are_all_there():
    stems = [path.stem for path in PATHS]
    assert [stem for stem in stems if stem in NEEDED] == NEEDED


@pytest.mark.parametrize(("path", "rule"), cases())
def test_a_notebook_keeps_to_a_rule(path, rule):
    assert rule(read(path)) == []


def test_the_lessons_take_the_same_photos():
    lines = {p.name: rules.folder_lines(read(p)) for p in LESSONS}
    assert len({tuple(found) for found in lines.values()}) <= 1, lines


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_as_regenerate_stores_it(path):
    notebook = read(path)
    _outputs.normalise(notebook)
    is_same = regenerate.text(notebook) == path.read_text(encoding="utf-8")
    # Not a plain comparison: pytest would print both, pictures and all.
    assert is_same, f"run: python3 start.py regenerate {path.stem}"


# From here on: small notebooks, right and broken.


@pytest.fixture
def right(notebook, code, text):
    """A small notebook that keeps to every rule but that of length."""
    return notebook(
        text(
            "# A title\n\n**Questions**: Why?\n\n**Time**: 5 minutes\n\n"
            "**Needs**: nothing"
        ),
        code('FOLDER = "photos"', 1),
        code("print(1)", 2, "1\n", ["nbval-check-output"]),
        code("print(2)", 3, "2\n", ["nbval-check-output"]),
        code("print(3)", 4, "3\n", ["nbval-check-output"]),
        text("## What you learned\nMuch.\n\n## Further reading\nMore."),
    )


def test_a_right_notebook_passes(right):
    length = rules.has_lesson_length
    for rule in [r for r in rules.LESSON if r is not length]:
        assert rule(right) == [], rule.__name__


def one(found, *words):
    """There is one complaint, and it has these words."""
    assert len(found) == 1, found
    for word in words:
        assert word in found[0]


def test_an_old_format_is_found(right):
    right.nbformat_minor = 4
    for cell in right.cells:
        del cell["id"]
    one(rules.is_valid(right), "4.5")


def test_a_malformed_notebook_is_found(right):
    del right.cells[1]["outputs"]
    one(rules.is_valid(right), "outputs")


def test_a_missing_language_is_found(right):
    del right.metadata["language_info"]
    one(rules.names_python(right), "python")


@pytest.mark.parametrize(
    "source",
    [
        "!exit 3",
        "files = !ls",
        "%nosuchmagic",
        "%matplotlib inline",
        "%%bash\nexit 3",
        "%%nosuchmagic\nraise ValueError",
        "x = %time 1",
        "print?",
    ],
)
def test_what_is_not_python_is_found(right, source):
    right.cells[1].source = source
    one(rules.is_plain_python(right), "cell 2", "not plain Python")


def test_percent_and_exclamation_in_python_are_right(notebook, code):
    source = 'print("%d!" % 3)\ntext = """\n%time\n!ls\n"""\nx = 7 \\\n% 2'
    assert rules.is_plain_python(notebook(code(source))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import threading",
        "from threading import Thread",
        "from concurrent.futures import ThreadPoolExecutor",
        "import subprocess",
        "import os\nos.system('exit 3')",
        "get_ipython().run_line_magic('nosuch', '')",
    ],
)
def test_unseen_work_is_found(right, source):
    right.cells[1].source = source
    found = rules.has_no_unseen_work(right)
    assert found
    assert "hides its failures" in found[0]


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "never run"), (1, "count 1, not 2"), (7, "count 7, not 2")],
)
def test_a_cell_out_of_order_is_found(right, count, words):
    right.cells[2].execution_count = count
    one(rules.ran_in_order(right), "cell 3", words)


def test_an_empty_cell_is_found(right):
    right.cells[1].source = " "
    one(rules.ran_in_order(right), "empty")


def test_a_count_that_was_stripped_is_found(right):
    for cell in right.cells:
        if cell.cell_type == "code":
            cell.execution_count = None
    assert len(rules.ran_in_order(right)) == 4


def test_a_stored_error_is_found(right):
    right.cells[1].outputs = [
        v4.new_output("error", ename="KeyError", evalue="x", traceback=[])
    ]
    one(rules.has_clean_outputs(right), "cell 2", "KeyError")


def test_stderr_is_found(right):
    right.cells[1].outputs = [
        v4.new_output("stream", name="stderr", text="loading\n")
    ]
    one(rules.has_clean_outputs(right), "stderr", "loading")


HOMES = [
    "/" + "home/ada/photos",
    "/" + "Users/ada/photos",
    "/" + "root/photos",
    "/" + "tmp/x.keras",
    "C:" + "\\Users\\ada",
]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("UserWarning: old", "a warning"),
        ("WARNING:absl:old", "a warning"),
        ("<function f at 0x7f00aa11bb22>", "memory address"),
        *((f"saved as {home}", "path of one machine") for home in HOMES),
    ],
)
@pytest.mark.parametrize("kind", ["stream", "text/plain", "text/html"])
def test_an_unclean_output_is_found(right, words, what, kind):
    if kind == "stream":
        output = v4.new_output("stream", name="stdout", text=words)
    else:
        output = v4.new_output("display_data", data={kind: words})
    right.cells[1].outputs = [output]
    one(rules.has_clean_outputs(right), "cell 2", what)


@pytest.mark.parametrize(
    "words",
    [
        "data/surfaces/train/a.png",
        "https://example.org/home/page",
        "ValueError: the file is empty",
        "no warnings, 0x1f",
    ],
)
def test_a_clean_output_passes(right, words):
    right.cells[1].outputs = [
        v4.new_output("stream", name="stdout", text=words)
    ]
    assert rules.has_clean_outputs(right) == []


def test_the_letters_of_a_picture_are_no_path(right):
    data = {"image/png": "ab+/" + "home/cd", "text/plain": "<Figure>"}
    right.cells[1].outputs = [v4.new_output("display_data", data=data)]
    assert rules.has_clean_outputs(right) == []


@pytest.mark.parametrize(
    "tag",
    [
        "raises-exception",
        "nbval-raises-exception",
        "nbval-skip",
        "nbval-ignore-output",
        "skip-execution",
    ],
)
def test_a_tag_that_hides_is_found(right, tag):
    right.cells[1].metadata.tags = [tag]
    one(rules.hides_nothing(right), "cell 2", tag)


@pytest.mark.parametrize("number", [0, 1])
def test_a_marker_in_the_text_is_found(right, number):
    right.cells[number].source += "\n# NBVAL_SKIP"
    one(rules.hides_nothing(right), f"cell {number + 1}", "marker")


def test_a_check_on_prose_is_found(right):
    right.cells[0].metadata.tags = ["nbval-check-output"]
    one(rules.hides_nothing(right), "cell 1", "no output")


def test_errors_that_are_allowed_are_found(right):
    right.metadata["execution"] = {"allow_errors": True}
    one(rules.hides_nothing(right), "allow errors")


FIGURE = {"image/png": "QQ==", "text/plain": "<Figure size 9x9 with 1 Axes>"}


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        [v4.new_output("display_data", data=FIGURE)],
        [v4.new_output("stream", name="stdout", text="\n")],
    ],
)
def test_a_check_of_nothing_is_found(right, outputs):
    right.cells[2].outputs = outputs
    one(rules.checks_have_output(right), "cell 3", "no text")


def test_too_few_checks_are_found(right):
    right.cells[2].metadata.tags = []
    one(rules.checks_enough(right), "2 cells")


def test_long_cells_are_found(right):
    for cell in right.cells[1:5]:
        cell.source = "\n\n".join(["x = 1"] * 5)
    one(rules.has_short_cells(right), "median 5")


def test_one_large_cell_is_found(right):
    right.cells[1].source = "\n".join(["x = 1"] * 16)
    one(rules.has_short_cells(right), "percentile 16")
    right.cells[1].source = "\n".join(["x = 1"] * 26)
    found = rules.has_short_cells(right)
    assert "cell 2" in found[1]
    assert "26 lines" in found[1]


def test_the_first_cell_is_counted_like_any_other(right):
    source = publish.first_cell("https://github.com/ada/workbook", "v1.0")
    right.cells[1].source = source
    assert rules.has_short_cells(right) == []
    for cell in right.cells[1:4]:
        cell.source = source
    one(rules.has_short_cells(right), "median 15")


def test_a_wide_line_is_found(right):
    right.cells[1].source = f'x = "{"a" * 74}"'
    one(rules.has_short_cells(right), "80 characters")


def test_a_notebook_without_code_is_found(notebook, text):
    one(rules.has_short_cells(notebook(text("# A"))), "no code")


@pytest.mark.parametrize(
    ("rule", "least", "most"),
    [(rules.has_lesson_length, 25, 45), (rules.has_start_length, 12, 30)],
)
def test_length_is_held(notebook, text, rule, least, most):
    for count in (least, most):
        assert rule(notebook(*(text("a") for _ in range(count)))) == []
    for count in (least - 1, most + 1):
        cells = [text("a") for _ in range(count)]
        one(rule(notebook(*cells)), f"{count} cells")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("# A title", "A title", "title"),
        ("**Questions**", "**Aims**", "Questions"),
        ("**Time**", "**Duration**", "Time"),
        ("5 minutes", "a while", "Time"),
        ("**Needs**", "**Wishes**", "Needs"),
    ],
)
def test_a_poor_opening_is_found(right, old, new, words):
    right.cells[0].source = right.cells[0].source.replace(old, new)
    one(rules.opens_well(right), words)


def test_an_opening_with_code_is_found(right):
    one(rules.opens_well(without(right, 0)), "not Markdown")


@pytest.mark.parametrize("words", ["What you learned", "Further reading"])
def test_a_poor_ending_is_found(right, words):
    right.cells[-1].source = right.cells[-1].source.replace(words, "...")
    one(rules.ends_well(right), words)


def test_an_ending_with_code_is_found(right):
    one(rules.ends_well(without(right, -1)), "not Markdown")


def without(notebook, index):
    del notebook.cells[index]
    return notebook


@pytest.mark.parametrize("source", ["x = 1", 'FOLDER = "a"\nFOLDER = "b"'])
def test_not_one_folder_of_photos_is_found(right, source):
    right.cells[1].source = source
    one(rules.chooses_photos_once(right), "FOLDER")


def test_every_rule_is_used():
    tree = ast.parse(open(rules.__file__, encoding="utf-8").read())
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and node.name != "folder_lines"
    }
    used = {rule.__name__ for rule in rules.START + rules.LESSON}
    assert defined == used
