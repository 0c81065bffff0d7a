"""Sets the workbook up and opens it: python3 start.py

Standard library only. It makes .venv, installs requirements.lock there and
opens the lessons in JupyterLab; `python3 start.py VERB` runs tools/VERB.py
instead. With `--from PACK` in front it takes what the lessons need from a
pack (tools/pack.py) and nothing from a network. It parses on Python 3.6 and
later, so that an old Python can be told what is missing.
"""

import os
import sys

if __name__ == "__main__":
    # PYTHONPATH is for other programs; it may even hold an old json.py.
    _folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    _foreign = {os.path.abspath(folder) for folder in _folders if folder}
    sys.path[:] = [p for p in sys.path if os.path.abspath(p) not in _foreign]

import ast
import contextlib
import glob
import hashlib
import json
import platform
import shutil
import signal
import socket
import subprocess

if os.name == "nt":
    import msvcrt
else:
    import fcntl

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
LOCK = os.path.join(ROOT, "requirements.lock")
FIRST = os.path.join("notebooks", "00_start_here.ipynb")

# TensorFlow has wheels for these; the first found is taken.
VERSIONS = ((3, 12), (3, 13), (3, 11))
SPACE = 4 * 10**9  # bytes: 2.4 GB installed, the rest while unpacking
COMMAND = "py start.py" if os.name == "nt" else "python3 start.py"

# Of a pack: what lists its files, what says how to use it, where its
# packages lie. And the folder that is made of one.
MANIFEST = "MANIFEST.json"
READ_FIRST = "READ_ME_FIRST.txt"
EDITION = "data/surfaces/edition.txt"  # see helpers/surfaces/render.py
WHEELS = "wheels"
NEW = "inception-workbook"
PLATFORMS = {
    ("Linux", "x86_64"): "linux_x86_64",
    ("Linux", "aarch64"): "linux_aarch64",
    ("Windows", "AMD64"): "win_amd64",
    ("Darwin", "arm64"): "macosx_arm64",
}

