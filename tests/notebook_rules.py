"""What a lesson keeps to. Each rule: notebook -> a list of sentences.

nbval runs every cell, but some faults pass it in silence: shell lines,
unknown magics, threads, cells that were never run. Others only a reader
would notice: long cells, no list of what is needed. They are found here,
in the notebook as it is stored.
"""

import ast
import re
import statistics

import nbformat

from tools import _outputs

CHECK = "nbval-check-output"
HIDING_TAGS = {"raises-exception", "skip-execution"}
# Their failures stay in another thread or process: the cell passes.
UNSEEN = {
    "_thread",
    "concurrent",
    "multiprocessing",
    "subprocess",
    "threading",
}
UNSEEN_CALLS = {"get_ipython", "os.popen", "os.system"}


def _cells(notebook, kind):
    """Yield (label, cell) of all cells of one kind."""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == kind:
            yield _outputs.label(number, cell), cell


def _lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def _tags(cell):
    return cell.metadata.get("tags", [])


def is_valid(notebook):
    """The file is a notebook of format 4.5, whose cells have ids."""
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        return [f"not a valid notebook: {error.message}"]
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        return ["older than format 4.5: its cells have no ids"]
    return []


def names_python(notebook):
    """The metadata say that the language is Python."""
    name = notebook.metadata.get("language_info", {}).get("name")
    return [] if name == "python" else [f"the language is {name}, not python"]


def is_plain_python(notebook):
    """No shell lines, magics or `?`: nbval does not see them fail."""
    found = []
    for label, cell in _cells(notebook, "code"):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            found.append(f"{label}: not plain Python: {error.text!r}")
    return found


def has_no_unseen_work(notebook):
    """No threads or processes: nbval does not see them fail."""
    found = []
    for label, cell in _cells(notebook, "code"):
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            continue  # is_plain_python says so
        for name in _names(tree):
            if name.partition(".")[0] in UNSEEN or name in UNSEEN_CALLS:
                found.append(f"{label}: {name} hides its failures from nbval")
    return found


def _names(tree):
    """Yield the modules that are imported and the functions called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{a.name}" for a in node.names)
        elif isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def ran_in_order(notebook):
    """The code cells were run once each, from the first to the last."""
    found = []
    for count, (label, cell) in enumerate(_cells(notebook, "code"), 1):
        if not cell.source.strip():
            found.append(f"{label}: empty")
        elif cell.execution_count is None:
            found.append(f"{label}: never run")
        elif cell.execution_count != count:
            found.append(
                f"{label}: has the count {cell.execution_count}, not {count}"
            )
    return found


def has_clean_outputs(notebook):
    """No stored errors, stderr, warnings, addresses, machine paths."""
    return _outputs.complaints(notebook)


def hides_nothing(notebook):
    """No tag, comment or setting that spares a cell from nbval."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        label = _outputs.label(number, cell)
        for tag in _tags(cell):
            marks = tag.startswith(("nbval-", "pytest-validate-"))
            if tag in HIDING_TAGS or (marks and tag != CHECK):
                found.append(f"{label}: the tag {tag} hides failures")
            elif tag == CHECK and cell.cell_type != "code":
                found.append(f"{label}: {CHECK} on a cell that has no output")
        if re.search(r"NBVAL_|PYTEST_VALIDATE_", cell.source):
            found.append(f"{label}: an nbval marker in the text; use the tag")
    if "allow_errors" in str(notebook.metadata):
        found.append("the notebook's metadata allow errors")
    return found


def checks_have_output(notebook):
    """A cell to be compared shows text; nbval compares no pictures."""
    found = []
    for label, cell in _cells(notebook, "code"):
        if CHECK in _tags(cell) and not any(map(_says, cell.outputs)):
            found.append(f"{label}: {CHECK}, but no text to compare")
    return found


def _says(output):
    """Say whether an output holds text that nbval compares."""
    if output.output_type == "stream":
        return bool(output.text.strip())
    text = output.get("data", {}).get("text/plain", "")
    return bool(text) and not text.startswith("<Figure")


def checks_enough(notebook):
    """At least three cells are compared with what they printed."""
    count = sum(CHECK in _tags(c) for _, c in _cells(notebook, "code"))
    return [] if count >= 3 else [f"{count} cells tagged {CHECK}, 3 needed"]


def has_short_cells(notebook):
    """Code cells are short enough to be read at a glance."""
    found = []
    sizes = [len(_lines(c)) for _, c in _cells(notebook, "code")]
    if not sizes:
        return ["no code"]
    if statistics.median(sizes) > 4:
        found.append(f"median {statistics.median(sizes):g} lines a cell, > 4")
    # The size that 95 % of the cells stay under.
    large = sorted(sizes)[min(len(sizes) - 1, int(0.95 * len(sizes)))]
    if large > 15:
        found.append(f"95th percentile {large} lines a cell, > 15")
    for label, cell in _cells(notebook, "code"):
        if len(_lines(cell)) > 25:
            found.append(f"{label}: {len(_lines(cell))} lines, > 25")
        widest = max(map(len, _lines(cell)), default=0)
        if widest > 79:
            found.append(f"{label}: a line of {widest} characters, > 79")
    return found


def has_lesson_length(notebook):
    """A lesson has 25 to 45 cells."""
    return _length(notebook, 25, 45)


def has_start_length(notebook):
    """The first notebook has 12 to 30 cells."""
    return _length(notebook, 12, 30)


def _length(notebook, least, most):
    count = len(notebook.cells)
    if least <= count <= most:
        return []
    return [f"{count} cells, not {least} to {most}"]


def opens_well(notebook):
    """The first cell has the title, the questions, the time, the needs."""
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown":
        return ["the first cell is not Markdown"]
    found = []
    if not re.match(r"# \S", first.source):
        found.append("the first cell does not begin with a title")
    label = r"(?im)(?:^[\W_]*|\*\*){}\b"
    for pattern, what in (
        (label.format("questions?"), "a line that begins with Questions"),
        (label.format("time") + r".*\d+\s*min", "Time, in minutes"),
        (label.format("needs?"), "a line that begins with Needs"),
    ):
        if not re.search(pattern, first.source):
            found.append(f"the first cell lacks {what}")
    return found


def ends_well(notebook):
    """The last cell says what was learned and where to read on."""
    last = notebook.cells[-1] if notebook.cells else None
    if last is None or last.cell_type != "markdown":
        return ["the last cell is not Markdown"]
    return [
        f"the last cell lacks {words!r}"
        for words in ("What you learned", "Further reading")
        if words.lower() not in last.source.lower()
    ]


def folder_lines(notebook):
    """Return (not a rule) the lines of code that choose the photos."""
    return [
        line
        for _, cell in _cells(notebook, "code")
        for line in cell.source.splitlines()
        if line.startswith("FOLDER")
    ]


def chooses_photos_once(notebook):
    """One line, and one only, says which folder of photos is used."""
    lines = folder_lines(notebook)
    if len(lines) == 1:
        return []
    return [f"{len(lines)} lines that begin with FOLDER, 1 needed"]


EVERY = (
    is_valid,
    names_python,
    is_plain_python,
    has_no_unseen_work,
    ran_in_order,
    has_clean_outputs,
    hides_nothing,
    checks_have_output,
    has_short_cells,
    opens_well,
    ends_well,
)
START = EVERY + (has_start_length,)
LESSON = EVERY + (has_lesson_length, checks_enough, chooses_photos_once)
