"""The kernel "coursekit-sandbox": started as nbgrader, papermill and JupyterLab start it, and attacked."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook

from coursekit.grading.kernel import provisioner
from coursekit.grading.kernel.provisioner import SandboxError
from coursekit.grading.sandbox import sandbox_problem

KERNEL = "coursekit-sandbox"
pytestmark = pytest.mark.skipif(sandbox_problem() is not None, reason="needs bubblewrap")


def run(client, code, timeout=60):
    """What the code prints, or the name of its error."""
    told = []

    def take(message):
        content = message["content"]
        told.append(content.get("text") or content.get("ename") or "")

    client.execute_interactive(code, timeout=timeout, output_hook=take)
    return "".join(told).strip()


def runtime_folder(manager):
    return Path(manager.ip).parent


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name=KERNEL)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def client(kernel):
    return kernel[1]


def test_a_file_outside_is_not_there(client, tmp_path):
    gradebook = tmp_path / "gradebook.db"
    gradebook.write_text("marks")
    assert run(client, f"open({str(gradebook)!r})") == "FileNotFoundError"


def test_the_notebook_folder_is_not_there(client):
    assert run(client, "import os; print(os.getcwd(), os.listdir())") == "/tmp/work []"


def test_there_is_no_network(client):
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=5)"
        assert run(client, code) in ("ConnectionRefusedError", "OSError")


def test_no_variable_of_the_caller_comes_in(monkeypatch):
    monkeypatch.setenv("CANVAS_TOKEN", "swordfish")
    manager, client = start_new_kernel(kernel_name=KERNEL)
    code = """
import glob, os
for path in glob.glob("/proc/[0-9]*/environ"):
    if os.access(path, os.R_OK):
        print(open(path).read())
"""
    try:
        told = run(client, code)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "learner" in told
    assert "swordfish" not in told


def test_it_has_no_rights_and_can_get_none(client):
    code = "!grep -E 'CapEff|NoNewPrivs' /proc/self/status; id -u; unshare -U true || echo refused"
    rights, none_new, user, *answer = run(client, code).splitlines()
    assert rights.endswith("0" * 16)
    assert none_new.endswith("1")
    assert user != "0"
    assert answer[-1] == "refused"


def test_memory_is_limited(client):
    code = """
import mmap
MAP_NORESERVE = 0x4000  # address space only, so that this machine's memory is no part of the question
kept = []
try:
    for _ in range(20):
        kept.append(mmap.mmap(-1, 2**30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE))
except (OSError, MemoryError):
    print("refused", len(kept) < 8)
kept.clear()
"""
    assert run(client, code) == "refused True"


def test_a_file_cannot_outgrow_its_limit(client):
    code = """
with open("/tmp/big", "wb") as file:
    for _ in range(300):
        file.write(bytes(2**20))
"""
    assert run(client, code) == "OSError"
    assert run(client, "import os; os.remove('/tmp/big'); print('alive')").endswith("alive")


def test_the_one_file_on_the_disk_that_it_owns_cannot_outgrow_its_limit(kernel):
    manager, client = kernel
    path = runtime_folder(manager) / "connection.json"
    assert run(client, f"import os; os.truncate({str(path)!r}, 2**30)") == "OSError"
    assert path.stat().st_size < 10_000


def test_processes_are_limited(client):
    code = """
import subprocess
started = []
try:
    for _ in range(400):
        started.append(subprocess.Popen(["sleep", "60"]))
except BlockingIOError:
    print("refused" if len(started) < 128 else len(started))
finally:
    for process in started:
        process.kill()
        process.wait()
"""
    assert run(client, code) == "refused"
    assert run(client, "print('alive')") == "alive"


def test_nothing_but_sockets_can_be_made_where_the_kernel_talks(kernel):
    manager, client = kernel
    folder = str(runtime_folder(manager))
    code = f"""
import os
for make in (lambda path: open(path, "w"), os.mkdir, os.mkfifo, lambda path: os.symlink("/etc", path),
             lambda path: os.rename("/tmp/mine", path)):
    open("/tmp/mine", "w").close()
    try:
        make({folder!r} + "/new")
        print("made")
    except OSError as error:
        pass
"""
    assert run(client, code) == ""
    assert not (Path(folder) / "new").is_symlink()


def test_files_can_be_moved_between_folders_of_tmp(client):
    code = "import os; os.mkdir('/tmp/a'); open('b', 'w').close(); os.rename('b', '/tmp/a/b')"
    assert run(client, code) == ""


def test_scientific_code_threads_and_shell_lines_work(client):
    code = """
import concurrent.futures, tempfile
import numpy, pandas, torch
torch.rand(200, 200) @ torch.rand(200, 200)
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(int, "1234")))
with tempfile.TemporaryFile() as file:
    file.write(b"x")
