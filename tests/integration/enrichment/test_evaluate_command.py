"""manage.py evaluate, from outside."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from cachestats.config import current
from cachestats.config.current import forget
from cachestats.models import CacheEntry, ConfigRevision
from cachestats.services import save_revision
from enrichment.stages.prompts import FEELING_ENDINGS
from enrichment.tuned_stages import weights_of
from tests.standin import Script, as_json, feeling

pytestmark = pytest.mark.usefixtures("databases")

ROWS = """text,happy,sad,angry
I was so happy and glad today,TRUE,FALSE,FALSE
I cried because I am so sad,FALSE,TRUE,FALSE
A day like any other,FALSE,FALSE,TRUE
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    path.write_text(ROWS)
    return path


def test_evaluate_prints_each_signal_in_json(model: Script, table: Path, capsys):
    """The contract's figures by signal, of what lexicon, model and blend read; prose is apart."""
    model.generate = lambda _body: feeling({"sad": -0.01})
    call_command("evaluate", str(table), "--json")

    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["unanswered"]) == (3, 0)
    assert set(found["signals"]) == {"lexicon", "model", "blend"}
    for figures in found["signals"].values():
        assert {"any", "single", "polarity", "macro_precision", "ece"} <= set(figures)
        assert set(figures["intervals"]) == set(figures) - {"intervals"}
    # The model says sad to all; the lexicon hears the first two.
    assert found["signals"]["model"]["any"] == pytest.approx(1 / 3)
    assert found["signals"]["lexicon"]["any"] >= 2 / 3
    assert found["confusion"]["sad"] == {"sad": 1}


def test_evaluate_keeps_nothing(model: Script, table: Path, capsys):
    """Each run asks the model again, and the cache has no entry afterwards."""
    for _ in range(2):
        call_command("evaluate", str(table), "--json")

    first = [body for body in model.questions("/api/generate") if "like any other" in str(body)]
    assert len(first) == 2 * (len(FEELING_ENDINGS) + 1)
    assert not CacheEntry.objects.exists()


def test_evaluate_prints_tables_for_persons(model: Script, table: Path, capsys):
    """Figures with their intervals, and what is confused with what."""
    call_command("evaluate", str(table), "--limit", "2")

    out = capsys.readouterr().out
    assert "2 texts, ollama standin:1b" in out
    assert "blend" in out
    assert "undetermined" in out


def test_evaluate_says_what_was_of_no_use(model: Script, table: Path, capsys):
    """A misspelt label and texts without a feeling are told, apart from the JSON."""
    table.write_text("text,happy,saad\nSunny,TRUE,FALSE\nRain,FALSE,TRUE\n")
    call_command("evaluate", str(table), "--json")

    printed = capsys.readouterr()
    assert json.loads(printed.out)["n"] == 1
    assert "a feeling that counts: 1." in printed.err
    assert "Columns not read: 'saad'" in printed.err


def test_evaluate_counts_texts_without_an_answer(model: Script, table: Path, capsys):
    """A reply that is no answer in the middle of a run is told, and the run goes on."""
    answers, asked_of_each = iter(range(100)), len(FEELING_ENDINGS) + 1
    model.generate = lambda _body: (
        feeling({"happy": -0.1})
        if next(answers) < asked_of_each
        else as_json({"response": "", "done": True})
    )
    call_command("evaluate", str(table), "--json")

    assert json.loads(capsys.readouterr().out)["unanswered"] == 2


def test_evaluate_without_a_model_fails_with_the_reason(table: Path):
    """It would measure the lexicon alone."""
    with pytest.raises(CommandError, match="No model answers"):
        call_command("evaluate", str(table))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("text\nA day\n", "the header needs"),
        ("text,happy\nA day,perhaps\n", "line 2: happy must be"),
    ],
)
def test_evaluate_refuses_a_wrong_file_with_the_place(tmp_path: Path, content: str, told: str):
    """The message names file, line and column, and what is accepted."""
    path = tmp_path / "wrong.csv"
    path.write_text(content)
    with pytest.raises(CommandError, match=told) as failure:
        call_command("evaluate", str(path))
    assert "wrong.csv" in str(failure.value)
    assert failure.value.returncode == 2


def test_evaluate_refuses_a_file_that_is_not_there(tmp_path: Path):
    """A path that is mistyped is told at once."""
    with pytest.raises(CommandError, match="can't be read"):
        call_command("evaluate", str(tmp_path / "none.csv"))


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Eighty texts, of which the lexicon hears half."""
    path = tmp_path / "many.csv"
    rows = ["I am so happy,TRUE,FALSE,FALSE", "I am so sad,FALSE,TRUE,FALSE"] * 20
    rows += ["A day like any other,TRUE,FALSE,FALSE", "It is Monday,FALSE,TRUE,FALSE"] * 20
    path.write_text("\n".join([ROWS.splitlines()[0], *rows]) + "\n")
    return path


def test_evaluate_fits_weights_and_scores_texts_held_back(model: Script, many: Path, capsys):
    """The blend's figures are then of weights that other texts gave, and nothing is in force."""
    model.generate = lambda _body: feeling({"happy": -0.1, "sad": -2.5})
    call_command("evaluate", str(many), "--fit", "--json")

    found = json.loads(capsys.readouterr().out)
    assert found["folds"] == 5
    assert found["signals"]["blend"]["any"] >= found["signals"]["model"]["any"] == 0.5
    fitted = found["fitted"]["scoring"]
    assert fitted["lean_joyful"] < fitted["lean_sad"]
    assert not ConfigRevision.objects.exists()


def test_evaluate_puts_fitted_weights_in_force_beside_what_was_tuned(
    model: Script, many: Path, capsys
):
    """A revision with the weights; other values that were saved before stay, and all see them."""
    save_revision({"caching": {"ttl_api": 7}, "scoring": {"model_weight": 9.0}}, None)
    model.generate = lambda _body: feeling({"happy": -0.1, "sad": -2.5})
    call_command("evaluate", str(many), "--fit", "--apply", "--json")

    fitted = json.loads(capsys.readouterr().out)["fitted"]["scoring"]
    forget()
    config = current().config
    assert config.caching.ttl_api == 7
    assert weights_of(config).model == fitted["model_weight"] != 9.0
    assert config.scoring.method == "likelihood"


def test_evaluate_compares_ways_of_asking(model: Script, table: Path, capsys):
    """With generated labels the figures are of those, and so it says."""
    model.chat = lambda _body: as_json(
        {"message": {"role": "assistant", "content": '{"primary":"sad","secondary":"lonely"}'},
         "done": True, "done_reason": "stop"}
    )  # fmt: skip
    call_command("evaluate", str(table), "--method", "schema", "--json")

    found = json.loads(capsys.readouterr().out)
    assert (found["method"], found["unanswered"]) == ("schema", 0)
    assert found["signals"]["model"]["any"] == pytest.approx(1 / 3)
    assert found["median_ms"] > 0


def test_evaluate_on_too_few_texts_to_fit_says_how_many_it_takes(model: Script, table: Path):
    """Three texts fit no weights."""
    model.generate = lambda _body: feeling({"happy": -0.1})
    with pytest.raises(CommandError, match="at least 63 texts, not 3"):
        call_command("evaluate", str(table), "--fit")


def test_evaluate_refuses_to_apply_what_was_not_fitted(table: Path):
    """Only fitted weights can be put in force."""
    with pytest.raises(CommandError, match="--apply takes --fit") as failure:
        call_command("evaluate", str(table), "--apply")
    assert failure.value.returncode == 2
