"""What the lexicon listens for beyond the wheel's synonyms: situations, phrases, grammar words.

A data module, hence its length. Lists are ordinary English, our own selection; strengths were
set by hand and checked on labelled diary texts (see `lexicon`). Words are lower case; unless
listed as exact, a simple inflection of a word counts as the word.
"""

from collections.abc import Mapping
from types import MappingProxyType


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _table(rows: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: tuple(words.split()) for name, words in rows.items()})


EXACT = _words(
    """
    able accepted alert alive alone awake blue burned burnt care certain cheated close
    closer concerned concerning connected content critical cross dedicated down driven dull ease
    easy empty exposed fine focused gross idle ignored important included interested leading lesser
    lost low lucky mean moved needed negative numb okay ok alright open positive power powerful
    protected quiet rest settled special spent stable stung stuck sure tense tension touched
    torn trusted warm warmed weak nerves support recognized recognised mad
    """
)
"""Words whose inflections mean something else ("means" is not "mean")."""

SELF_REPORT_ONLY = _words(
    """
    alert alive awake blue burned burnt certain cheated close closer concerning connected content
    critical cross down driven dull empty exposed fine ignored important included interested
    leading lesser lost low mean moved needed negative numb okay ok alright open positive power
    protected quiet settled special spent stable stung stuck sure touched torn warm warmed weak
    accepted idle gross recognized recognised defeated aware closeness secure security able
    """
)
"""Words that tell a feeling only where the writer speaks of feelings ("I feel close to her")."""

GENERIC = _words(
    """
    good great better nice wonderful fantastic amazing awesome excellent fabulous positive fun
    bad worse terrible awful horrible rough negative fine okay ok alright sick ill easy ease
    """
)
"""Praise and blame: they tell pleasant from unpleasant, hardly which primary."""

STRONG_SITUATIONS: Mapping[str, tuple[str, ...]] = _table(
    {
        "sad": (
            "cry crying cried tears funeral died dead death divorce breakup miss missed missing "
            "passed_away hospice goodbye lose losing farewell weep wept sob sobbing sadden "
            "saddened"
        ),
        "mad": (
            "argue argued argument fight fought yelled yell screamed rude unfair idiot lied liar "
            "cheat complain complained complaining blame blamed ridiculous unacceptable mess "
            "messed damn jerk broke broken waste wasted traffic disrespectful shout shouted "
            "unjust insensitive"
        ),
        "scared": (
            "surgery deadline interview layoff biopsy emergency accident danger dangerous "
            "nightmare threat scan diagnosis diagnosed unprepared doubt"
        ),
        "joyful": (
            "party birthday celebrate celebrated celebration vacation concert holiday wedding "
            "dance danced dancing laughs joke joked game games festival enjoy enjoyed enjoying "
            "yay woohoo smile smiled smiling gift present beautiful gorgeous adventure cheer "
            "cheering treat"
        ),
        "powerful": (
            "promotion promoted goal goals graduated graduation won award achieve milestone "
            "earned praise compliment impressed finished completed managed conquered progress "
            "improved improvement improving raise mastered record"
        ),
        "peaceful": (
            "nap napped yoga bath meditate meditated pray prayed prayer prayers praying church "
            "god lord sunset breeze tea coffee book read reading quietly sleep slept nature "
            "garden gardening stroll breathe enjoyable"
        ),
    }
)
"""What often goes with a primary though it names no feeling."""

MILD_SITUATIONS: Mapping[str, tuple[str, ...]] = _table(
    {
        "sad": (
            "nothing memories remember childhood old slow rain rainy gone left lack unfortunately "
            "wish wished forgot sigh regrettably apart pity memory sleepless"
        ),
        "mad": (
            "stop issue issues problem problems trouble wrong pain noise noisy neighbor neighbour "
            "customers boss refused again ruined delay delayed late cancelled canceled cold "
            "expensive bill bills stolen unable hard harder difficult couldn't"
        ),
        "scared": (
            "doctor dentist hospital exam exams test tests unknown behind rush rushed rushing "
            "busy tomorrow soon if decision decide appointment results debt weird strange crowd "
            "too supposed"
        ),
        "joyful": (
            "together friend friends family we us wife husband girlfriend boyfriend spouse sister "
            "brother kids movie beach trip travel visit visited new dog puppy cat restaurant "
            "weekend dinner play played playing shopping spend spending favorite favourite "
            "finally cooked bbq wine snow"
        ),
        "powerful": (
            "finish complete work worked working hard job exercise exercised exercising workout "
            "gym run ran running mile miles help helped helping learn learned learnt learning "
            "built project effort team leader boss career college class grade grades "
            "business teach taught quit saved healthy training routine responsible volunteer "
            "volunteered done fixed cleaned best"
        ),
        "peaceful": (
            "home bed couch sofa morning evening night walk walked walking park stretch tv show "
            "netflix food meal breakfast lunch ate eat delicious cook cooking clean cleaned house "
            "enough woke fresh chat talk talked catch healthy"
        ),
    }
)
"""Weaker company of a primary; a word may stand under two."""

PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "excited": (
            "can't wait",
            "cant wait",
            "can not wait",
            "cannot wait",
            "looking forward",
            "look forward",
            "looked forward",
        ),
        "thrilled": ("over the moon", "on cloud nine", "couldn't be happier"),
        "cheerful": ("good time", "great time", "wonderful time", "so much fun", "made my day"),
        "frustrated": (
            "fed up",
            "sick of",
            "tired of",
            "had enough of",
            "so much for",
            "drives me crazy",
            "driving me crazy",
        ),
        "angry": ("pissed off", "lost my temper", "ticked off"),
        "irritated": ("gets on my nerves", "getting on my nerves", "got on my nerves"),
        "hurt": ("let me down", "hurt my feelings", "behind my back"),
        "exhausted": ("worn out", "burned out", "burnt out", "wiped out", "no energy"),
        "drained": ("wore me out",),
        "depressed": ("feel down", "feeling down", "felt down", "let down", "broke my heart"),
        "grieving": ("passed away", "laid to rest"),
        "bored": ("nothing to do", "not much to do", "same old"),
        "lonely": ("by myself again", "no one to talk to", "nobody to talk to"),
        "overwhelmed": (
            "stressed out",
            "too much to do",
            "so much to do",
            "freaking out",
            "freaked out",
            "can't cope",
            "falling behind",
            "under pressure",
        ),
        "nervous": ("on edge", "butterflies in my stomach"),
        "uncertain": ("not sure", "don't know", "dont know", "no idea", "mixed feelings"),
        "excluded": ("left out",),
        "unwanted": ("nobody likes me", "no one likes me", "nobody cares", "no one cares"),
        "insecure": ("not good enough",),
        "proud": (
            "well done",
            "good job",
            "great job",
            "stood up for",
            "hard work",
            "got promoted",
            "got the job",
            "paid off",
        ),
        "accomplished": (
            "got a lot done",
            "a lot done",
            "got everything done",
            "all done",
            "ahead of schedule",
            "checked off",
            "pulled it off",
        ),
        "content": (
            "at peace",
            "at ease",
            "peace of mind",
            "day off",
            "good night's sleep",
            "took it easy",
            "time to myself",
            "just what i needed",
        ),
        "relaxed": ("calmed down", "slept well", "chilled out", "winding down"),
        "loving": ("in love",),
    }
)
"""Word of the wheel -> fixed phrases that tell it; the tokens of a phrase count only once."""

NEGATORS = _words(
    """
    not no never neither nor none nobody nothing without hardly barely scarcely cannot cant dont
    didnt doesnt isnt wasnt arent werent wont wouldnt couldnt shouldnt havent hasnt hadnt aint
    rarely
    """
)
"""Together with every word that ends in n't."""

CLAUSE_STARTERS = _words("but because although though however since while and except")
"""A negation before one of these does not reach what follows."""

HARMLESS_NEGATIONS: tuple[str, ...] = (
    "not only",
    "not just",
    "not to mention",
    "no doubt",
    "no matter",
    "no wonder",
    "no problem",
    "why not",
    "never better",
    "never been so",
    "never been more",
    "never been happier",
    "never been prouder",
    "never felt so",
    "never felt more",
    "never felt better",
    "couldn't be more",
    "could not be more",
    "couldn't ask for",
)
"""Phrases with a negator in them that negate nothing of what follows."""

INTENSIFIERS = _words(
    """
    very really so extremely incredibly super totally absolutely completely deeply truly too
    especially particularly terribly awfully insanely immensely overly highly utterly most more much
    """
)
DIMINISHERS = _words("slightly somewhat bit little kinda fairly mildly sorta almost partly less")

FEELING_VERBS = _words("feel feels feeling feelings felt am i'm im i've ive makes made making")
SELF_WAS = _words("was were been be get got getting became become")
SELF_PRONOUNS = _words("i we i've i'd we've myself")

CONTRASTS = _words(
    "not don't didn't doesn't wasn't isn't couldn't can't haven't hadn't won't but "
    "only never however"
)
"""Words that make a text a little more likely to be an unpleasant one, measured."""
