"""What a process in the sandbox can see, reach and keep; each test tries it from the inside."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coursekit.grading.sandbox import bubblewrap as sandbox
from coursekit.grading.sandbox import sandbox_command, sandbox_problem, shown

CHECKOUT = Path(__file__).parents[2]
needs_bubblewrap = pytest.mark.skipif(sandbox_problem() is not None, reason="needs bubblewrap")
# Started by root, the tests see what an ordinary user sees through one more namespace.
AN_ORDINARY_USER = ["bwrap", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
AN_ORDINARY_USER += ["--dev-bind", "/", "/"]

UNSHARE = """
import ctypes, os
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
answer = ctypes.CDLL(None).unshare(0x10000000) == 0
"""


def inside(code, **options):
    """Run Python code in a sandbox as an ordinary user; what it assigned to `answer`."""
    code = f"answer = None\n{code}\nimport json\nprint(json.dumps(answer))"
    command = sandbox_command([sys.executable, "-c", code], **options)
    if os.geteuid() == 0 and not options.get("keep_root_to_drop"):
        command = [*AN_ORDINARY_USER, "--", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def listing(folder):
    return f"import os; answer = sorted(os.listdir({str(folder)!r}))"


@needs_bubblewrap
def test_a_file_beside_the_course_is_out_of_sight(tmp_path):
    gradebook = tmp_path / "gradebook.db"
    gradebook.write_text("marks")
    gradebook.chmod(0o666)
    assert inside(f"import os; answer = os.path.exists({str(gradebook)!r})") is False


@needs_bubblewrap
def test_of_the_checkout_only_coursekit_and_its_campus_are_in_sight():
    package = Path(sandbox.__file__).parents[2]
    if package.parent != CHECKOUT:
        pytest.skip("coursekit is installed, not run from the checkout")
    top, data = inside(listing(CHECKOUT)), inside(listing(CHECKOUT / "datasets"))
    assert set(top) <= {"coursekit", "datasets", ".venv", "venv", "env"}
    assert data == ["campus"]


@needs_bubblewrap
def test_coursekit_loads_its_campus():
    assert inside("import coursekit; answer = len(coursekit.campus_tables().courses)") > 0


@needs_bubblewrap
def test_home_and_work_folder_are_empty():
    code = "import os; answer = [os.listdir(os.path.expanduser('~')), os.getcwd(), os.listdir('.')]"
    assert inside(code) == [[], "/tmp/work", []]


@needs_bubblewrap
@pytest.mark.parametrize(
    "keep_root", [False, pytest.param(True, marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs root"))]
)
def test_only_tmp_and_shared_memory_can_be_written(keep_root):
    code = """
import os
answer = []
for place, _, _ in os.walk("/"):
    if place.startswith("/proc") or not os.access(place, os.W_OK):
        continue
    try:
        open(place + "/probe", "w").close()
        answer.append(place)
    except OSError:
        pass
"""
    found = inside(code, keep_root_to_drop=keep_root)
    assert sorted(path for path in found if not path.startswith("/tmp/")) == ["/dev/shm", "/tmp"]


@needs_bubblewrap
def test_tmp_and_shared_memory_are_bounded():
    if not sandbox._offers("--size"):
        pytest.skip("this bubblewrap cannot bound them")
    code = """
import os
answer = []
for folder in ("/tmp", "/dev/shm"):
    try:
        with open(folder + "/big", "wb") as file:
            file.write(bytes(2**21))
    except OSError as error:
        answer.append(error.strerror)
"""
    assert inside(code, scratch=2**20) == ["No space left on device"] * 2


@needs_bubblewrap
def test_more_can_be_shown_to_be_read_or_written(tmp_path):
    for name in ("read", "write"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").write_text(name)
    code = f"""
import os
answer = []
for name in ("read", "write"):
    folder = {str(tmp_path)!r} + "/" + name
    answer.append(open(folder + "/old").read())
    try:
        open(folder + "/new", "w").close()
    except OSError as error:
        answer.append(error.strerror)
"""
    told = inside(code, readable=[tmp_path / "read"], writable=[tmp_path / "write"])
    assert told == ["read", "Read-only file system", "write"]
    assert (tmp_path / "write" / "new").is_file()


@needs_bubblewrap
def test_there_is_no_network():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0coursekit-{os.getpid()}")
        abstract.listen()
        code = f"""
import socket
answer = []
for family, address in ((socket.AF_INET, ("127.0.0.1", {server.getsockname()[1]})),
                        (socket.AF_INET, ("1.1.1.1", 53)),
                        (socket.AF_UNIX, "\\0coursekit-{os.getpid()}")):
    try:
        socket.socket(family).connect(address)
        answer.append(address)
    except OSError:
        pass