# Environment variables for other programs that would change results here or
# stop a start. `environment` also sets some of its own.
DROPPED = (
    *("PYTHONHOME", "PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHONOPTIMIZE"),
    *("PYTHONINSPECT", "PYTHONSAFEPATH", "PYTHONPLATLIBDIR"),
    *("JUPYTER_CONFIG_PATH", "JUPYTER_NO_CONFIG", "JUPYTER_PATH"),
    *("JUPYTER_PREFER_ENV_PATH", "JUPYTERLAB_DIR", "MPLBACKEND"),
    *("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "TF_USE_LEGACY_KERAS"),
    *("TF_CONFIG", "TF_XLA_FLAGS", "XLA_FLAGS"),
)
# The user's pip settings that say where packages come from. The others,
# such as `user` and `target`, would install them elsewhere or not at all.
PIP_SETTINGS = (
    *("index-url", "extra-index-url", "find-links", "no-index", "proxy"),
    *("cert", "client-cert", "trusted-host", "keyring-provider"),
    *("timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir"),
)

# Asked of each Python. It has to run on any, so it uses nothing recent.
_QUESTION = """
import sys, json
def has(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True
print(json.dumps({
    "version": sys.version_info[:2],
    "wide": sys.maxsize > 2**32,
    "venv": has("venv") and has("ensurepip"),
    "pip": has("pip"),
}))
"""

_NO_NETWORK = (
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "NameResolutionError",
    "name resolution",
    "ProxyError",
    "Network is unreachable",
    "connection broken",
)


class StartError(Exception):
    """One sentence for the learner, and the exit code."""

    def __init__(self, sentence, code=1):
        super().__init__(sentence)
        self.code = code


def main(argv):
    """Do what the command line asks; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A folder's name may hold letters that the terminal lacks.
            stream.reconfigure(errors="replace")
    try:
        return run(argv)
    except StartError as error:
        print(error, file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        where = error.filename or ROOT
        print(
            f"{where}: {error.strerror or error}; mend that, then start "
            "again.",
            file=sys.stderr,
        )
        return 1


def run(argv):
    """Read the command line, set up, hand over; return the exit code."""
    pack, argv = named_pack(argv)
    verb = argv[0] if argv else "--"
    if verb in ("-h", "--help", "help"):
        print(usage())
        return 0
    if verb == "--":
        check_port(argv[1:])
    elif verb not in verbs():
        raise StartError(
            f"{verb}: not something {COMMAND} does; it does "
            f"{', '.join(verbs())}, and --help says what each is for.",
            code=2,
        )
    if pack == os.path.realpath(ROOT):
        root = new_folder(pack)
        find_python(pack)  # says what is missing before anything is copied
        fill(pack, root)
        program = os.path.join(root, "start.py")
        command = [sys.executable, program, "--from", pack]
        return hand_over(command + argv, os.getcwd())
    if pack:
        fill(pack, ROOT)
    elif verb == "doctor":
        todo = next_step(VENV, LOCK)
        if todo:
            say(todo)
            return 1
    python = set_up(VENV, LOCK, pack)
    if verb == "--":
        say("JupyterLab opens in your browser; Ctrl-C here stops it.")
        return hand_over(jupyter_command(python, argv[1:]), ROOT)
    # -P: a json.py in the folder where the user stands is none of ours.
    command = [python, "-P", "-m", "tools." + verb]
    return hand_over(command + argv[1:], os.getcwd())


def say(text):
    # At once: what is started next writes to the same place.
    print(text, flush=True)


def verbs():
    """Return {verb: its one line}: the files of tools/ without a `_`."""
    found = {}
    for path in sorted(glob.glob(os.path.join(glob.escape(ROOT), "tools/*"))):
        name, suffix = os.path.splitext(os.path.basename(path))
        if suffix == ".py" and not name.startswith("_"):
            with open(path, encoding="utf-8") as file:
                found[name] = file.readline().strip().strip('"')
    return found


def usage():
    """Return the help text."""
    rows = [("", "Sets the workbook up and opens it in JupyterLab.")]
    rows += list(verbs().items())
    lines = [f"{COMMAND} {verb:<11} {line}" for verb, line in rows]
    lines.append("Without a network, from a pack that `pack` has made:")
    lines.append(f"{COMMAND} --from PACK [test, doctor, ...]")
    lines.append("What follows -- goes to JupyterLab, as in:")
    lines.append(f"{COMMAND} -- --port 9000")
    return "\n".join(lines)


def set_up(venv, lock, pack=None):
    """Make the folder `venv` hold what the file `lock` says.

    A second call finds the stamp of the first and installs nothing. With
    the folder of a `pack` all packages come from there.

    Returns:
        The path of the folder's Python.

    Raises:
        StartError: it can't be done; the sentence says what to do.
    """
    if not is_set_up(venv, lock, venv_facts(venv)):
        with alone(venv, lock):
            complete(venv, lock, pack)
    return venv_python(venv)


@contextlib.contextmanager
def alone(venv, lock):
    """Keep a second start from setting up `venv` at the same time.

    The system locks the file `lock` for as long as this process lives, so a
    start that was killed is in nobody's way.

    Raises:
        StartError: another start is at work.
    """
    with open(lock, "rb") as file:
        try:
            if os.name == "nt":
                file.seek(2**30)  # past its end, for pip has to read it
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise StartError(
                f"Another start is setting up {os.path.basename(venv)}: wait "
                "until it is through, then start again."
            ) from None
        except OSError:
            pass  # some network disks lock nothing
        yield


def complete(venv, lock, pack):
    """Do what `set_up` promises, and raise what it raises."""
    python, facts = venv_python(venv), venv_facts(venv)
    if is_set_up(venv, lock, facts):
        return  # by another start, a moment ago
    base = check(venv, facts, pack)
    source = wheels(pack, (facts or ask(base))["version"]) if pack else None
    if base:
        if base != [sys.executable]:
            say(
                f"This Python ({dotted(sys.version_info[:2])}) can't be used; "
                f"taking Python {dotted(ask(base)['version'])} from {base[0]}."
            )
        make_venv(venv, base)
        facts = ask([python])
        if not facts:
            raise StartError(
                f"The Python in {venv} does not run: delete that folder, then "
                "start again."
            )
    if not facts["pip"]:
        give_pip(venv, python)
    if source:
        say("Installing what the lessons need from the pack, in minutes ...")
        install(venv, python, lock, source)
    else:
        say(
            "Installing what the lessons need. The first time up to 0.7 GB "
            "are downloaded, which takes minutes ..."
        )
        install(venv, python, lock)
    quiet_news(venv)
    write(noted(venv), stamp(lock, facts["version"]))


def next_step(venv, lock):
    """Return what to do before the lessons are set up, or None if they are.

    Nothing is installed, or changed otherwise.
    """
    facts = venv_facts(venv)
    if is_set_up(venv, lock, facts):
        return None
    try:
        check(venv, facts)
    except StartError as error:
        return str(error)
    return (
        f"Run {COMMAND} where there is a network, for it downloads up to 0.7 "
        f"GB and takes minutes; with a pack, {COMMAND} --from PACK needs none."
    )


def check(venv, facts, pack=None):
    """See that `venv` can be set up, as far as can be seen beforehand.

    Args:
        facts: what the Python in `venv` says of itself, or None.
        pack: a folder that the packages are to come from, or None.

    Returns:
        The command of a Python to make `venv` with, or None if it is made.

    Raises:
        StartError: it can't be set up; the sentence says what to do.
    """
    if facts and not suitable(facts):
        raise StartError(
            f"The folder {venv} holds Python {dotted(facts['version'])}, and "
            "TensorFlow is made for Python 3.11, 3.12 and 3.13: rename or "
            "delete that folder, then start again."
        )
    check_machine()
    base = None if facts else find_python(pack)
    check_space(venv)
    return base


def venv_facts(venv):
    """Return what the Python of a venv says of itself, or None."""
    python = venv_python(venv)
    return ask([python]) if os.path.exists(python) else None


def is_set_up(venv, lock, facts):
    """Say whether a venv holds what `lock` says, by its stamp."""
    return bool(facts) and read(noted(venv)) == stamp(lock, facts["version"])


def noted(venv):
    """Return where a venv keeps its stamp."""
    return os.path.join(venv, "installed.txt")


def venv_python(venv):
    """Return where the Python of a venv is, or would be."""
    if os.name == "nt":
        return os.path.join(venv, "Scripts", "python.exe")
    return os.path.join(venv, "bin", "python")


def ask(command):
    """Return what a Python says of itself, or None if it does not run.

    A name on PATH proves nothing: pyenv puts `python3.12` there for a 3.12
    that is not chosen, and Windows one that opens its shop. It is asked in
    isolation (-I), so that the user's settings and the current folder can't
    make a good Python look broken.
    """
    try:
        answer = subprocess.run(
            command + ["-I", "-c", _QUESTION],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        facts = json.loads(answer.stdout.decode("utf-8"))
    except (OSError, ValueError):
        return None
    facts["version"] = tuple(facts["version"])
    return facts if answer.returncode == 0 else None


def suitable(facts):
    """Say whether TensorFlow is made for the Python that gave `facts`."""
    return facts["version"] in VERSIONS and facts["wide"]


def dotted(version):
    return ".".join(str(part) for part in version)


def candidates():
    """Yield the commands that may be a suitable Python, this one first."""
    yield [sys.executable]
    for version in VERSIONS:
        if os.name == "nt":
            yield ["py", "-" + dotted(version)]
        path = shutil.which("python" + dotted(version))
        if path:
            yield [path]
    for name in ("python3", "python"):
        path = shutil.which(name)
        if path:
            yield [path]


def find_python(pack=None):
    """Return the command of a Python to make a venv with.

    Args:
        pack: a folder that has to hold packages for it, or None.

    Raises:
        StartError: there is none, or none that can make a venv.
    """
    versions = pack_versions(pack) if pack else VERSIONS
    without_venv = None
    for command in candidates():
        facts = ask(command)
        if not facts or not suitable(facts):
            continue
        if facts["version"] not in versions:
            continue
        if facts["venv"]:
            return command
        without_venv = without_venv or (command, facts)
    if without_venv:
        command, facts = without_venv
        package = "python3-venv"
        if command != [sys.executable]:
            package = f"python{dotted(facts['version'])}-venv"
        raise StartError(
            f"Python's venv module is missing: sudo apt install {package} "
            "(or what your system calls it), then start again."
        )
    here = dotted(sys.version_info[:2])
    if pack:
        wanted = " or ".join(map(dotted, versions))
        raise StartError(
            f"This is Python {here}, and the pack has packages for Python "
            f"{wanted}, which is not found here: install that (whoever made "
            "the pack may have it), or ask for a pack for yours."
        )
    bits = "" if sys.maxsize > 2**32 else ", made for 32 bits"
    raise StartError(
        f"This is Python {here}{bits}, and TensorFlow is made for Python "
        "3.11, 3.12 and 3.13 of 64 bits: install one of them from "
        "https://www.python.org/downloads/ and start again."
    )


def check_machine():
    """Raise StartError on a Mac that TensorFlow is no longer made for."""
    if (platform.system(), platform.machine()) == ("Darwin", "x86_64"):
        raise StartError(
            "TensorFlow is no longer made for Intel Macs: on one, use Google "
            "Colab; on an Apple-silicon Mac, install the Python of "
            "https://www.python.org/downloads/ and start again with it."
        )


def check_space(venv):
    """Raise StartError if TensorFlow is yet to come and the disk too full."""
    for packages in ("lib/python3*/site-packages", "Lib/site-packages"):
        pattern = os.path.join(packages, "tensorflow-*.dist-info")
        if glob.glob(os.path.join(glob.escape(venv), pattern)):
            return
    free = shutil.disk_usage(ROOT).free
    if free < SPACE:
        raise StartError(
            f"Setting up needs {SPACE / 1e9:.0f} GB, and the disk of {ROOT} "
            f"has {free / 1e9:.1f} GB left: make room, then start again."
        )


def make_venv(venv, base):
    """Make a venv with the Python that the command `base` starts."""
    name = os.path.basename(venv)
    command = base + ["-m", "venv", venv]
    if os.path.isdir(venv) and os.listdir(venv):
        if not os.path.exists(os.path.join(venv, "pyvenv.cfg")):
            raise StartError(
                f"The folder {venv} is not one that Python made: rename it, "
                "then start again."
            )
        say(f"The Python in {name} is gone or broken; making {name} anew.")
        command.append("--clear")
    say(f"Making {name} ...")
    done = run_quietly(command)
    if done.returncode:
        raise StartError(
            f"Python could not make the folder {venv} "
            f"({last_line(done.stdout)}): mend that, then start again."
        )


def give_pip(venv, python):
    """Put pip where a venv was left without it."""
    done = run_quietly([python, "-m", "ensurepip", "--default-pip"])
    if done.returncode:
        raise StartError(
            f"The folder {venv} has no pip: rename or delete it, then start "
            "again."
        )


def run_quietly(command):
    """Run a command that asks nothing; return it with all it said."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        env=environment(),
    )


