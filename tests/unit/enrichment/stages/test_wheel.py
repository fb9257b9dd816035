"""The wheel: every word at one place, every path legal, nothing ever forced."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages import wheel

TERTIARY_PATHS = [wheel.find(word) for word in wheel.WORDS if len(wheel.find(word) or ()) == 3]
ANY_WORD = st.one_of(
    st.none(), st.text(max_size=12), st.sampled_from([*wheel.WORDS, *wheel.ALIASES])
)


def test_wheel_has_six_primaries_36_secondaries_and_108_tertiaries():
    """The rings are 6, 36 and 108 words, all different."""
    rings = [len(wheel.find(word) or ()) for word in wheel.WORDS]

    assert [rings.count(depth) for depth in (1, 2, 3)] == [6, 36, 108]
    assert len(set(wheel.WORDS)) == 150


def test_wheel_words_are_single_lower_case_english_tokens():
    """A word can be a token of a reply or a key as it stands."""
    assert [word for word in wheel.WORDS if not (word.isascii() and word.islower())] == []
    assert [word for word in wheel.WORDS if not word.isalpha()] == []


@pytest.mark.parametrize(
    ("primary", "expected"),
    [
        ("sad", "tired bored lonely depressed ashamed guilty"),
        ("mad", "hurt hostile angry selfish hateful critical"),
        ("scared", "confused rejected helpless submissive insecure anxious"),
        ("joyful", "excited sensuous energetic cheerful creative hopeful"),
        ("powerful", "aware proud respected appreciated important faithful"),
        ("peaceful", "content thoughtful intimate loving trusting nurturing"),
    ],
)
def test_secondaries_are_willcoxs_middle_ring(primary, expected):
    """The two inner rings are the published ones."""
    assert " ".join(wheel.secondaries(primary)) == expected


def test_path_joyful_cheerful_grateful_is_legal_and_reads_from_the_hub_outwards():
    """The path of the documentation's example exists."""
    path = wheel.WheelPath(primary="joyful", secondary="cheerful", tertiary="grateful")

    assert str(path) == "joyful > cheerful > grateful"
    assert wheel.find("grateful") == path.words


@pytest.mark.parametrize(
    ("primary", "secondary", "tertiary"),
    [
        ("sad", "cheerful", "grateful"),
        ("joyful", "excited", "grateful"),
        ("joyful", "cheerful", "cheerful"),
        ("Joyful", "cheerful", "grateful"),
        ("", "", ""),
    ],
)
def test_path_of_words_that_do_not_stand_together_is_refused(primary, secondary, tertiary):
    """A path object that exists is legal."""
    with pytest.raises(ValueError, match="not a path"):
        wheel.WheelPath(primary=primary, secondary=secondary, tertiary=tertiary)


def test_tertiaries_of_a_word_that_is_no_secondary_raise():
    """A primary or tertiary is not taken for a secondary."""
    for word in ("joyful", "grateful", "nonsense"):
        with pytest.raises(KeyError):
            wheel.tertiaries(word)


def test_every_alias_resolves_and_shadows_no_word_of_the_wheel():
    """Everyday names lead to a place, and never away from a word's own place."""
    assert [alias for alias, word in wheel.ALIASES.items() if word not in wheel.WORDS] == []
    assert set(wheel.ALIASES) & set(wheel.WORDS) == set()
    assert wheel.find("Happy ") == ("joyful",)
    assert wheel.find("fearful") == ("scared",)
    assert wheel.find("xyzzy") is None


def test_normalise_legal_path_is_kept_without_warning():
    """What is legal is not touched."""
    for path in TERTIARY_PATHS:
        assert wheel.normalise(*path) == (path, ())


@pytest.mark.parametrize(
    ("proposed", "expected", "warnings"),
    [
        (("happy", "cheerful", "thankful"), ("joyful", "cheerful", "grateful"), ()),
        ((None, None, None), (), ()),
        (("sad", None, None), ("sad",), ()),
        (("zebra", "cheerful", "grateful"), (), (wheel.PRIMARY_UNKNOWN,)),
        (("joyful", "lonely", None), ("joyful",), (wheel.SECONDARY_ILLEGAL,)),
        (("joyful", "joyful", None), ("joyful",), (wheel.SECONDARY_ILLEGAL,)),
        (("joyful", "cheerful", "sleepy"), ("joyful", "cheerful"), (wheel.TERTIARY_ILLEGAL,)),
        (
            ("joyful", None, "grateful"),
            ("joyful", "cheerful", "grateful"),
            (wheel.TERTIARY_COMPLETED,),
        ),
        (("grateful", None, None), ("joyful",), (wheel.PRIMARY_DEEPER,)),
        (("joyful", "grateful", None), ("joyful", "cheerful"), (wheel.SECONDARY_DEEPER,)),
        (
            ("joyful", "lonely", "grateful"),
            ("joyful",),
            (wheel.SECONDARY_ILLEGAL, wheel.TERTIARY_ILLEGAL),
        ),
    ],
)
def test_normalise_returns_the_nearest_legal_parent(proposed, expected, warnings):
    """What does not fit is cleared with a warning, never replaced by a first child."""
    assert wheel.normalise(*proposed) == (expected, warnings)


