"""The check that tests leave no process behind, with real processes."""

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

from scripts import run_tests


def test_a_process_whose_parent_is_gone_is_found_and_one_of_others_is_not() -> None:
    mark = f"{run_tests.MARK}={uuid.uuid4().hex}"
    name, value = mark.split("=")
    orphan = "import subprocess as s; print(s.Popen(['sleep', '60'], stdout=s.DEVNULL, stderr=s.DEVNULL).pid)"
    command = [sys.executable, "-c", orphan]
    started = subprocess.run(
        command, env=os.environ | {name: value}, capture_output=True, text=True, check=True
    )
    process = int(started.stdout)
    try:
        # Popen returns while the kernel is still laying out the new program's arguments and environment.
        deadline = time.monotonic() + 5
        while b"sleep" not in Path(f"/proc/{process}/cmdline").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert run_tests.left_over(mark, grace=0) == {process: "sleep 60"}
        assert run_tests.left_over(f"{name}=another", grace=0) == {}
    finally:
        os.kill(process, 9)
    assert run_tests.left_over(mark, grace=5) == {}


def run(tmp_path: Path, test: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "test_sample.py"
    file.write_text(test)
    config = Path(__file__).parents[3] / "pyproject.toml"
    arguments = ["-q", "-p", "no:cacheprovider", "-c", str(config), "--rootdir", str(tmp_path), str(file)]
    return subprocess.run(
        [sys.executable, run_tests.__file__, *arguments], capture_output=True, text=True, timeout=60
    )


def test_a_run_that_leaves_a_process_fails_although_its_tests_pass(tmp_path: Path) -> None:
    leaves = "import os\ndef test_it(): os.spawnlp(os.P_NOWAIT, 'setsid', 'setsid', 'sleep', '60')\n"
    result = run(tmp_path, leaves)
    assert "1 passed" in result.stdout
    assert "The tests left process" in result.stderr
    assert result.returncode == 1


def test_a_coroutine_that_is_never_awaited_fails_its_test(tmp_path: Path) -> None:
    result = run(tmp_path, "async def later(): pass\ndef test_it(): later()\n")
    assert "never awaited" in result.stdout
    assert result.returncode == 1


def test_an_exception_that_nobody_catches_in_a_thread_fails_its_test(tmp_path: Path) -> None:
    thread = "threading.Thread(target=lambda: 1 / 0)"
    result = run(tmp_path, f"import threading\ndef test_it():\n    t = {thread}\n    t.start(); t.join()\n")
    assert "ZeroDivisionError" in result.stdout
    assert result.returncode == 1