def last_line(output):
    lines = output.decode("utf-8", "replace").strip().splitlines()
    if not lines:
        return "it did not say why"
    return lines[-1].replace("ERROR:", "").strip().rstrip(".:")


def install(venv, python, lock, source=None):
    """Install the file `lock` into a venv, showing pip's progress.

    What an interrupted install has brought is kept: pip passes over it.

    Args:
        source: the folder of a pack that holds the packages. Without it
            they come from where pip looks by itself.

    Raises:
        StartError: it failed; all that pip said is in `venv`/install.log.
    """
    arguments = ["--require-hashes", "--only-binary=:all:", "-r", lock]
    if source:
        arguments += ["--no-index", "--find-links", source]
    pip(venv, python, "install", arguments)


def pip(venv, python, verb, arguments):
    """Run pip from ROOT, showing its progress.

    Raises:
        StartError: it failed; all that pip said is in `venv`/install.log.
    """
    # Progress goes to stdout and is the learner's; complaints go to stderr
    # and are kept, so that one sentence can be said of them.
    process = subprocess.Popen(
        [python, "-m", "pip", verb, "--disable-pip-version-check"]
        + ["--no-input"]
        + arguments,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=pip_environment(python, verb),
    )
    try:
        complaints = process.stderr.read()
        process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        say("\nStopped; the next start goes on from here.")
        raise
    finally:
        process.stderr.close()
    if process.returncode:
        log = os.path.join(venv, "install.log")
        write(log, complaints.decode("utf-8", "replace"))
        raise StartError(why_not_installed(complaints, log))