@given(primary=ANY_WORD, secondary=ANY_WORD, tertiary=ANY_WORD)
def test_normalise_anything_gives_a_legal_prefix_and_fixed_warnings(primary, secondary, tertiary):
    """Whatever a model proposes, the result is on the wheel and no warning repeats its words."""
    path, warnings = wheel.normalise(primary, secondary, tertiary)

    assert path == () or wheel.find(path[-1]) == path
    assert set(warnings) <= {
        wheel.PRIMARY_UNKNOWN,
        wheel.PRIMARY_DEEPER,
        wheel.SECONDARY_ILLEGAL,
        wheel.SECONDARY_DEEPER,
        wheel.TERTIARY_ILLEGAL,
        wheel.TERTIARY_COMPLETED,
    }


def test_affect_differs_between_primaries_and_is_on_one_scale():
    """The six primaries do not share one default, and all values are 0 to 1."""
    pairs = {primary: wheel.affect((primary,)) for primary in wheel.PRIMARIES}

    assert len(set(pairs.values())) == 6
    for pair in [*pairs.values(), *wheel.VALENCE_AROUSAL.values()]:
        assert all(0 <= value <= 1 for value in pair)
    for unpleasant in ("sad", "mad", "scared"):
        for pleasant in ("joyful", "powerful", "peaceful"):
            assert pairs[unpleasant][0] < 0.5 < pairs[pleasant][0]


def test_affect_covers_every_secondary_and_is_neutral_for_no_path():
    """Each prefix has an affect, a tertiary that of its secondary."""
    secondaries = {word for primary in wheel.PRIMARIES for word in wheel.secondaries(primary)}

    assert set(wheel.VALENCE_AROUSAL) == secondaries
    assert wheel.affect(()) == (0.5, 0.5)
    assert wheel.affect(("joyful", "cheerful", "grateful")) == wheel.affect(("joyful", "cheerful"))


@given(primary=ANY_WORD, secondary=ANY_WORD, tertiary=ANY_WORD)
def test_normalise_twice_is_normalise_once(primary, secondary, tertiary):
    """A path that was normalised is legal, so that nothing is left to change or to warn of."""
    path, _ = wheel.normalise(primary, secondary, tertiary)
    assert wheel.normalise(*(*path, None, None, None)[:3]) == (path, ())


@given(primary=ANY_WORD, secondary=ANY_WORD, tertiary=ANY_WORD)
def test_normalise_never_gives_a_word_that_nobody_proposed(primary, secondary, tertiary):
    """Each word of the path is a proposed one, or stands above one: no first child is forced."""
    path, _ = wheel.normalise(primary, secondary, tertiary)
    proposed = [wheel.find(word) or () for word in (primary, secondary, tertiary) if word]
    assert set(path) <= {word for each in proposed for word in each}
    assert not set(path) & set(wheel.ALIASES)


@pytest.mark.parametrize("primary", wheel.PRIMARIES)
def test_normalise_does_not_fill_up_with_the_first_child(primary):
    """A primary alone stays alone, and so does one with a secondary."""
    secondary = wheel.secondaries(primary)[0]
    assert wheel.normalise(primary, None, None) == ((primary,), ())
    assert wheel.normalise(primary, "nonsense", "nonsense")[0] == (primary,)
    assert wheel.normalise(primary, secondary, None) == ((primary, secondary), ())


def test_find_ignores_case_and_does_not_look_inside_words():
    """A model's "Happy" agrees with the wheel's own words; "now" is not "no", nor "madam" mad."""
    assert wheel.find("HAPPY") == wheel.find("happy") == ("joyful",)
    assert wheel.normalise("Happy", "Cheerful", "Grateful")[0] == wheel.find("grateful")
    for word in ("madam", "sadly so", "unhappily", "scaredy", "anger management", "so sad"):
        assert wheel.find(word) is None


@pytest.mark.parametrize("word", wheel.WORDS)
def test_affect_of_every_word_is_its_own_and_not_the_neutral_one(word):
    """No word of the wheel falls back to the middle of both scales."""
    path = wheel.find(word)
    assert path is not None
    valence, _ = wheel.affect(path)
    assert wheel.affect(path) != wheel.NEUTRAL_AFFECT
    assert (valence > 0.5) is (path[0] in {"joyful", "powerful", "peaceful"})


def test_wheel_of_this_version_has_not_changed():
    """Answers in caches name the wheel's version: another wheel must raise it, and this digest."""
    tables = repr(
        (wheel.WORDS, sorted(wheel.ALIASES.items()), sorted(wheel.VALENCE_AROUSAL.items()))
    )
    digest = hashlib.sha256(tables.encode()).hexdigest()[:16]
    assert (wheel.WHEEL_VERSION, digest) == ("1", "a8dd298ce15b797d")
