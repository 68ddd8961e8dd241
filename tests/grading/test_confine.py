"""Attack a confined process from inside, in bubblewrap as the grader starts it: by root, and by a user."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from coursekit.grading.sandbox import sandbox_command, sandbox_problem

pytestmark = pytest.mark.skipif(sandbox_problem() is not None, reason="needs bubblewrap")

# Stands for the warm process: for each line it reads, it forks a child for each text in it, confines the
# children, runs the texts at the same time, and writes what they answered and how they ended.
WARM = """
import json, os, select, socket, sys, time
from coursekit.grading.sandbox.confine import ConfinementError, confine, drop_root
from coursekit.grading.limits import Limits

drop_root()
for module in sys.argv[1:]:
    __import__(module)

def learner(text, limits, sock):
    strict, before = limits.pop("strict", True), limits.pop("before", "")
    names = {"socket_of_room": sock}
    try:
        exec(before)
        names["missing"] = confine(Limits(**limits), keep=sock.fileno(), strict=strict)
        exec(text, names)
        answer = {"answer": names.get("answer")}
    except BaseException as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    sock.sendall(json.dumps(answer).encode())
    os._exit(0)

def start(text, limits):
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        learner(text, limits, theirs)
    theirs.close()
    return pid, ours

def finish(pid, sock, end):
    data = b""
    while select.select([sock], [], [], max(0, end - time.monotonic()))[0]:
        piece = sock.recv(65536)
        data += piece
        if not piece:
            break
    else:
        os.kill(pid, 9)
    gone = select.select([sock], [], [], 5)[0] != []
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {"status": status, "gone": gone, **(json.loads(data) if data else {})}

for line in sys.stdin:
    task = json.loads(line)
    rooms = [start(text, task["limits"]) for text in task["texts"]]
    end = time.monotonic() + task["wait"]
    print(json.dumps([finish(*room, end) for room in rooms]), flush=True)
"""


class Warm:
    def __init__(self, command: list[str]) -> None:
        # A terminal, as when a grader is started by hand; bubblewrap then shows it as /dev/console.
        ours, theirs = os.openpty()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=theirs, text=True)
        os.close(theirs)
        self.answers = open(ours)  # noqa: SIM115 - closed in close()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.answers.close()

    def run_all(self, *texts: str, wait: float = 20, **limits: float) -> list[dict]:
        task = {"texts": texts, "wait": wait, "limits": limits}
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        return json.loads(self.answers.readline())

    def run(self, text: str, **limits: float) -> dict:
        return self.run_all(text, **limits)[0]

    def answer(self, text: str, **limits: float) -> object:
        ended = self.run(text, **limits)
        assert "answer" in ended, ended
        return ended["answer"]


def as_user(command: list[str]) -> list[str]:
    """The command, run by an ordinary user; if this Python lies in root's home, that is opened for it."""
    if os.geteuid() != 0:
        return command
    view = ["bwrap", "--dev-bind", "/", "/"]
    python = Path(sys.base_prefix)
    if python.is_relative_to("/root"):
        view += ["--tmpfs", "/root"]
        for folder in reversed(python.relative_to("/root").parents[:-1]):
            view += ["--perms", "755", "--dir", str("/root" / folder)]
        view += ["--ro-bind", str(python), str(python)]
    return [*view, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]


@pytest.fixture(scope="module", params=["root", "user"])
def starter(request):
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("only root can start a sandbox as root")
    return request.param


def start(starter: str, *modules: str, **options: object) -> Warm:
    own = {"OMP_NUM_THREADS": "1", "SECRET_OF_THE_GRADER": "42"}
    options = {"nested_namespaces": True, "keep_root_to_drop": starter == "root", **options}
    command = sandbox_command([sys.executable, "-c", WARM, *modules], environment=own, **options)
    return Warm(command if starter == "root" else as_user(command))


@pytest.fixture(scope="module")
def shown():
    """A folder below /tmp that the sandbox shows, as when the course or its Python lies there."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="coursekit shown ") as folder:
        Path(folder).chmod(0o755)
        Path(folder, "course").mkdir()
        Path(folder, "course", "text").write_text("course")
        Path(folder, "file").write_text("file")
        yield Path(folder)


@pytest.fixture(scope="module")
def warm(starter, shown):
    process = start(starter, "numpy", "pandas", "torch", readable=[shown / "course", shown / "file"])
    yield process
    process.close()


def refusal(warm: Warm, text: str, **limits: float) -> str:
    ended = warm.run(text, **limits)
    assert "error" in ended, ended
    return ended["error"]


# What must work


def test_says_that_no_wall_is_missing(warm):
    assert warm.answer("answer = missing") == []


def test_numpy_pandas_and_torch_compute(warm):
    text = """