def pip_environment(python, verb):
    """Return environment variables that keep only PIP_SETTINGS of pip's.

    Args:
        python: the Python whose pip is meant.
        verb: what pip will do, for example "install".
    """
    done = run_quietly([python, "-m", "pip", "config", "list"])
    settings = {}
    # Lines such as: install.index-url='https://...'; :env: holds PIP_*.
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if name in PIP_SETTINGS and section in ("global", verb, ":env:"):
            with contextlib.suppress(ValueError, SyntaxError):
                settings[section, name] = ast.literal_eval(value)
    variables = environment()
    for name in [name for name in variables if name.startswith("PIP_")]:
        del variables[name]
    for section in ("global", verb, ":env:"):  # the last one wins
        for name in PIP_SETTINGS:
            if (section, name) in settings:
                variable = "PIP_" + name.upper().replace("-", "_")
                variables[variable] = settings[section, name]
    variables["PIP_CONFIG_FILE"] = os.devnull
    return variables


def why_not_installed(complaints, log):
    """Return one sentence for what pip wrote to stderr, as bytes."""
    text = complaints.decode("utf-8", "replace")
    if "No space left on device" in text or "[WinError 112]" in text:
        return (
            "The disk became full (pip also uses your "
            "folder for temporary files): make room, then start again."
        )
    if any(word in text for word in _NO_NETWORK):
        return (
            "The packages can't be downloaded, for the package index does "
            "not answer: see that this computer is online, then start again."
        )
    return (
        f"The packages could not be had ({last_line(complaints)}): "
        f"see {log} for all that pip said, then start again."
    )


