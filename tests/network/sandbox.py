"""Namespaces for mounts and processes: what is named and started in them ends with us, however we end."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

CLONE_NEWNET = 0x40000000
ENDED = 10.0
"""Seconds that the kernel may take to end the processes of a sandbox."""
KEEPER = """
mount -t tmpfs sandbox /run && mkdir /run/netns # names of network namespaces, which only this sandbox has
mount --bind /dev/null /etc/resolv.conf # browsers would wait for name servers that cannot be reached
echo ready
cat # until we end
"""


class SandboxError(Exception):
    """A command in the sandbox failed; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where commands run. When its first process ends, the kernel ends the others, and names are gone."""

    keeper: int
    """Process id of `unshare`, which holds the namespaces open."""

    def command(self, *command: str) -> tuple[str, ...]:
        """What starts `command` inside."""
        spaces = f"/proc/{self.keeper}/ns"
        return ("nsenter", f"--mount={spaces}/mnt", f"--pid={spaces}/pid_for_children", *command)

    def command_at(self, space: str, *command: str) -> tuple[str, ...]:
        """What starts `command` inside, in a named network namespace."""
        return self.command("ip", "netns", "exec", space, *command)

    async def run(self, *command: str, script: str = "") -> str:
        """Run a command inside to its end. Raises SandboxError."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate(script.encode())
        if process.returncode:
            raise SandboxError(f"{' '.join(command)}: {errors.decode(errors='replace').strip()}\n{script}")
        return output.decode()

    async def run_at(self, space: str, script: str) -> str:
        """Run a shell script inside, in a named network namespace. Raises SandboxError."""
        return await self.run("ip", "netns", "exec", space, "sh", "-eu", script=script)

    def socket_at(self, space: str, kind: socket.SocketKind) -> socket.socket:
        """A socket, which does not block, of a named network namespace, for us who are outside it."""
        # A socket belongs for life to the namespace in which its thread was when it was made.
        ours = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        theirs = os.open(Path(f"/proc/{self.keeper}/root/run/netns/{space}"), os.O_RDONLY)
        try:
            _enter(theirs)
            try:
                return socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
            finally:
                _enter(ours)
        finally:
            os.close(ours)
            os.close(theirs)


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@asynccontextmanager
async def sandbox() -> AsyncIterator[Sandbox]:
    """Raises SandboxError where namespaces cannot be made."""
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", KEEPER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us, who end it in order
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if await process.stdout.readline() != b"ready\n":
            raise SandboxError((await process.communicate())[1].decode(errors="replace").strip())
        yield Sandbox(process.pid)
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.communicate(), ENDED)