import numpy as np, pandas as pd, torch
a = torch.ones(200, 200) @ torch.ones(200, 200)
w = torch.ones(3, requires_grad=True); (w ** 2).sum().backward()
rank = np.linalg.svd(np.eye(50))[1].sum()
answer = [float(a[0, 0]), float(rank), int(pd.Series([1, 2]).sum()), w.grad.tolist()]
"""
    assert warm.answer(text) == [200.0, 50.0, 3, [2.0, 2.0, 2.0]]


def test_threads_run(warm):
    text = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
with ThreadPoolExecutor(12) as pool:
    answer = sum(pool.map(lambda n: float((np.ones((100, 100)) @ np.ones((100, 100)))[0, 0]), range(50)))
"""
    assert warm.answer(text) == 5000.0


def test_torch_may_use_several_threads(warm):
    text = """
import torch
torch.set_num_threads(4)
answer = float((torch.ones(512, 512) @ torch.ones(512, 512)).sum())
"""
    assert warm.answer(text) == 512.0**3


def test_temporary_files_and_asyncio_work(warm):
    text = """
import asyncio, os, tempfile
with tempfile.NamedTemporaryFile() as file:
    file.write(b"x")
with tempfile.TemporaryDirectory() as folder:
    here = folder.startswith("/tmp/")
async def later():
    await asyncio.sleep(0.01)
    return await asyncio.to_thread(lambda: 5)
answer = [here, asyncio.run(later()), os.getcwd(), os.path.expanduser("~"), os.listdir(".")]
open("kept.txt", "w").write("x")
"""
    assert warm.answer(text) == [True, 5, "/tmp/work", "/tmp/home", []]


def test_modules_can_still_be_imported(warm):
    assert warm.answer("import sklearn.linear_model, sqlite3, coursekit\nanswer = 1") == 1


def test_many_that_start_at_once_all_answer(warm):
    assert [ended["answer"] for ended in warm.run_all(*["answer = 1"] * 12)] == [1] * 12


def test_passes_on_how_it_ended(warm):
    ended = warm.run_all("import os; os._exit(3)", "import ctypes; ctypes.string_at(0)")
    assert [one["status"] for one in ended] == [3, -signal.SIGSEGV]


# What it sees


def test_sees_no_processes(warm):
    assert warm.answer("import os; answer = [os.listdir('/proc'), os.getpid(), os.getppid()]") == [[], 1, 0]


def test_environment_tells_nothing(warm):
    names = set(warm.answer("import os; answer = sorted(os.environ)"))
    own = {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "MPLBACKEND", "HOME", "TMPDIR", "USER"}
    assert {name for name in names if not name.endswith("_NUM_THREADS")} <= own


def test_only_the_socket_is_open(warm):
    text = """
import os, stat
null = os.stat("/dev/null").st_rdev
answer = []
for number in range(2000):
    try:
        found = os.fstat(number)
    except OSError:
        continue
    socket = stat.S_ISSOCK(found.st_mode) and number == socket_of_room.fileno()
    answer.append("socket" if socket else "null" if found.st_rdev == null else number)
"""
    assert warm.answer(text) == ["null", "null", "null", "socket"]


def test_siblings_share_no_folder(warm):
    write = """
import os, time
folders = ["/tmp", "/tmp/work", "/tmp/home", "/dev/shm", "/dev", "/var/tmp", "/run"]
folders = [folder for folder in folders if os.access(folder, os.W_OK)]
for folder in folders:
    open(folder + "/mine{}", "w").write("secret")
time.sleep(0.5)
answer = sorted(folder + "/" + name for folder in folders for name in os.listdir(folder) if "mine" in name)
"""
    for number, ended in enumerate(warm.run_all(write.format(0), write.format(1))):
        folders = ["/dev/shm", "/tmp/home", "/tmp", "/tmp/work"]
        assert ended["answer"] == [f"{folder}/mine{number}" for folder in folders]


