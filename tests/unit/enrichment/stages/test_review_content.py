"""The review's content rules in both directions: what each refuses, and what it must let pass."""

import json

import pytest

from enrichment.stages import review
from enrichment.stages.imperatives import VERBS, is_imperative
from enrichment.stages.review import InvalidWriting

POEM = [
    "A cup of tea warms my quiet hands.",
    "Rain taps the glass beside the old chair.",
    "The lamp folds its light over the floor.",
]
TIPS = [
    "Open the window and listen to the street.",
    "Write one small thing that made you smile.",
    "Stretch your arms before you go to bed.",
]
CLOSING = "Rest well, the day is done."

BAD = {
    "promise": [
        "I promise you a brighter road ahead.",
        "Everything will be fine by the river.",
        "It will all be better in the spring.",
        "This too shall pass, says the rain.",
        "Tomorrow will be brighter than the lamp.",
        "Better days are coming down the street.",
        "Your dreams will come true by the sea.",
        "The pain will fade with the snow.",
        "You will never be alone in this room.",
        "I will always walk beside your chair.",
        "Nothing can hurt you under this roof.",
        "You're going to be okay, says the kettle.",
        "Time will heal the crack in the cup.",
        "They lived happily ever after by the lake.",
    ],
    "medical": [
        "Take your medication with the warm soup.",
        "A tablet waits beside the glass of water.",
        "The doctor sits beside the window.",
        "See a therapist before the rain stops.",
        "Chamomile cures the ache of the street.",
        "A remedy waits in the kitchen drawer.",
        "Your blood pressure falls like the snow.",
        "Walk until your serotonin climbs the stairs.",
        "Stop taking the pills in the drawer.",
        "Depression sits on the old chair.",
        "The hospital lights shine on the wet road.",
        "Take vitamins with the fruit on the table.",
        "A symptom knocks on the quiet door.",
        "Melatonin brings the moon to your room.",
    ],
    "violence": [
        "The knife lies on the quiet table.",
        "Blood runs down the old stone wall.",
        "He kills the silence with his song.",
        "A gun sleeps under the wooden floor.",
        "They attack the hill in the rain.",
        "The soldiers walk along the river.",
        "A bomb ticks under the old bridge.",
        "Punch him before the lights go out.",
        "My fists in his face like hail.",
        "She screams at the wall of the room.",
        "A grave waits behind the garden.",
        "The sword hangs over the kitchen door.",
        "Hurt them as they hurt the trees.",
        "The dead leaves cover the path.",
    ],
    "threat": [
        "You will regret this walk in the rain.",
        "I will find you under the bridge.",
        "Open the door, or else the rain comes.",
        "Watch your back on the long stairs.",
        "You have been warned by the wind.",
        "You'll be sorry when the lamp goes out.",
        "I know where you leave your shoes.",
        "They are coming for you in the fog.",
        "You had better close the old door.",
        "You can't hide behind the curtain.",
        "There is nowhere to run from the rain.",
        "I'm watching you from the dark street.",
        "Don't you dare open the window.",
        "You will pay for the broken glass.",
        "I'll make you pay for the long road.",
    ],
    "blame": [
        "It is your fault that the cup broke.",
        "You should be ashamed of the empty chair.",
        "You brought this on with your own hands.",
        "You never listen to the rain outside.",
        "You always ruin the quiet of the room.",
        "You are a burden on the old chair.",
        "You failed, and the street knows it.",
        "You should have known better than the wind.",
        "Don't be so sad, the sun is out.",
        "Just calm down and look at the sea.",
        "Pull yourself together, says the clock.",
        "Nobody loves you in the long street.",
        "Because of you the lamp went out.",
        "You are weak as the thin ice.",
        "Stop crying, the kettle is on.",
    ],
    "sexual": [
        "A naked branch bends over the road.",
        "Her breasts rise like the two hills.",
        "Lust walks along the quiet river.",
        "Feel their skin beneath you in the sun.",
    ],
}
GOOD = {
    "promise": [
        "The bus will come when it comes.",
        "You will find a chair by the window.",
        "The bread will be warm in an hour.",
        "Everything smells of rain and oranges.",
        "All of it fits in one small bag.",
        "It is late, and the soup is good.",
        "The snow is better than the mud.",
        "This road ends at a little shop.",
        "Tomorrow has its own list on the fridge.",
    ],
    "medical": [
        "A spoon of honey melts in the tea.",
        "The cough of an old engine fades.",
        "My shoulders come down like slow lifts.",
        "Be patient with the sleepy kettle.",
        "The market opens its bright boxes.",
        "A long bath steams behind the door.",
        "The garden rests under the straw.",
        "My heart taps along with the rain.",
    ],
    "violence": [
        "The deadline walks off down the street.",
        "A skilled hand folds the blue paper.",
        "The gravel path shines after the rain.",
        "The pencil makes a point on the page.",
        "The drum beats softly in the hall.",
        "Wind throws the leaves across the road.",
        "A storm shakes the windows of the shop.",
        "The hunter moon sits on the chimney.",
    ],
    "threat": [
        "You will find the key under the pot.",
        "I will find you a warm chair.",
        "Somewhere else, or elsewhere, it rains.",
        "I know the street where you live in spring.",
        "The dog is watching the rain for you.",
        "You had a better seat by the window.",
        "Run a bath and hide the clock.",
        "Watch the sky until it turns to gold.",
        "Pay for the bread and walk home.",
    ],
    "blame": [
        "You never know which bird sings first.",
        "You always had the bigger umbrella.",
        "You are tired, and the chair is kind.",
        "The sea is calm down by the rocks.",
        "It is no crime to rest.",
        "You are allowed to be slow.",
        "You may be angry and still be kind.",
        "You carried it all up the stairs.",
        "The weakest light still finds the cup.",
    ],
    "sexual": [
        "The sister of the moon is a lamp.",
        "Wool against the cold, tea against the rain.",
        "A bare branch bends over the road.",
        "The essex train is late again.",
    ],
}
IMPERATIVE = [
    "Walk to the end of the street and back.",
    "Water the plant on your window sill.",
    "Rest your head on the old sofa.",
    "Gently press your feet into the floor.",
    "Slowly sip a glass of cold water.",
    "Don't answer that letter before supper.",
    "Do not open the laptop after dinner.",
    "Let yourself sit still for a minute.",
    "Please put the phone in a drawer.",
    "Just open the window for one song.",
    "Before bed, dim the lights one by one.",
    "If you can, step outside for some air.",
    "Try a new path on your way home.",
    "Treat yourself to a slow breakfast.",
]
STATEMENT = [
    "Tea helps you sleep well at night.",
    "Walking is good for you and me.",
    "Water calms the mind on hot days.",
    "Rest is what the body asks for.",
    "Music can lift the whole room.",
    "You walk slowly through the park.",
    "The garden waits for your hands.",
    "Your shoulders know how to drop.",
    "Going outside makes the day longer.",
    "A short nap is never a waste.",
    "Breath by breath the room grows.",
    "Happiness lives in the small things.",
    "When you are tired the chair helps.",
    "Slowly the kettle comes to the boil.",
]


