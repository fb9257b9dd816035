"""The first words of lines for a very small model, by feeling; data.

Such a model writes grammatically but of anything: left alone it opens nearly every poem with the
same tree, and is cheerful with the grieving. So each line begins with words that a person chose for
the feeling, drawn anew for each question, and the model goes on from there. The leads of one
primary suit all of its secondaries; none names a time of day, a drink with alcohol or a country.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from enrichment.stages.vocabulary import canonical_hash


@dataclass(frozen=True, kw_only=True)
class Leads:
    """How poem lines, tips and the closing line may begin; each list longer than what is drawn."""

    poem: tuple[str, ...]
    tips: tuple[str, ...]
    closing: tuple[str, ...]


# Things to do that suit any feeling.
_ANY_TIPS = (
    "Drink some water and",
    "Open the window and",
    "Warm your hands on",
    "Stretch your arms and",
    "Listen to the",
    "Step outside and feel",
    "Rest your eyes on",
    "Water the plants in",
)

LEADS: Mapping[str, Leads] = MappingProxyType(
    {
        "sad": Leads(
            poem=(
                "Rain runs down the",
                "A cold cup waits",
                "The empty chair stands",
                "Grey light lies on",
                "The phone is quiet on",
                "An old coat hangs",
                "The last bus goes",
                "A slow tap drips",
                "My hands rest on",
                "Dust settles on the",
                "The soup cools on",
                "One lamp burns in",
                "The clock ticks in",
                "A grey cloud sits",
            ),
            tips=(
                *_ANY_TIPS,
                "Put on a soft shirt and",
                "Wrap a blanket around",
                "Cook simple soup with",
                "Rest your head on",
                "Take a slow bath with",
                "Find an old photo of",
                "Light a lamp near",
                "Lie down a while and",
            ),
            closing=(
                "You may go slowly and",
                "You may rest and",
                "Small steps suffice for",
                "Be as gentle as",
                "This day asks only for",
                "There is room here for",
            ),
        ),
        "mad": Leads(
            poem=(
                "My jaw is tight as",
                "The door shuts behind",
                "Hot water drums on",
                "My steps are loud on",
                "The pan clatters on the",
                "Wind pulls at the",
                "The kettle boils on",
                "My hands grip the",
                "A car horn rings in",
                "Sharp words ring in",
                "Traffic growls under",
                "A storm rolls over",
                "My heart drums against",
                "Thunder walks along the",
            ),
            tips=(
                *_ANY_TIPS,
                "Walk fast along the",
                "Press your feet into",
                "Scrub the sink until",
                "Tear old paper into",
                "Run cold water over",
                "Shake your arms and",
                "Put the phone away and",
                "Carry full bags to",
            ),
            closing=(
                "You may be angry and",
                "Let the heat leave with",
                "A storm can pass over",
                "Your anger is free to",
                "Take all the time for",
                "There is room here for",
            ),
        ),
        "scared": Leads(
            poem=(
                "My heart beats like",
                "The floor creaks under",
                "A light stays on in",
                "The stairs go down to",
                "My breath is short as",
                "The phone glows beside",
                "Shadows move across the",
                "The clock ticks above",
                "My hands hold on to",
                "Fog hides the end of",
                "The curtain moves in",
                "A dog barks behind",
                "A letter waits on",
                "The long street bends",
            ),
            tips=(
                *_ANY_TIPS,
                "Name five things in",
                "Hold a warm cup and",
                "Lean your back on",
                "Breathe out slowly and",
                "Put both feet on",
                "Write the worry on",
                "Turn on a lamp near",
                "Count the steps from",
            ),
            closing=(
                "You may be afraid and",
                "One small step suits",
                "This minute asks for",
                "A small light can",
                "Be as gentle as",
                "There is room here for",
            ),
        ),
        "joyful": Leads(
            poem=(
                "Music spills out of",
                "The kitchen smells of",
                "My feet dance across",
                "Sunlight jumps over the",
                "A child laughs in",
                "The window is open to",
                "Bright shirts wave on",
                "The market is full of",
                "A bell rings over",
                "Oranges glow on the",
                "Friends wave from the",
                "My shoes are wet from",
                "The street is loud with",
                "A kite climbs over",
            ),
            tips=(
                *_ANY_TIPS,
                "Play a loud song and",
                "Dance around the",
                "Take a photo of",
                "Write down what made",
                "Eat a sweet fruit with",
                "Wear your brightest",
                "Bring some flowers to",
                "Share a snack with",
            ),
            closing=(
                "Keep this bright hour",
                "Let the good hour stay",
                "Carry this song into",
                "The day shines like",
                "Enjoy all of it like",
                "There is room here for",
            ),
        ),
        "powerful": Leads(
            poem=(
                "My back is straight as",
                "The key turns in",
                "My boots are muddy from",
                "The stairs are behind",
                "My voice is clear in",
                "The desk is clear and",
                "A strong tree stands",
                "The old bridge holds",
                "My voice carries across",
                "Warm bread waits on",
                "My hands know how to",
                "The hill lies behind",
                "A lamp burns beside the",
                "The door opens on",
            ),
            tips=(
                *_ANY_TIPS,
                "Stand tall beside the",
                "Write down what you",
                "Tidy one corner of",
                "Choose the next small",
                "Thank someone for",
                "Roll your shoulders and",
                "Take long steps to",
                "Mark the date on",
            ),
            closing=(
                "You can be proud of",
                "Your steps are firm and",
                "Stand where you are and",
                "Let the good work",
                "This strength is for",
                "There is room here for",
            ),
        ),
        "peaceful": Leads(
            poem=(
                "Steam curls above the",
                "A cat sleeps on",
                "The river moves past",
                "Soft light rests on",
                "The garden rests after",
                "My tea cools beside",
                "Leaves drift over the",
                "The house is quiet and",
                "A boat rocks on",
                "Bread cools on the",
                "The curtain lifts in",
                "Snow settles on the",
                "The moon leans over",
                "A spoon rests in",
            ),
            tips=(
                *_ANY_TIPS,
                "Sit and listen to",
                "Breathe slowly by the",
                "Read a page of",
                "Lie on the grass and",
                "Watch the clouds over",
                "Brew some tea and",
                "Fold a soft",
                "Walk slowly under the",
            ),
            closing=(
                "Let the quiet stay like",
                "The hour is soft and",
                "Nothing need hurry in",
                "Be as slow as",
                "This calm is yours to",
                "There is room here for",
            ),
        ),
    }
)

LEADS_HASH = canonical_hash(
    {primary: [leads.poem, leads.tips, leads.closing] for primary, leads in LEADS.items()}
)
"""Part of the cache key of what a led model wrote."""