def test_nothing_stays_for_the_next(warm):
    warm.answer("for folder in ('/tmp', '/dev/shm'): open(folder + '/left', 'w').write('x')\nanswer = 1")
    assert (
        warm.answer("import os; answer = ['left' in os.listdir(f) for f in ('/tmp', '/dev/shm')]")
        == [False] * 2
    )


def test_opens_no_terminal(warm):
    assert refusal(warm, "import os; os.openpty()") == "FileNotFoundError"
    assert refusal(warm, "open('/dev/tty')") in {"OSError", "FileNotFoundError"}
    assert warm.answer("import os; answer = os.isatty(os.open('/dev/console', os.O_RDWR))") is False


def test_what_the_sandbox_shows_below_tmp_stays(warm, shown):
    read = f"answer = open('{shown}/course/text').read() + open('{shown}/file').read()"
    assert warm.answer(read) == "coursefile"
    assert refusal(warm, f"open('{shown}/course/new', 'w')") == "OSError"
    assert refusal(warm, f"open('{shown}/file', 'w')") == "OSError"


def test_a_python_below_tmp_stays_without_a_mount_of_its_own(warm):
    before = """
sys.prefix = "/tmp/checkout/.venv"
os.makedirs(sys.prefix, exist_ok=True)
open(sys.prefix + "/module.py", "w").write("x")
"""
    text = (
        "import os; answer = [os.listdir('/tmp/checkout/.venv'), os.access('/tmp/checkout/.venv', os.W_OK)]"
    )
    assert warm.answer(text, before=before) == [["module.py"], False]


# What it may not do


def test_writes_nowhere_else(warm):
    text = """
import os
answer = []
for folder, folders, names in os.walk("/"):
    if folder.startswith(("/usr/share", "/tmp", "/dev/shm")):
        folders.clear()
    elif os.access(folder, os.W_OK):
        answer.append(folder)
"""
    assert warm.answer(text) == []


PROCESS = [
    pytest.param("import os; os.fork()", id="fork"),
    pytest.param("import os; os.forkpty()", id="forkpty"),
    pytest.param("import subprocess; subprocess.run(['true'])", id="subprocess"),
    pytest.param("import subprocess; subprocess.run(['true'], close_fds=False)", id="posix_spawn"),
    pytest.param("import os; os.posix_spawn('/bin/true', ['true'], {})", id="spawn"),
    pytest.param("import os; os.execv('/bin/true', ['true'])", id="exec"),
    pytest.param("import multiprocessing as m; m.Pool(1)", id="pool"),
]


@pytest.mark.parametrize("text", PROCESS)
def test_starts_no_process(warm, text):
    assert refusal(warm, text) in {"PermissionError", "FileNotFoundError"}


def test_shell_runs_nothing(warm):
    assert warm.answer(
        "import os; answer = os.system('touch /tmp/ran') != 0 and not os.path.exists('/tmp/ran')"
    )


NETWORK = [
    pytest.param("import socket; socket.socketpair(30, socket.SOCK_STREAM)", id="pair-of-another-kind"),
    pytest.param("import socket; socket.socket()", id="internet"),
    pytest.param("import socket; socket.socket(socket.AF_UNIX)", id="unix"),
    pytest.param("import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", id="netlink"),
    pytest.param("import socket; socket.socket(38, socket.SOCK_SEQPACKET)", id="kernel-crypto"),
    pytest.param("import socket; socket.socketpair(type=socket.SOCK_DGRAM)[0].bind('\\0name')", id="bind"),
]


@pytest.mark.parametrize("text", NETWORK)
def test_opens_no_socket(warm, text):
    assert refusal(warm, text) == "PermissionError"