def codes(**parts: object) -> set[str]:
    """Return the codes under which a writing with these parts is refused."""
    reply = {"poem": POEM, "tips": TIPS, "closing_line": CLOSING, **parts}
    try:
        review.review(json.dumps(reply))
    except InvalidWriting as exc:
        return {reason.split(":")[0] for reason in exc.reasons}
    return set()


def each(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(code, line) for code, lines in table.items() for line in lines]


@pytest.mark.parametrize(("code", "line"), each(BAD))
def test_review_bad_line_is_refused_under_its_code_wherever_it_stands(code: str, line: str) -> None:
    """What a rule is for falls under it, in the poem as at the close."""
    assert code in codes(poem=[line, *POEM[1:]])
    assert code in codes(closing_line=line)


@pytest.mark.parametrize(("code", "line"), each(GOOD))
def test_review_harmless_line_with_a_like_word_passes(code: str, line: str) -> None:
    """A word that only looks like a bad one costs no retry."""
    assert codes(poem=[line, *POEM[1:]]) == set()


@pytest.mark.parametrize("tip", IMPERATIVE)
def test_review_tip_that_says_what_to_do_passes(tip: str) -> None:
    """Verb first, or after an adverb, a "don't" or a part that says when."""
    assert is_imperative(tip)
    assert codes(tips=[tip, *TIPS[1:]]) == set()


@pytest.mark.parametrize("tip", STATEMENT)
def test_review_tip_that_states_is_refused(tip: str) -> None:
    """A noun, a gerund, a pronoun first, or a verb's twin that is the subject, is no tip."""
    assert not is_imperative(tip)
    assert "tip" in codes(tips=[tip, *TIPS[1:]])


def test_imperatives_of_no_words_is_none() -> None:
    """An empty tip, or one of adverbs alone, says nothing to do."""
    assert not any(map(is_imperative, ("", "...", "Gently", "Don't", "Before bed", "Do not")))


def test_imperatives_know_some_hundred_verbs_as_plain_words() -> None:
    """The list is long, or good tips would cost retries."""
    assert len(VERBS) > 300
    assert all(verb.isalpha() and verb.islower() for verb in VERBS)


@pytest.mark.parametrize(
    ("parts", "refused"),
    [
        ({"closing_line": "Rest well, the day is done 🌙."}, False),
        ({"closing_line": "Rest well 🌙🌙, the day is done."}, True),
        ({"closing_line": "Rest well :) :) the day is done."}, True),
        ({"closing_line": "Rest well, the day is done!!!"}, True),
        ({"poem": [f"{line} 🌙" for line in POEM]}, True),
        ({"poem": [f"{line} {sign}" for line, sign in zip(POEM, "🌙☀🌧", strict=True)]}, True),
        ({"poem": [f"{POEM[0]} 🌙", f"{POEM[1]} ☀", POEM[2]]}, False),
        ({"closing_line": "Rest well... the day is done."}, False),
    ],
)
def test_review_emoji_and_signs_in_loops_are_refused(
    parts: dict[str, object], refused: bool
) -> None:
    """One of them is a flourish; many in a string, or one in each string, is a loop."""
    assert ("emoji" in codes(**parts)) is refused


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("My feet dance withjoyful steps on the road.", True),
        ("I find that youre near the old window.", True),
        ("The rain isntgoing over to the other roof.", True),
        ("The sound ofthe rain fills the room.", True),
        ("A child walks along thepond in the rain.", True),
        ("Then they themselves sing there, and the theme stays.", False),
        ("I stand within the light of the door.", False),
        ("The android toy sleeps in its box.", False),
        ("It isn't much, and it is yours.", False),
        ("You may keep it for yourself, says the cup.", False),
        ("Somehow i walk along the river.", True),
        ("Somehow I walk along the river.", False),
    ],
)
def test_review_words_run_together_are_no_words(line: str, refused: bool) -> None:
    """What a small model glues at the end of its line is refused, and real words are not."""
    assert ("language" in codes(poem=[line, *POEM[1:]])) is refused


def test_tables_hold_enough_of_both_kinds() -> None:
    """At least 12 bad and 8 good lines for each rule that was asked for."""
    for code in ("promise", "medical", "violence", "threat", "blame"):
        assert len(BAD[code]) >= 12
        assert len(GOOD[code]) >= 8