"""
        assert inside(code) == []


@needs_bubblewrap
def test_other_processes_are_out_of_sight():
    code = "import glob; answer = [open(path).read() for path in glob.glob('/proc/[0-9]*/cmdline')]"
    commands = inside(code)
    assert len(commands) == 2  # bubblewrap's own first process, and this one
    assert "pytest" not in "".join(commands)


@needs_bubblewrap
def test_no_process_in_sight_holds_the_callers_variables(monkeypatch):
    monkeypatch.setenv("CANVAS_TOKEN", "swordfish")
    code = """
import glob, os
answer = [open(path).read() for path in glob.glob("/proc/[0-9]*/environ")]
answer.append(str(os.environ))
"""
    told = inside(code, environment={"WANTED": "1"})
    assert not any("swordfish" in text or "CANVAS" in text for text in told)
    assert "WANTED" in told[-1]


@needs_bubblewrap
def test_no_rights_are_left_to_an_ordinary_user():
    code = """
wanted = ("CapEff", "NoNewPrivs")
answer = [line.split()[1] for line in open("/proc/self/status") if line.startswith(wanted)]
"""
    assert inside(code) == ["0" * 16, "1"]


@needs_bubblewrap
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_kept_root_can_become_another_user_and_nothing_else():
    code = """
import os
answer = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")]
os.setgroups([]), os.setgid(65534), os.setuid(65534)
import numpy
answer += [os.getuid(), open("/proc/self/status").read().split("CapEff:")[1].split()[0]]
"""
    # CAP_SETGID is bit 6, CAP_SETUID bit 7.
    assert inside(code, keep_root_to_drop=True) == [f"{0b1100_0000:016x}", 65534, "0" * 16]


@needs_bubblewrap
def test_namespaces_can_be_nested_when_asked_for():
    assert inside(UNSHARE, nested_namespaces=True) is True
    if os.geteuid() == 0:
        assert inside(UNSHARE, nested_namespaces=True, keep_root_to_drop=True) is True


@needs_bubblewrap
def test_namespaces_cannot_be_nested_otherwise():
    if not sandbox._offers("--disable-userns"):
        pytest.skip("this bubblewrap cannot forbid it")
    assert inside(UNSHARE) is False


@needs_bubblewrap
def test_the_sandbox_dies_with_the_process_that_started_it():
    sleeper = sandbox_command([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"])
    starter = f"import subprocess, time; subprocess.Popen({sleeper!r}); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGKILL)
    start = time.monotonic()
    # The pipe ends when nobody holds it any more: neither bubblewrap nor the sleeper.
    assert process.stdout.read() == b""
    assert time.monotonic() - start < 5
    process.wait()


@needs_bubblewrap
def test_a_folder_of_the_system_can_be_hidden(monkeypatch):
    monkeypatch.setattr(shown, "_HIDDEN", ("/usr/share",))
    assert inside(listing("/usr/share")) == []


def test_an_environment_that_is_the_course_folder_is_not_shown_whole(monkeypatch, tmp_path):
    for name in ("bin", "lib", "solutions", "submitted"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    line = sandbox_command(["true"])
    assert str(tmp_path / "lib") in line
    bound = [line[at + 1] for at, part in enumerate(line) if part in ("--ro-bind", "--bind")]
    assert str(tmp_path) not in bound
    assert not any("solutions" in path or "submitted" in path for path in bound)


@needs_bubblewrap
def test_a_python_found_by_links_from_elsewhere_runs(tmp_path):

    home = tmp_path / "home" / "bin"
    home.mkdir(parents=True)
    (home / "python3").symlink_to(Path(sys._base_executable).resolve())
    subprocess.run([home / "python3", "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    code = f"""
import sys
sys.path.insert(0, {str(CHECKOUT)!r})
from coursekit.grading.sandbox import sandbox_command
print("\\0".join(sandbox_command([sys.executable, "-c", "import sys, json; print(sys.prefix)"])))
"""
    line = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip("\n")
    done = subprocess.run(line.split("\0"), capture_output=True, text=True)
    assert done.stdout.strip() == str(tmp_path / "env"), done.stderr


@pytest.fixture
def ask_again():
    sandbox_problem.cache_clear()
    yield sandbox_problem
    sandbox_problem.cache_clear()


def test_elsewhere_than_on_linux_it_says_where_to_go(monkeypatch, ask_again):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert "Darwin" in ask_again()
    assert "WSL" in ask_again()


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")


@linux_only
def test_without_bubblewrap_it_says_how_to_get_it(monkeypatch, ask_again, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install bubblewrap" in ask_again()


@linux_only
def test_a_bubblewrap_that_fails_is_quoted_with_a_way_out(monkeypatch, ask_again, tmp_path):
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "setting up uid map: Permission denied" in ask_again()
    assert "sysctl" in ask_again() or "--security-opt" in ask_again()


@linux_only
def test_the_answer_is_kept(monkeypatch, ask_again):
    first = ask_again()
    monkeypatch.setattr(sandbox, "_trouble", lambda: pytest.fail("tried a second time"))
    assert ask_again() == first
