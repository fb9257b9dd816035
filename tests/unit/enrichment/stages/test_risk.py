"""The risk check, in both directions: what must flag, what must not, and how long it takes."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages import risk
from tests.unit.enrichment.stages import risk_sentences

IDEATION = [
    "I want to kill myself",
    "i wanna kill myself so bad",
    "I'm going to kill myself tonight.",
    "Sometimes I think about killing myself",
    "I almost killed myself last year",
    "I don't want to kill myself but the thought keeps coming",
    "I used to be suicidal",
    "I am not suicidal, I promise",
    "I feel suicidal again",
    "Thinking of suicide every day",
    "I just want to die",
    "I want to die.",
    "i want to... die",
    "this heat makes me want to die",
    "I really want to die right now",
    "I wish I was dead",
    "I wish I were dead",
    "I wish I had never been born",
    "I wish I wasn't here",
    "I wish I could die",
    "I hope I don't wake up",
    "I want to go to sleep and never wake up",
    "I don't want to live anymore",
    "I don’t want to be alive",
    "I dont want to be here anymore",
    "I no longer want to exist",
    "I want to end my life",
    "I want to end it all",
    "I'm ready to end it.",
    "I thought about taking my own life",
    "Everyone would be better off without me",
    "They'd be better off if I was dead",
    "If I died tomorrow it would be easier",
    "I'm tired of living.",
    "I keep thinking about jumping off a bridge",
    "I want to jump in front of a train",
    "I want to hang myself",
    "I thought I might shoot myself",
    "I want to slit my wrists",
    "I took all my pills at once",
    "I might overdose",
    "I deserve to die",
    "someone please kill me",
    "I can't stop thinking about death",
    "I might as well be dead",
    "I'd rather die than go on like this",
    "I'm killing myself at midnight",
    "I am killing myself to stop the pain",
    "I feel like dying",
    "I attempted suicide two years ago",
    "I'm going to end it tonight",
    "I'm done with life",
    "I wish somebody would kill me",
    "What if I just killed myself",
]
EVASION = [
    "su1cide",
    "I want to k1ll myself",
    "k*ll myself",
    "I want to k!ll myself",
    "s*icide is on my mind",
    "I want to d*e",
    "kms",
    "gonna kms",
    "he told me to kys",
    "I want to unalive myself",
    "un-alive myself tonight",
    "i want to kiiiilllll myself",
    "i want to dieeeee",
    "I want to k i l l myself",
    "s.u.i.c.i.d.e",
    "s-u-i-c-i-d-e",
    "5uicide",
    "kil my self",
    "sucide",
    "suicidle thoughts",
    "I WANT TO KILL MYSELF",
    "ｉ ｗａｎｔ ｔｏ ｄｉｅ",
    "ki\u200bll myself",
    "I want to\ndie",
    "I wänt to die",
]
OTHER_SIGNALS = [
    ("I cut myself again last night", "self_harm"),
    ("I want to hurt myself", "self_harm"),
    ("I cut myself on purpose", "self_harm"),
    ("I cut myself with the razor", "self_harm"),
    ("I cut myself at night", "self_harm"),
    ("I cut myself often", "self_harm"),
    ("I hurt myself sometimes", "self_harm"),
    ("I hurt myself when I was alone", "self_harm"),
    ("I scratched my arms until they bled", "self_harm"),
    ("I started self-harming", "self_harm"),
    ("I have the urge to cut myself", "self_harm"),
    ("I've been cutting my arms", "self_harm"),
    ("I burned myself on purpose", "self_harm"),
    ("I started cutting again.", "self_harm"),
    ("I've been starving myself for days", "self_harm"),
    ("I make myself throw up", "self_harm"),
    ("I want to kill him", "intent_to_harm_others"),
    ("I'm going to kill my boss", "intent_to_harm_others"),
    ("I swear I'll stab her", "intent_to_harm_others"),
    ("I keep thinking about killing people", "intent_to_harm_others"),
    ("I want to hurt someone", "intent_to_harm_others"),
    ("Goodbye cruel world", "farewell"),
    ("This is my last note", "farewell"),
    ("By the time you read this I'll be gone", "farewell"),
    ("Please take care of my dog when I'm gone", "farewell"),
    ("You won't see me again", "farewell"),
    ("I don't see the point of living", "hopelessness_crisis"),
    ("Life's not worth it anymore", "hopelessness_crisis"),
    ("I can't live like this anymore", "hopelessness_crisis"),
    ("I can't go on anymore", "hopelessness_crisis"),
    ("There is no reason to live", "hopelessness_crisis"),
    ("I have nothing to live for", "hopelessness_crisis"),
    ("Life isn't worth living", "hopelessness_crisis"),
    ("I can't take it anymore", "hopelessness_crisis"),
    ("I just want to disappear.", "hopelessness_crisis"),
    ("I'm a burden to everyone", "hopelessness_crisis"),
    ("Nobody would miss me if I left", "hopelessness_crisis"),
    ("I want the pain to stop", "hopelessness_crisis"),
    ("My husband hit me again", "abuse_danger"),
    ("He threatened to kill me", "abuse_danger"),
    ("I'm scared of my stepdad", "abuse_danger"),
    ("I was raped", "abuse_danger"),
    ("I don't feel safe at home", "abuse_danger"),
    ("He said he'd kill me if I leave", "abuse_danger"),
    ("I'm afraid he will hurt me", "abuse_danger"),
    ("He tried to strangle me", "abuse_danger"),
    ("My friend killed himself", "bereavement_by_suicide"),
    ("My brother took his own life in May", "bereavement_by_suicide"),
    ("We lost my cousin to suicide", "bereavement_by_suicide"),
    ("My uncle committed suicide", "bereavement_by_suicide"),
    ("She died by suicide", "bereavement_by_suicide"),
    ("My sister wants to kill herself", "concern_for_other"),
    ("My best friend is suicidal", "concern_for_other"),
    ("He keeps talking about ending his life", "concern_for_other"),
    ("My son says he wants to die", "concern_for_other"),
    ("I don't want to die", "death_distress"),
    ("I'm scared I'm going to die", "death_distress"),
]
LANGUAGES = [
    "quiero morir",
    "Me quiero morir",
    "no quiero vivir más",
    "quiero quitarme la vida",
    "quiero suicidarme",
    "je veux mourir",
    "J'ai envie de mourir",
    "je n'ai plus envie de vivre",
    "j'ai envie de me tuer",
    "Ich will sterben",
    "Ich möchte nicht mehr leben",
    "ich will mich umbringen",
    "Ich denke an Selbstmord",
    "quero morrer",
    "eu quero me matar",
    "não quero mais viver",
    "penso em suicídio",
    "voglio morire",
    "voglio uccidermi",
    "mi voglio ammazzare",
    "Ich ritze mich wieder",
    "Ich will nicht mehr.",
    "non voglio più vivere",
    "main marna chahta hoon",
    "mujhe jeena nahi hai",
    "khudkushi karna chahta hu",
    "main apni jaan de dunga",
    "मैं मरना चाहता हूँ",
    "मुझे जीना नहीं है",
    "आत्महत्या के विचार आते हैं",
    "ख़ुदकुशी करना चाहता हूँ",
]
HARMLESS = [
    "I love this ice cream too much",
    "We always spend it on ice cream, I love you too much",
    "I could kill for a coffee",
    "I'd die for that cake",
    "That dress is to die for",
    "I'm dying to see you",
    "this traffic is killing me",
    "My feet are killing me",
    "I'm dead tired",
    "I was bored to death",
    "my phone died",
    "I killed it at the interview",
    "shoot me an email",
    "I'm going to shoot her an email",
    "Let's hang out tonight",
    "I want to hang the picture in the hall",
    "I cut my hair today",
    "I cut my finger chopping onions",
    "I cut myself shaving",
    "I cut myself some slack",
    "I hurt myself playing football",
    "I hurt myself in the gym",
    "I hurt myself while I was dancing",
    "I cut myself on a can",
    "I burned myself on the oven",
    "My brother beats me every time at cards",
    "I was walking from the train",
    "Take care of my plants when I'm gone next week",
    "My grandmother is dying and I am sad",
    "I can't do this puzzle any more",
    "My mum would kill me if she knew",
    "I took my pills and went to bed",
    "I burned myself out at work",
    "overdose of cuteness at the shelter",
    "I overdosed on chocolate",
    "I'd rather die than eat olives",
    "I almost died laughing",
    "I want to die of embarrassment",
    "I could have died of embarrassment",
    "He killed the lights",
    "We killed two hours at the museum",
    "kill two birds with one stone",
    "Mum is going to kill me when she sees the vase",
    "You're killing me with these jokes",
    "I ran 10 kms this morning",
    "We cycled forty kms along the river",
    "only 5kms left",
    "The film about the suicide squad was fun",
    "It would be career suicide to say that",
    "The battery is dead",
    "Dead leaves on the path",
    "The deadline is on Friday",
    "My grandmother died last year and I miss her",
    "I'm grieving my dog",
    "I am so tired of living in this flat",
    "I can't go on holiday this year",
    "I can't live without my sister",
    "I want to take my life back",
    "I take my life seriously",
    "I don't want to hurt her feelings",
    "I don't want to hurt him",
    "I never meant to hurt anyone",
    "She beat me at chess",
    "He hit me up on Friday",
    "It hit me that I miss home",
    "They kicked me out of the group chat",
    "I feel hopeless at cooking",
    "I'm so sad today",
    "I hate my life when the alarm goes off",
    "I feel lonely and empty tonight",
    "I failed my exam and cried",
    "I'm furious with my boss",
    "I don't want to live here anymore",
    "I don't want to wake up early",
    "I want this weekend to never end",
    "Goodbye everything bagel, hello salad",
    "I said goodbye to everyone at the office",
    "I'm feeling grateful for my sister today",
    "I got the job and I am so happy",
    "The murder mystery was gripping",
    "We played a killer set",
    "A shot of espresso",
    "I'm drowning in work",
    "I drowned myself in work",
    "I shot myself in the foot with that comment",
    "I'm killing myself to finish this report",
    "I finally cut ties with him",
    "I cut sugar out of my diet",
    "Started cutting carbs.",
    "The cut on my knee is healing",
    "He's a self made man",
    "Self care Sunday with my sister",
    "Skipping the gym, my legs are dead",
    "I want to disappear into a good book",
    "I jumped into the lake off a rock",
    "me muero de risa",
    "me quiero morir de risa",
    "ella vive en Madrid",
    "je suis mort de fatigue",
    "Ich bin todmüde",
    "ho una fame da morire",
    "estou morrendo de saudade",
    "main bahut khush hoon",
    "मैं आज बहुत खुश हूँ",
    "",
    "   ",
    "...",
]


@pytest.mark.parametrize("text", IDEATION)
def test_check_wish_to_die_or_to_kill_oneself_flags(text: str) -> None:
    """Whoever writes of wishing to die gets the safety text, negated or past wishes too."""
    assert "suicidal_ideation" in risk.check(text).signals


@pytest.mark.parametrize("text", EVASION)
def test_check_disguised_or_misspelt_wording_flags(text: str) -> None:
    """Digits, asterisks, gaps, stretched letters and typical slips do not hide a phrase."""
    assert risk.check(text).flagged


@pytest.mark.parametrize(("text", "signal"), OTHER_SIGNALS)
def test_check_each_signal_is_named(text: str, signal: str) -> None:
    """A text about harm, farewell, danger, grief or worry flags with the signal that fits it."""
    assert signal in risk.check(text).signals


@pytest.mark.parametrize("text", LANGUAGES)
def test_check_core_phrases_in_other_languages_flag(text: str) -> None:
    """Core phrases flag in Spanish, French, German, Portuguese, Italian and Hindi."""
    assert risk.check(text).flagged


@pytest.mark.parametrize("text", HARMLESS)
def test_check_idiom_or_everyday_text_does_not_flag(text: str) -> None:
    """Figures of speech and ordinary sorrow, anger or joy keep their poem."""
    assert risk.check(text) == risk.Risk(flagged=False, signals=())


@pytest.mark.parametrize("text", risk_sentences.MUST_FLAG)
def test_check_sentence_of_crisis_flags(text: str) -> None:
    """Direct, in passing, past, denied, of others, disguised, in other languages: all flag."""
    assert risk.check(text).flagged


@pytest.mark.parametrize("text", risk_sentences.MUST_NOT_FLAG)
def test_check_sentence_of_a_plain_day_does_not_flag(text: str) -> None:
    """Idioms, grief, low spirits, books, games and accidents keep their poem."""
    assert risk.check(text) == risk.Risk(flagged=False, signals=())


@pytest.mark.parametrize("text", risk_sentences.ALARMS_ACCEPTED)
def test_check_in_doubt_flags(text: str) -> None:
    """A calm text in place of a poem costs less than a miss."""
    assert risk.check(text).flagged


@pytest.mark.parametrize("text", risk_sentences.MISSED)
def test_check_does_not_see_what_has_no_telling_words(text: str) -> None:
    """The limits that the docs speak of are real; whoever moves one takes it off this list."""
    assert not risk.check(text).flagged


def test_sentences_are_many_in_both_directions() -> None:
    """At least 120 of each kind, none in both lists."""
    flag, no_flag = set(risk_sentences.MUST_FLAG), set(risk_sentences.MUST_NOT_FLAG)
    assert min(len(flag), len(no_flag)) >= 120
    assert not flag & no_flag


@pytest.mark.parametrize(
    "text",
    [
        "She cuts the cake",
        "My sister cuts hair",
        "His words touched me when I was listening",
        "Our team was beaten",
        "I jumped into the truck",
        "The cat jumped off the roof",
        "I was running into the metro",
        "Nobody will notice.",
        "Nobody would care.",
        "I take care of myself",
        "me corto el pelo",
        "I am proud of myself and happy",
        "Goodbye everyone, see you in May",
    ],
)
def test_check_everyday_sentence_that_once_flagged_does_not(text: str) -> None:
    """False alarms that were found once stay mended."""
    assert not risk.check(text).flagged


def test_check_friends_suicide_does_not_name_the_writer() -> None:
    """A bereaved writer is not marked as suicidal."""
    assert risk.check("My friend killed himself").signals == ("bereavement_by_suicide",)


def test_check_writers_own_wish_beside_a_friends_is_seen() -> None:
    """A third person in the sentence does not hide the first."""
    signals = risk.check("My friend killed himself and I want to die too").signals
    assert signals == ("bereavement_by_suicide", "suicidal_ideation")
    assert "suicidal_ideation" in risk.check("My friend knows that I want to die").signals


def test_check_idiom_beside_a_true_phrase_does_not_hide_it() -> None:
    """Blanking an idiom leaves the rest of the text to be searched."""
    assert risk.check("I could kill for a coffee, and I want to kill myself").flagged


def test_check_phrase_at_the_end_of_a_long_text_flags() -> None:
    """The whole text is read, however long the harmless part is."""
    assert risk.check("We went to the market and bought pears. " * 125 + "I want to die").flagged


def test_check_signals_are_sorted_names_from_the_closed_list() -> None:
    """Signals carry no word of the text, only sorted names from the list."""
    signals = risk.check(
        "Goodbye cruel world. I want to die. He hit me again. I cut myself."
    ).signals
    assert list(signals) == sorted(signals)
    assert set(signals) <= set(risk.SIGNAL_NAMES)
    assert len(signals) == 4


@given(st.text(max_size=400))
def test_check_any_text_gives_a_consistent_answer(text: str) -> None:
    """No text makes the check raise, and it flags exactly when it names a signal."""
    found = risk.check(text)
    assert found.flagged == bool(found.signals)
    assert set(found.signals) <= set(risk.SIGNAL_NAMES)
    assert risk.check(text) == found


@given(st.text(alphabet="iwantodek l*.1!sumyf'", max_size=200))
def test_check_text_of_its_own_letters_never_raises(text: str) -> None:
    """Text made of the letters, gaps and disguises that the patterns look for is read too."""
    risk.check(text)


@given(st.text(max_size=100), st.text(max_size=100))
def test_check_phrase_between_sentences_always_flags(before: str, after: str) -> None:
    """No surrounding text hides a plain phrase that stands as sentences of its own."""
    assert risk.check(f"{before}\n. I want to kill myself . \n{after}").flagged


@pytest.mark.parametrize(
    "unit",
    [
        "my ",
        "i want to ",
        "a",
        "ab",
        "*a",
        "k*",
        "a ",
        "a.",
        "my he wants ",
        "he he my friend ",
        "want just just ",
        "!1@",
        ". ",
        "suicid",
        "खुद ",
        "i just ",
    ],
)
def test_check_noise_takes_time_linear_in_its_length(unit: str) -> None:
    """Eight times the noise takes far less than the 64 times of a quadratic search."""

    def seconds(length: int) -> float:
        noise = (unit * length)[:length]
        durations = []
        for _ in range(5):
            started = perf_counter()
            risk.check(noise)
            durations.append(perf_counter() - started)
        return min(durations)

    assert seconds(40_000) < 24 * seconds(5_000)