def quiet_news(venv):
    """Keep JupyterLab from asking, over the first lesson, about news.

    A default, in the venv alone: what the learner sets in JupyterLab wins.
    """
    write(
        os.path.join(venv, "share/jupyter/lab/settings/overrides.json"),
        json.dumps(
            {
                "@jupyterlab/apputils-extension:notification": {
                    "fetchNews": "false",
                    "checkForUpdates": False,
                }
            }
        ),
    )


def stamp(lock, version):
    """Return what the stamp says when a venv is right: lock and Python."""
    return f"{digest(lock)} python {dotted(version)}\n"


def digest(path):
    """Return the SHA-256 of a file as a hex string."""
    running = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(2**20), b""):
            running.update(chunk)
    return running.hexdigest()


def read(path):
    """Return the text of a file, or None if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def write(path, text):
    """Write a file so that it is there whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = path + ".part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, path)


# --- A pack ---------------------------------------------------------------


def named_pack(argv):
    """Return the folder of the pack, or None, and the rest of `argv`.

    A start.py that lies in a pack needs not be told.
    """
    if argv and argv[0] == "--from":
        if len(argv) < 2:
            raise StartError(
                "--from: name the folder of the pack, as in "
                f"{COMMAND} --from {os.path.join('stick', 'pack')}",
                code=2,
            )
        return os.path.realpath(argv[1]), argv[2:]
    if os.path.exists(os.path.join(ROOT, MANIFEST)):
        return os.path.realpath(ROOT), argv
    return None, argv


def listed(pack):
    """Return {name: [bytes, SHA-256]} of the files of a pack.

    Names are relative to the folder, with `/` on every system.

    Raises:
        StartError: it is no whole pack.
    """
    text = read(os.path.join(pack, MANIFEST))
    try:
        files = dict(json.loads(text or "")["files"])
        for name in files:
            # A file from elsewhere must not be written beside the folder,
            # and Windows has more ways to name one.
            beside = name.startswith("/") or ".." in name.split("/")
            if beside or "\\" in name or ":" in name:
                raise ValueError(name)
        return files
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StartError(
            f"{pack} is no pack, or not a whole one, for it lacks a readable "
            f"{MANIFEST}, which comes last: see that the folder is the right "
            "one, or pack or copy it again."
        ) from None