C_CALLS = {
    "unshare-user": ("unshare(0x10000000)", 1),
    "unshare-mounts": ("unshare(0x20000)", 1),
    "mount": ("mount(b'tmpfs', b'/tmp', b'tmpfs', 0, b'')", 1),
    "remount": ("mount(b'', b'/usr', b'', 4096 | 32, b'')", 1),
    "umount": ("umount2(b'/proc', 2)", 1),
    "umount-tmp": ("umount2(b'/tmp', 2)", 1),
    "chroot": ("chroot(b'/tmp')", 1),
    "setns": ("setns(0, 0)", 1),
    "ptrace": ("ptrace(0, 0, 0, 0)", 1),
    "clone-user": ("syscall(56 if X86 else 220, 0x10000000 | 17, 0, 0, 0, 0)", 1),
    "clone-process": ("syscall(56 if X86 else 220, 17, 0, 0, 0, 0)", 1),
    "clone3": ("syscall(435, 0, 0)", 38),
    "keyctl": ("syscall(250 if X86 else 219, 0, -3, 0)", 1),
    "bpf": ("syscall(321 if X86 else 280, 0, 0, 0)", 1),
    "perf": ("syscall(298 if X86 else 241, 0, 0, -1, -1, 0)", 1),
    "userfaultfd": ("syscall(323 if X86 else 282, 0)", 1),
    "io_uring": ("syscall(425, 1, 0)", 1),
    "memfd": ("memfd_create(b'x', 0)", 1),
    "shared-memory": ("shmget(0, 4096, 0o1600)", 1),
    "message-queue": ("msgget(0, 0o1600)", 1),
    "outlive-the-waiting-one": ("prctl(1, 0, 0, 0, 0)", 1),
    "outlive-with-high-bits": ("prctl(ctypes.c_ulong(1 << 32 | 1), 0, 0, 0, 0)", 1),
    "set-user": ("setuid(0)", 22),
    "newer-call": ("syscall(462, 0, 0, 0)", 38),
    "x32-call": ("syscall(0x40000000 | 57)", 38),
}


@pytest.mark.parametrize("name", C_CALLS)
def test_refuses_the_system_call(warm, name):
    call, error = C_CALLS[name]
    text = f"""
import ctypes, os
libc, X86 = ctypes.CDLL(None, use_errno=True), os.uname().machine == "x86_64"
result = libc.{call}
answer = [result, ctypes.get_errno()]
"""
    assert warm.answer(text) == [-1, error]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="is x86_64 code")
def test_a_call_of_another_architecture_kills(warm):
    # mov eax, 2 (fork, for 32 bits); int 0x80; ret
    text = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=7)
code.write(bytes.fromhex("b802000000cd80c3"))
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
"""
    assert warm.run(text)["status"] == -signal.SIGSYS


def test_kills_nobody_but_itself(warm):
    """os.kill(0, 9) reaches a whole process group, whatever namespace its members are in."""
    kill = "import os\nfor target in (0, -1): os.kill(target, 9)\nanswer = 'alive'"
    calm = "import time; time.sleep(0.5); answer = 'alive'"
    killer, other = warm.run_all(kill, calm)
    assert other["answer"] == "alive"
    assert killer["status"] in (0, -signal.SIGKILL)


def test_has_no_rights(warm):
    text = """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
sets = ctypes.create_string_buffer(24)
libc.capget(struct.pack("=II", 0x20080522, 0), sets)
may_get = [libc.prctl(23, number, 0, 0, 0) for number in range(40)]
answer = [sum(struct.unpack("=6I", sets.raw)), sum(may_get), libc.prctl(39, 0, 0, 0, 0)]
"""
    assert warm.answer(text) == [0, 0, 1]


# What it may use up


def test_memory_is_limited(warm):
    limits = {"memory": 512 * 2**20}
    assert warm.answer("answer = len(bytearray(300 * 2**20))", **limits) == 300 * 2**20
    assert refusal(warm, "bytearray(600 * 2**20)", **limits) == "MemoryError"
    assert refusal(warm, "import numpy; numpy.ones(10**9)", **limits) in {"MemoryError", "_ArrayMemoryError"}
    assert refusal(warm, "import mmap; mmap.mmap(-1, 600 * 2**20)", **limits) in {"MemoryError", "OSError"}


def test_files_are_limited(warm):
    fill = "open({!r}, 'wb').write(bytes(2 * 2**20))"
    assert refusal(warm, fill.format("/tmp/work/big"), files=2**20) == "OSError"
    assert refusal(warm, fill.format("/dev/shm/big"), files=2**20) == "OSError"
    many = "for n in range(30): open(f'/{\"tmp\" if n % 2 else \"dev/shm\"}/{n}', 'wb').write(bytes(2**19))"
    assert refusal(warm, many, files=10 * 2**20) == "OSError"
    assert refusal(warm, "for n in range(10**5): open(str(n), 'w').close()") == "OSError"


def test_open_files_are_limited(warm):
    assert refusal(warm, "keep = [open('/dev/null') for _ in range(200)]", open_files=100) == "OSError"


def test_limits_cannot_be_raised(warm):
    text = """
