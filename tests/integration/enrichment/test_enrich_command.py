"""manage.py enrich, from outside."""

import json

import pytest
from django.core.management import CommandError, call_command

from enrichment.models import Reflection
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")

TEXT = "I'm feeling grateful for my sister today"


def test_enrich_prints_both_stages_and_the_second_time_hits(model: Script, capsys):
    """Both stages come through the cache: miss, then hit with the same answer; nothing is kept."""
    call_command("enrich", TEXT, "--json")
    cold = json.loads(capsys.readouterr().out)
    call_command("enrich", TEXT, "--json")
    warm = json.loads(capsys.readouterr().out)

    for stage in ("stage1", "stage2"):
        assert (cold[stage]["cache"], warm[stage]["cache"]) == ("miss", "hit")
        assert cold[stage]["result"] == warm[stage]["result"]
    assert not Reflection.objects.exists()


def test_enrich_prints_words_without_json(model: Script, capsys):
    """A person reads the path, the poem and where they came from."""
    call_command("enrich", TEXT)

    out = capsys.readouterr().out
    assert "joyful > cheerful > grateful (model, miss" in out
    assert "The rain is slow on the kitchen roof." in out


def test_enrich_without_a_model_says_so(capsys):
    """The fallback is named with its reason."""
    call_command("enrich", TEXT)

    assert "fallback, bypass, lexicon, HostUnreachable" in capsys.readouterr().out


def test_enrich_text_in_danger_gets_the_safety_text(model: Script, capsys):
    """The command has no way around the risk check."""
    call_command("enrich", "I want to kill myself", "--json")

    assert json.loads(capsys.readouterr().out)["stage2"]["outcome"] == "safety"
    assert model.questions("/api/chat") == []


def test_enrich_blank_text_is_a_usage_error():
    """A blank text is refused with the field's name."""
    with pytest.raises(CommandError, match="text: is empty") as refused:
        call_command("enrich", "  ")

    assert refused.value.returncode == 2
