"""Machines of a small network: network namespaces behind a bridge, each with its own address.

Where nobody may make these, a machine is an address of the loopback network, and what runs on it
ends by its process group. Either way each has a working folder of its own.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.engines import ROOT


@dataclass
class Host:
    """A machine. prefix: what runs a command on it. cable: its link on the network's side."""

    address: str
    folder: Path
    prefix: list[str] = field(default_factory=list)
    cable: str = ""
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *command: str, env: Mapping[str, str]) -> None:
        """Run a program of the project's on it; what it says goes to output.txt in its folder."""
        with (self.folder / "output.txt").open("ab") as output:
            self._running.append(
                subprocess.Popen(
                    [*self.prefix, *command],
                    cwd=ROOT,
                    env={**os.environ, "VAR_DIR": str(self.folder / "var"), **env},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def pull_the_plug(self) -> None:
        """Kill all that runs on it, without a word: nobody is told that a connection is gone."""
        if self.cable:
            _ip("link", "set", self.cable, "down")
        for process in self._running:
            with suppress(ProcessLookupError):
                # What was forked from it is told by the kernel to die with it.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()

    @property
    def said(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")


@dataclass(frozen=True)
class Network:
    """Its machines, and the address at which they reach the one that runs the tests."""

    address: str
    mask: str
    hosts: dict[str, Host]


@contextmanager
def network(folder: Path, *names: str) -> Iterator[Network]:
    """Make machines of these names that reach each other; all that runs there ends afterwards."""
    with ExitStack() as stack:
        if _may_make_namespaces():
            made = _namespaces(stack, folder, names)
        else:
            made = Network("127.0.0.1", "127.0.0.0/8", _loopback_hosts(folder, names))
        try:
            yield made
        finally:
            for host in made.hosts.values():
                host.pull_the_plug()


def _loopback_hosts(folder: Path, names: tuple[str, ...]) -> dict[str, Host]:
    return {
        name: Host(f"127.0.0.{number}", _folder(folder, name))
        for number, name in enumerate(names, start=2)
    }


def _namespaces(stack: ExitStack, folder: Path, names: tuple[str, ...]) -> Network:
    # Several runs of the tests may be at it on one machine.
    own = os.getpid() % 250
    bridge, net = f"perf{os.getpid()}"[:14], f"10.213.{own}"
    _ip("link", "add", bridge, "type", "bridge")
    stack.callback(_ip, "link", "del", bridge)
    _ip("address", "add", f"{net}.1/24", "dev", bridge)
    _ip("link", "set", bridge, "up")
    hosts = {}
    for number, name in enumerate(names, start=2):
        space, outside = f"{bridge}-{name}", f"pf{own}v{number}"
        _ip("netns", "add", space)
        stack.callback(_ip, "netns", "del", space)
        _ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("link", "set", outside, "master", bridge, "up")
        inside = ("netns", "exec", space, "ip")
        _ip(*inside, "address", "add", f"{net}.{number}/24", "dev", "eth0")
        _ip(*inside, "link", "set", "eth0", "up")
        _ip(*inside, "link", "set", "lo", "up")
        prefix = ["ip", "netns", "exec", space]
        hosts[name] = Host(f"{net}.{number}", _folder(folder, name), prefix, outside)
    return Network(f"{net}.1", f"{net}.0/24", hosts)


def _folder(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


def _may_make_namespaces() -> bool:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    # In a network of its own, which goes with the probe.
    probe = ["unshare", "--net", "ip", "link", "add", "probe", "type", "bridge"]
    veth = ["unshare", "--net", "ip", "link", "add", "one", "type", "veth", "peer", "other"]
    tried = [subprocess.run(each, capture_output=True, check=False) for each in (probe, veth)]
    return not any(done.returncode for done in tried)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