def in_pack(pack, name):
    """Return the path of what a pack calls `name`."""
    return os.path.join(pack, *name.split("/"))


def is_whole(path, size, sha256):
    """Say whether a file is there and is what a pack says of it."""
    try:
        return os.path.getsize(path) == size and digest(path) == sha256
    except OSError:
        return False  # missing; or a stick that can't be read


def check_files(pack, names):
    """Raise StartError if files of a pack are not what it says of them."""
    files = listed(pack)
    bad = [n for n in names if not is_whole(in_pack(pack, n), *files[n])]
    if bad:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise StartError(
            f"{in_pack(pack, bad[0])}{more}: damaged or missing in the pack; "
            "bring it anew from where the pack was made (pack --copy FROM TO "
            "mends only what is not whole), then start again."
        )


def bring(source, target):
    """Copy a file so that it is there whole or not at all."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    part = target + ".part"
    shutil.copyfile(source, part)
    os.replace(part, target)


def fill(pack, root):
    """Put into the folder `root` what it lacks of a pack.

    What is there stays as it is, whatever it holds. Pictures that are there
    don't get the note that says of which edition those of the pack are.

    Raises:
        StartError: the pack is damaged, or of another version than `root`.
    """
    files = listed(pack)
    lock = os.path.basename(LOCK)
    if lock not in files:
        raise StartError(f"{pack} lists no {lock}: pack it again.")
    there = os.path.join(root, lock)
    if os.path.exists(there) and not is_whole(there, *files[lock]):
        raise StartError(
            f"The pack {pack} is of another version than {root}: go to "
            "another folder, and there start with the start.py of the pack."
        )
    drawn = os.path.dirname(EDITION)
    sets = [os.path.join(root, drawn, one) for one in ("photos", "remounted")]
    left = {READ_FIRST}
    if any(map(os.path.isdir, sets)):
        left.add(EDITION)
    missing = [
        name
        for name in files
        if not name.startswith(WHEELS + "/")
        and name not in left
        and not os.path.lexists(in_pack(root, name))
    ]
    if not missing:
        return
    # First what tells a later start that the folder is ours.
    missing.sort(key=lambda name: name != lock)
    size = sum(files[name][0] for name in missing) / 1e6
    say(f"Copying {len(missing)} files ({size:.0f} MB) to {root} ...")
    check_files(pack, missing)
    for name in missing:
        bring(in_pack(pack, name), in_pack(root, name))


def new_folder(pack):
    """Return the folder, under the current one, that a pack is put into.

    Raises:
        StartError: the current folder is the pack's, or that name is taken.
    """
    here = os.path.realpath(os.getcwd())
    if os.path.join(here, "").startswith(os.path.join(pack, "")):
        program = os.path.join(pack, "start.py")
        raise StartError(
            f"{here} is the pack itself: go to a folder of this computer's "
            f"own disk (cd ~), and there start {program}"
        )
    root = os.path.join(here, NEW)
    lock = os.path.join(root, os.path.basename(LOCK))
    if os.path.exists(root) and not os.path.exists(lock):
        if not os.path.isdir(root) or os.listdir(root):
            raise StartError(
                f"{root} is something else already: go to another folder, "
                "then start again."
            )
    return root


def platform_name():
    """Return what packs call this machine, for example "linux_x86_64"."""
    here = (platform.system(), platform.machine())
    return PLATFORMS.get(here, "_".join(here).lower())


def pack_versions(pack):
    """Return the Pythons that a pack has packages for on this machine.

    Returns:
        A list such as [(3, 11), (3, 12)], never empty.

    Raises:
        StartError: the pack has nothing for machines such as this.
    """
    ours = platform_name() + "-"
    targets = {n.split("/")[1] for n in listed(pack) if n.startswith(WHEELS)}
    found = [t[len(ours) :] for t in sorted(targets) if t.startswith(ours)]
    if not found:
        raise StartError(
            f"The pack has no packages for {platform_name()}, only for "
            f"{', '.join(sorted(targets))}: make one with pack --platform "
            f"{platform_name()}, or start here with a network."
        )
    return [tuple(map(int, version.split("."))) for version in found]


def wheels(pack, version):
    """Return the folder of the packages for this machine, all of it checked.

    Raises:
        StartError: the pack has none for this Python, or it is damaged.
    """
    if version not in pack_versions(pack):
        had = " and ".join(map(dotted, pack_versions(pack)))
        raise StartError(
            f"The pack has packages for Python {had} and none for the Python "
            f"{dotted(version)} of {VENV}: rename that folder, or make a pack "
            f"with --python {dotted(version)}."
        )
    folder = f"{WHEELS}/{platform_name()}-{dotted(version)}"
    say("Checking the pack ...")
    names = [n for n in listed(pack) if n.startswith(folder + "/")]
    check_files(pack, names)
    return in_pack(pack, folder)


# --- JupyterLab and the verbs ---------------------------------------------


def asked_port(args):
    """Return the port that JupyterLab's arguments name, or 0."""
    port = "0"
    for i, arg in enumerate(args):
        name, _, value = arg.partition("=")
        if name in ("--port", "--ServerApp.port"):
            port = value or "".join(args[i + 1 : i + 2])
    if not port.isdigit() or int(port) > 65535:
        raise StartError(
            f"{port or '(nothing)'}: not a port; give a number from 1024 to "
            f"65535, as in {COMMAND} -- --port 9000"
        )
    return int(port)