import resource as r
for kind in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_NPROC, r.RLIMIT_CORE):
    try:
        r.setrlimit(kind, (10**12, 10**12))
    except ValueError:
        answer = answer + 1 if "answer" in globals() else 1
"""
    assert warm.answer(text) == 6


def test_lower_limits_of_the_machine_stay(warm):
    before = "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (60, 60))"
    text = "import resource as r; answer = r.getrlimit(r.RLIMIT_NOFILE)"
    assert warm.answer(text, before=before, open_files=100) == [60, 60]


def test_threads_are_limited(warm):
    text = """
import threading, time
threads = [threading.Thread(target=time.sleep, args=(1,), daemon=True) for _ in range(20)]
started = 1
try:
    for thread in threads:
        thread.start()
        started += 1
except RuntimeError:
    pass
answer = started
"""
    assert warm.answer(text, threads=8) == 8
    # Of siblings each has its own.
    assert [ended["answer"] for ended in warm.run_all(text, text, threads=8)] == [8, 8]


def test_processor_time_is_limited(warm):
    ended = warm.run("while True: pass", seconds=1, threads=1)
    assert ended["status"] == -signal.SIGKILL


# How it ends


def test_dies_with_the_one_that_waits(warm):
    """The child is killed after half a second; then nobody holds the socket any more."""
    text = """
import signal, time
for number in set(signal.valid_signals()) - {9, 19}:
    signal.signal(number, signal.SIG_IGN)
time.sleep(60)
"""
    ended = warm.run_all(text, wait=0.5)[0]
    assert (ended["gone"], ended["status"]) == (True, -signal.SIGKILL)


# Where walls are missing


@pytest.fixture(scope="module")
def narrow(starter):
    """A sandbox in which no namespaces can be made."""
    if starter == "root":
        pytest.skip("a sandbox that root starts cannot forbid namespaces by itself")
    process = start(starter, nested_namespaces=False)
    yield process
    process.close()


def test_a_missing_wall_is_an_error_that_says_which(narrow):
    ended = narrow.run("answer = 1")
    assert ended["error"] == "ConfinementError"
    assert "could not give it namespaces of its own (unshare" in ended["message"]
    assert "coursekit doctor" in ended["message"]


def test_not_strict_builds_the_other_walls(narrow):
    text = """
import os, pathlib
problems = []
for attack in (os.fork, lambda: bytearray(10**9), lambda: os.openpty() and 1 / 0):
    try:
        attack()
    except Exception as error:
        problems.append(type(error).__name__)
pathlib.Path("mine").write_text("x")
answer = [missing, problems, os.getcwd(), os.path.expanduser("~")]
"""
    missing, problems, work, home = narrow.answer(text, strict=False, memory=2**28)
    assert len(missing) == 1
    assert problems[:2] == ["PermissionError", "MemoryError"]
    assert work.startswith("/tmp/coursekit-")
    assert home == work.replace("/work", "/home")


def test_not_strict_kills_no_other_of_its_group(narrow):
    assert narrow.run("import os; os.kill(0, 9)", strict=False)["status"] == -signal.SIGKILL
    assert narrow.answer("answer = 1", strict=False) == 1


def test_on_another_system_the_limits_hold(warm):
    before = "from coursekit.grading.sandbox import confine as c; c.install_filter = lambda: False\n"
    before += "sys.platform = 'darwin'"
    text = "import resource; answer = [missing, resource.getrlimit(resource.RLIMIT_NOFILE)]"
    missing, files = warm.answer(text, before=before, strict=False, open_files=50)
    assert files == [50, 50]
    walls = ["namespaces", "end it with the grader", "rights", "system calls"]
    assert [wall in sentence for wall, sentence in zip(walls, missing, strict=True)] == [True] * 4


def test_without_the_filter_a_second_lock_forbids_namespaces(warm, starter):
    if starter == "root":
        pytest.skip("/proc/sys is read-only in a sandbox that root started")
    before = "import coursekit.grading.sandbox.confine as c; c.install_filter = lambda: True"
    text = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
answer = [libc.unshare(0x10000000), ctypes.get_errno(), libc.unshare(0x20000), ctypes.get_errno()]
"""
    no_space, not_permitted = 28, 1
    assert warm.answer(text, before=before) == [-1, no_space, -1, not_permitted]
