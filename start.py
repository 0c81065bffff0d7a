"""Sets the workbook up and opens it: python3 start.py

Standard library only. It makes .venv, installs requirements.lock there and
opens the lessons in JupyterLab; `python3 start.py VERB` runs tools/VERB.py
instead. It parses on Python 3.6 and later, so that an old Python can be
told what is missing.
"""

import glob
import hashlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
LOCK = os.path.join(ROOT, "requirements.lock")
FIRST = os.path.join("notebooks", "00_start_here.ipynb")

# TensorFlow has wheels for these; the first found is taken.
VERSIONS = ((3, 12), (3, 13), (3, 11))
SPACE = 4 * 10**9  # bytes: 2.4 GB installed, the rest while unpacking
COMMAND = "py start.py" if os.name == "nt" else "python3 start.py"

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
    if argv and argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if not argv or argv[0] == "--":
        check_port(argv[1:])
        python = set_up(VENV, LOCK)
        say("JupyterLab opens in your browser; Ctrl-C here stops it.")
        return hand_over(jupyter_command(python, argv[1:]))
    if argv[0] not in verbs():
        raise StartError(
            f"{argv[0]}: not something {COMMAND} does; it does "
            f"{', '.join(verbs())}, and --help says what each is for.",
            code=2,
        )
    python = set_up(VENV, LOCK)
    return hand_over([python, "-m", "tools." + argv[0]] + argv[1:])


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
    lines.append("What follows -- goes to JupyterLab, as in:")
    lines.append(f"{COMMAND} -- --port 9000")
    return "\n".join(lines)


def set_up(venv, lock):
    """Make the folder `venv` hold what the file `lock` says.

    A second call finds the stamp of the first and installs nothing.

    Returns:
        The path of the folder's Python.

    Raises:
        StartError: it can't be done; the sentence says what to do.
    """
    python = venv_python(venv)
    noted = os.path.join(venv, "installed.txt")
    facts = ask([python]) if os.path.exists(python) else None
    if facts and read(noted) == stamp(lock, facts["version"]):
        return python
    if facts and not suitable(facts):
        raise StartError(
            f"The folder {venv} holds Python {dotted(facts['version'])}, and "
            "TensorFlow is made for Python 3.11, 3.12 and 3.13: rename or "
            "delete that folder, then start again."
        )
    check_machine()
    base = None if facts else find_python()
    check_space(venv)
    if base:
        make_venv(venv, base)
        facts = ask([python])
        if not facts:
            raise StartError(
                f"The Python in {venv} does not run: delete that folder, then "
                "start again."
            )
    if not facts["pip"]:
        give_pip(venv, python)
    say(
        "Installing what the lessons need. The first time about 1 GB is "
        "downloaded, which takes minutes ..."
    )
    install(venv, python, lock)
    quiet_news(venv)
    write(noted, stamp(lock, facts["version"]))
    return python


def venv_python(venv):
    """Return where the Python of a venv is, or would be."""
    if os.name == "nt":
        return os.path.join(venv, "Scripts", "python.exe")
    return os.path.join(venv, "bin", "python")


def ask(command):
    """Return what a Python says of itself, or None if it does not run.

    A name on PATH proves nothing: pyenv puts `python3.12` there for a 3.12
    that is not chosen, and Windows one that opens its shop.
    """
    try:
        answer = subprocess.run(
            command + ["-c", _QUESTION],
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


def find_python():
    """Return the command of a Python to make a venv with.

    Raises:
        StartError: there is none, or none that can make a venv.
    """
    here = dotted(sys.version_info[:2])
    without_venv = None
    for command in candidates():
        facts = ask(command)
        if not facts or not suitable(facts):
            continue
        if not facts["venv"]:
            without_venv = without_venv or (command, facts)
            continue
        if command != [sys.executable]:
            say(
                f"This Python ({here}) can't be used; taking Python "
                f"{dotted(facts['version'])} from {command[0]}."
            )
        return command
    if without_venv:
        command, facts = without_venv
        package = "python3-venv"
        if command != [sys.executable]:
            package = f"python{dotted(facts['version'])}-venv"
        raise StartError(
            f"Python's venv module is missing: sudo apt install {package} "
            "(or what your system calls it), then start again."
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
    )


def last_line(output):
    lines = output.decode("utf-8", "replace").strip().splitlines()
    if not lines:
        return "it did not say why"
    return lines[-1].replace("ERROR:", "").strip().rstrip(".:")


def install(venv, python, lock):
    """Install the file `lock` into a venv, showing pip's progress.

    What an interrupted install has brought is kept: pip passes over it.

    Raises:
        StartError: it failed; all that pip said is in `venv`/install.log.
    """
    # Progress goes to stdout and is the learner's; complaints go to stderr
    # and are kept, so that one sentence can be said of them.
    process = subprocess.Popen(
        [python, "-m", "pip", "install", "--require-hashes"]
        + ["--only-binary=:all:", "--disable-pip-version-check"]
        + ["--no-input", "-r", lock],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=ROOT,
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


def why_not_installed(complaints, log):
    """Return one sentence for what pip wrote to stderr, as bytes."""
    text = complaints.decode("utf-8", "replace")
    if "No space left on device" in text or "[WinError 112]" in text:
        return (
            "The disk became full while installing (pip also uses your "
            "folder for temporary files): make room, then start again."
        )
    if any(word in text for word in _NO_NETWORK):
        return (
            "The packages can't be downloaded, for the package index does "
            "not answer: see that this computer is online, then start again."
        )
    return (
        f"The packages could not be installed ({last_line(complaints)}): "
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
    with open(lock, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return f"{digest} python {dotted(version)}\n"


def read(path):
    """Return the text of a file, or None if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def write(path, text):
    """Write a file of a venv so that it is there whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = path + ".part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, path)


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


def hand_over(command):
    """Run `command` from ROOT with .venv first on PATH; return its code."""
    environment = dict(os.environ, VIRTUAL_ENV=VENV)
    scripts = os.path.dirname(command[0])
    environment["PATH"] = os.pathsep.join(
        [scripts, environment.get("PATH", os.defpath)]
    )
    if os.name == "posix":
        # From here on this process is the command: signals and the exit
        # code are its own.
        os.chdir(ROOT)
        os.execve(command[0], command, environment)
    # Ctrl-C reaches the command as well; what to do is for it to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.call(command, cwd=ROOT, env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
