"""The pages that learners get say what start.py accepts, prints and asks."""

import re

import pytest

from helpers.paths import ROOT
from tools import _venv, doctor

SETUP = ROOT / "docs" / "setup"
PAGES = {p.stem: p.read_text(encoding="utf-8") for p in SETUP.iterdir()}
COMMANDS = {
    "windows": "py start.py",
    "macos": "python3 start.py",
    "linux": "python3 start.py",
}
TAKE_HOME = (ROOT / "docs" / "take_home.md").read_text(encoding="utf-8")


def test_there_is_a_short_page_for_each_system_and_the_mails():
    assert set(PAGES) == {*COMMANDS, "chromebook", "mail"}
    for text in PAGES.values():
        assert len(text.split()) < 750


@pytest.mark.parametrize("system", COMMANDS)
def test_a_page_names_the_pythons_that_start_py_accepts(system):
    text = PAGES[system]
    assert _venv.needed(_venv.VERSIONS, None) in text
    named = set(re.findall(r"\b3\.\d+", text))
    assert named == {_venv.dotted(version) for version in _venv.VERSIONS}
    installer = re.findall(
        r"python\.org/downloads/release/python-(\d)(\d\d)", text
    )
    supported = {_venv.dotted(version) for version in _venv.VERSIONS}
    assert {".".join(pair) for pair in installer} <= supported
    assert installer or system == "linux"


@pytest.mark.parametrize(("system", "command"), COMMANDS.items())
def test_a_page_has_the_commands_of_its_system(system, command):
    typed = re.findall(r"(?m)^ +(py\S* start\.py.*)$", PAGES[system])
    assert typed == [f"{command} --weights starter", f"{command} doctor"]


@pytest.mark.parametrize("system", COMMANDS)
def test_the_ready_of_a_page_is_that_of_the_doctor(
    system, monkeypatch, capsys
):
    shown = re.findall(r"READY\n +Code .*: (\S+)", PAGES[system])
    assert [code[:3] for code in shown] == [system[:3]]
    monkeypatch.setattr(doctor, "_first_problem", lambda: None)
    monkeypatch.setattr(doctor, "code", lambda: shown[0])
    assert doctor.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    page = [line.strip() for line in PAGES[system].splitlines()]
    assert page[page.index("READY") :][:2] == lines


def test_the_codes_of_the_pages_have_the_form_of_the_doctors(monkeypatch):
    monkeypatch.setenv("WORKBOOK_WEIGHTS", "random")
    form = r"[a-z]{3}-\d+c-\d+g-py3\d+-tf\d+-[a-z]+"
    assert re.fullmatch(form, doctor.code())
    for text in (
        *PAGES.values(),
        (ROOT / "INSTRUCTORS.md").read_text("utf-8"),
    ):
        for code in re.findall(r"\b(?:win|mac|lin)-\S*[a-z]", text):
            assert re.fullmatch(form, code), code


@pytest.mark.parametrize(
    ("message", "systems"),
    [
        ("The packages could not be installed", [*COMMANDS]),
        ("TensorFlow no longer runs on Intel Macs", ["macos"]),
        ("Python's venv module is missing", ["linux"]),
    ],
)
def test_the_messages_in_the_pages_are_those_of_start_py(message, systems):
    source = (ROOT / "tools" / "_venv.py").read_text(encoding="utf-8")
    assert message in source
    assert [s for s in COMMANDS if message in PAGES[s]] == systems


def test_the_take_home_page_names_each_recipe_and_its_lesson():
    recipes = {path.name for path in (ROOT / "recipes").glob("*.py")}
    assert set(re.findall(r"\(\.\./recipes/(.*?)\)", TAKE_HOME)) == recipes
    links = re.findall(r"\]\(((?!http).*?)\)", TAKE_HOME)
    missing = [x for x in links if not (ROOT / "docs" / x).is_file()]
    assert missing == []