def check_port(args):
    """Raise StartError if JupyterLab could not listen where it is asked to.

    Without a wish JupyterLab looks for a free port itself. A port that was
    asked for is often forwarded from elsewhere, so another is no help.
    """
    port = asked_port(args)
    with socket.socket() as listener:
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            if port:
                other = 9000 if port != 9000 else 9001
                raise StartError(
                    f"Port {port} can't be used ({error.strerror}): choose "
                    f"another, as in {COMMAND} -- --port {other}"
                ) from None
            raise StartError(
                "JupyterLab needs a port on this computer, and none can be "
                f"opened ({error.strerror}): allow that, then start again."
            ) from None


def jupyter_command(python, args):
    """Return the command that opens the first lesson in JupyterLab."""
    command = [python, "-m", "jupyterlab", FIRST]
    command.append("--ServerApp.root_dir=" + ROOT)
    # One Ctrl-C is enough; JupyterLab would ask, and wait for an answer.
    command.append("--ServerApp.answer_yes=True")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # root in a container is usual
    return command + args


def environment():
    """Return the environment variables for what is started from here.

    What the user has set for other programs neither changes results nor
    stops a start. Kept are proxies, certificates, package indexes, KERAS_HOME
    and JupyterLab's user settings, such as its theme.
    """
    kept = {n: v for n, v in os.environ.items() if n not in DROPPED}
    if not kept.get("JUPYTERLAB_SETTINGS_DIR"):
        jupyter = os.path.expanduser("~/.jupyter")
        jupyter = kept.get("JUPYTER_CONFIG_DIR") or jupyter
        kept["JUPYTERLAB_SETTINGS_DIR"] = os.path.join(
            jupyter, "lab", "user-settings"
        )
    # In the encoding of the terminal, and `?` for the letters it lacks.
    encoding = kept.get("PYTHONIOENCODING", "").partition(":")[0]
    kept.update(
        IPYTHONDIR=os.path.join(VENV, "ipython"),
        JUPYTER_CONFIG_DIR=os.path.join(VENV, "jupyter"),
        KERAS_BACKEND="tensorflow",
        MATPLOTLIBRC=os.devnull,
        PYTHONIOENCODING=encoding + ":replace",
        PYTHONNOUSERSITE="1",
        PYTHONPATH=ROOT,
        VIRTUAL_ENV=VENV,
    )
    return kept


def hand_over(command, folder):
    """Run `command` in a folder, .venv first on PATH; return its code."""
    variables = environment()
    scripts = os.path.dirname(command[0])
    variables["PATH"] = os.pathsep.join(
        [scripts, variables.get("PATH", os.defpath)]
    )
    if os.name == "posix":
        # From here on this process is the command: signals and the exit
        # code are its own.
        os.chdir(folder)
        os.execve(command[0], command, variables)
    # Ctrl-C reaches the command as well; what to do is for it to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.call(command, cwd=folder, env=variables)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