!echo shell
"""
    assert run(client, code).split() == ["10", "shell"]


def test_coursekit_loads_its_campus(client):
    assert int(run(client, "import coursekit; print(len(coursekit.campus_tables().courses))")) > 0


def test_an_interrupt_stops_a_cell_and_not_the_kernel(kernel):
    manager, client = kernel
    run(client, "kept = 42")
    request = client.execute("import time\nfor _ in range(600): time.sleep(0.1)")
    time.sleep(1)
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=10)
    while reply["parent_header"].get("msg_id") != request:
        reply = client.get_shell_msg(timeout=10)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert run(client, "print(kept)") == "42"


def test_a_restarted_kernel_is_fresh_and_uses_the_same_folder():
    manager, client = start_new_kernel(kernel_name=KERNEL)
    try:
        folder = runtime_folder(manager)
        run(client, "x = 1; open('/tmp/old', 'w').close()")
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=30)
        assert run(client, "import os; print(os.path.exists('/tmp/old'))") == "False"
        assert run(client, "x") == "NameError"
        assert runtime_folder(manager) == folder
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert not folder.exists()


def test_a_kernel_that_kills_itself_leaves_nothing_behind():
    manager, client = start_new_kernel(kernel_name=KERNEL)
    folder = runtime_folder(manager)
    client.execute("import os; os._exit(3)")
    wait_until(lambda: not manager.is_alive())
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    assert not folder.exists()


def test_a_kernel_dies_with_the_process_that_started_it():
    code = f"""
import time
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name={KERNEL!r})
print(manager.provisioner.pid, manager.ip, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid, ip = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(
        lambda: not Path("/proc", pid).exists() or "(zombie)" in Path("/proc", pid, "status").read_text()
    )
    # Nobody was left to remove the folder.
    for path in Path(ip).parent.iterdir():
        path.unlink()
    Path(ip).parent.rmdir()


def test_papermill_runs_a_notebook_in_it(tmp_path):
    import papermill

    notebook = new_notebook(cells=[new_code_cell("x = 1", metadata={"tags": ["parameters"]})])
    notebook.cells.append(new_code_cell("import os; print(x, os.getcwd())"))
    nbformat.write(notebook, tmp_path / "in.ipynb")
    done = papermill.execute_notebook(
        tmp_path / "in.ipynb", tmp_path / "out.ipynb", {"x": 7}, kernel_name=KERNEL, language="python"
    )
    assert done.cells[-1].outputs[0].text == "7 /tmp/work\n"


def test_nbclient_tells_a_dead_kernel_and_leaves_nothing_behind():
    from nbclient import NotebookClient
    from nbclient.exceptions import DeadKernelError

    client = NotebookClient(
        new_notebook(cells=[new_code_cell("import os; os.kill(os.getpid(), 9)")]), kernel_name=KERNEL
    )
    before = set(Path("/var/tmp").glob("coursekit-*"))
    with pytest.raises(DeadKernelError):
        client.execute()
    assert set(Path("/var/tmp").glob("coursekit-*")) <= before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_an_ordinary_user_can_start_it_too():
    code = f"""
import os
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name={KERNEL!r})
client.execute_interactive("import os; print('kernel', os.getuid(), os.path.exists('/etc/passwd'))")
client.stop_channels()
manager.shutdown_kernel(now=True)
"""
    user = ["bwrap", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    command = [*user, "--dev-bind", "/", "/", "--", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "kernel 1000 False" in done.stdout, done.stderr


def test_without_a_sandbox_it_refuses_with_the_way_out(monkeypatch):
    monkeypatch.setattr(provisioner, "sandbox_problem", lambda: "bubblewrap is not installed; get it")
    with pytest.raises(SandboxError, match="bubblewrap is not installed; get it"):
        start_new_kernel(kernel_name=KERNEL)


def graded_cell(name, source, **nbgrader):
    settings = {"schema_version": 3, "grade_id": name, "grade": False, "solution": False, "locked": False}
    settings |= {"task": False, **nbgrader}
    return new_code_cell(source, id=name, metadata={"nbgrader": settings})


@pytest.mark.slow
def test_stock_nbgrader_grades_in_it(tmp_path):
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    answer = graded_cell(
        "answer", "### BEGIN SOLUTION\nimport os\nplace = os.getcwd()\n### END SOLUTION", solution=True
    )
    test = graded_cell("test", "assert place == '/tmp/work'", grade=True, locked=True, points=2)
    notebook = new_notebook(cells=[answer, test])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for folder in ("source/one", "submitted/ada/one"):
        (tmp_path / folder).mkdir(parents=True)
    nbformat.write(notebook, tmp_path / "source" / "one" / "one.ipynb")

    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    config.Execute.kernel_name = KERNEL
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    assert api.generate_assignment("one")["success"]
    nbformat.write(notebook, tmp_path / "submitted" / "ada" / "one" / "one.ipynb")
    graded = api.autograde("one", "ada")
    assert graded["success"], graded["error"]
    assert api.get_submission("one", "ada")["score"] == 2
