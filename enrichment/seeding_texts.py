"""Invented reflections for a demonstration: nobody wrote them."""

from itertools import product

HAPPENED = (
    "My sister called and we laughed for an hour.",
    "I finished the report that I had put off for weeks.",
    "The meeting went badly and my boss was cold to me.",
    "I walked home through the rain and didn't mind it.",
    "My flight was cancelled and nobody could say why.",
    "We planted tomatoes on the balcony today.",
    "I failed the driving test again.",
    "An old friend wrote after three years of silence.",
    "The neighbours were loud until two in the morning.",
    "I ran five kilometres without stopping.",
    "My grandmother's chair is still empty at the table.",
    "The doctor said that all the results are fine.",
    "I said no to a project, and it felt strange.",
    "Our team shipped the release, and people clapped.",
    "I sat by the lake and watched the ducks.",
    "I forgot my daughter's school play.",
    "Somebody took my bicycle from the yard.",
    "We cooked together and burned the rice.",
    "Tomorrow I start at the new job.",
    "The interview was short, and they hardly looked at me.",
)
FELT = (
    "I feel grateful and light.",
    "I'm so angry that I can't sit still.",
    "I feel calm, as if there were time enough.",
    "I'm proud of myself for once.",
    "I feel lonely tonight.",
    "I'm nervous about what comes next.",
    "I feel tired and a little sad.",
    "I'm hopeful again.",
    "I feel guilty, though I know that I tried.",
    "I'm excited and can't stop smiling.",
    "I feel small and overlooked.",
    "It is hard to say what I feel.",
)

TEXTS = tuple(f"{happened} {felt}" for happened, felt in product(HAPPENED, FELT))
OWNERS = ("amelie", "bruno", "chidi", "dana", "emil", "farah", "goran", "hana")
