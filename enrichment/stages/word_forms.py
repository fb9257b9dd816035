"""Synonyms of the wheel's words: for the lexicon, and as continuations of "The writer feels".

A data module, hence its length. A word stands at one place only and is never a word of the wheel
itself, so that a sum over label tokens counts nothing twice. The lists are ordinary English, our
own selection; British and American spellings both stand where they differ.

The wheel knows places, this module knows other names for them; neither knows any text.
"""

from collections.abc import Mapping
from types import MappingProxyType

from enrichment.stages import wheel


def _table(rows: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """Turn blank-separated words into tuples, read-only."""
    return MappingProxyType({word: tuple(forms.split()) for word, forms in rows.items()})


PRIMARY_FORMS: Mapping[str, tuple[str, ...]] = _table(
    {
        "sad": (
            "sadness sadly sadder unhappy down low blue upset bad worse terrible awful horrible "
            "rough disappointed disappointing disappointment sorrow sorrowful sick ill unwell "
            "empty numb tearful deflated defeated"
        ),
        "mad": "madness madly maddening cross negative mean",
        "scared": (
            "scary scare frightened frightening fright afraid fear fearful terrified terrifying "
            "terror petrified dread dreading dreadful spooked shaken alarmed alarming threatened"
        ),
        "joyful": (
            "joy joyous joyfully happy happiness happily happier happiest glad gladly gladness "
            "good great better wonderful fantastic amazing awesome excellent fabulous positive "
            "lucky fun pleased nice overjoyed"
        ),
        "powerful": "power strong stronger strength empowered empowering mighty brave courageous",
        "peaceful": (
            "peace peacefully calm calmer calmed calming calmly calmness ease easy relieved relief "
            "quiet fine okay ok alright settled balanced blissful"
        ),
    }
)
"""Words that tell the primary and no more."""

WORD_FORMS: Mapping[str, tuple[str, ...]] = _table(
    {
        # sad
        "tired": "tiredness tiring tiresome weary wearied fatigued fatigue lethargic sluggish",
        "sleepy": "drowsy sleepiness groggy",
        "exhausted": "exhausting exhaustion exhaust",
        "drained": "draining depleted spent burnt burned",
        "bored": "boring boredom bore dull monotonous uninteresting mundane tedious dreary",
        "apathetic": "apathy unmotivated uninterested",
        "indifferent": "indifference detached disinterested meh",
        "listless": "restless idle aimless",
        "lonely": "loneliness lonesome alone",
        "isolated": "isolation disconnected secluded friendless",
        "abandoned": "deserted forsaken neglected",
        "homesick": "homesickness nostalgic nostalgia",
        "depressed": "depressing depression melancholy gloomy gloom dejected bleak despondent",
        "miserable": "misery miserably wretched despair suffering",
        "hopeless": "hopelessness despairing desperate pointless futile",
        "grieving": "grief grieve mourning mourn bereaved heartbroken heartbreak heartbreaking",
        "ashamed": "shame shameful disgraced",
        "inferior": "inferiority lesser",
        "stupid": "dumb idiotic",
        "humiliated": "humiliating humiliation mortified",
        "guilty": "guilt guiltily",
        "remorseful": "remorse repentant",
        "regretful": "regret regretted regretting regrets",
        "sorry": "apologetic",
        # mad
        "hurt": "hurtful wounded stung",
        "jealous": "jealousy jealousness envious envy",
        "betrayed": "betrayal betray cheated deceived",
        "offended": "offensive insulted insulting insult disrespected",
        "hostile": "hostility antagonistic",
        "sarcastic": "sarcasm cynical snarky",
        "aggressive": "aggression violent",
        "defiant": "rebellious defiance",
        "angry": "anger angrily angrier angered",
        "frustrated": "frustrating frustration frustrate frustratingly exasperated exasperating",
        "furious": "fury rage raging enraged outraged livid seething fuming infuriated infuriating",
        "irritated": (
            "irritating irritation irritable irritate annoyed annoying annoyance annoy agitated "
            "aggravated aggravating grumpy cranky impatient displeased bothered"
        ),
        "selfish": "selfishness egoistic",
        "greedy": "greed",
        "stubborn": "stubbornness headstrong",
        "possessive": "possessiveness territorial",
        "hateful": "hate hatred hating hated loathe loathing despise",
        "resentful": "resent resentment resenting",
        "bitter": "bitterness bitterly",
        "disgusted": "disgusting disgust gross revolting repulsed repulsive sickened nasty",
        "critical": "criticism dissatisfied unsatisfied",
        "skeptical": "sceptical doubtful suspicious distrustful",
        "judgmental": "judgemental disapproving",
        "dismissive": "contemptuous contempt scornful",
        # scared
        "confused": "confusing confusion unclear lost disoriented",
        "bewildered": "bewildering bewilderment baffled baffling",
        "puzzled": "puzzling perplexed",
        "uncertain": "uncertainty unsure hesitant undecided torn conflicted doubting",
        "rejected": "rejection rejecting dumped",
        "discouraged": "discouraging disheartened disheartening demoralized demoralised",
        "excluded": "excluding ostracized ostracised ignored",
        "unwanted": "unloved unwelcome",
        "helpless": "helplessness defenseless defenceless",
        "insignificant": "worthless worthlessness invisible meaningless",
        "powerless": "powerlessness incapable",
        "trapped": "stuck cornered caged",
        "submissive": "obedient obligated obliged",
        "inadequate": "inadequacy incompetent",
        "weak": "weakness frail fragile feeble",
        "timid": "shy shyness meek",
        "insecure": "insecurity unsafe",
        "embarrassed": "embarrassing embarrassment foolish",
        "awkward": "awkwardness awkwardly uncomfortable uneasy",
        "vulnerable": "vulnerability exposed",
        "anxious": "anxiety anxiously panic panicked panicking panicky",
        "overwhelmed": "overwhelming overwhelm stressed stressful stress stressing pressured",
        "worried": "worry worrying worries worrisome concerned concerning apprehensive",
        "nervous": "nervously nerves tense tension jittery edgy shaky",
        # joyful
        "excited": "excitement exciting excitedly hyped pumped stoked",
        "daring": "adventurous bold",
        "eager": "eagerly eagerness anticipating anticipation impatiently",
        "thrilled": "thrilling thrill ecstatic elated euphoric exhilarated exhilarating elation",
        "sensuous": "sensual",
        "fascinated": "fascinating captivated mesmerized mesmerised awed awe",
        "passionate": "passion passionately",
        "alive": "vibrant radiant",
        "energetic": "energy energized energised energizing energising vigorous",
        "stimulated": "stimulating invigorated invigorating",
        "lively": "bubbly upbeat enthusiastic enthusiasm",
        "refreshed": "refreshing rejuvenated rejuvenating revitalized revitalised recharged rested",
        "cheerful": "cheerfully cheery cheered jolly merry festive",
        "amused": "amusing amusement laughing laughter laughed laugh hilarious funny entertained",
        "delighted": "delight delightful lovely pleasure",
        "grateful": "gratitude gratefully thankful thankfully blessed fortunate",
        "creative": "creativity creatively artistic imaginative",
        "playful": "playfully silly goofy",
        "inspired": "inspiring inspiration inspirational",
        "curious": "curiosity intrigued interested",
        "hopeful": "hope hoping hopefully",
        "optimistic": "optimism optimistically",
        "encouraged": "encouraging uplifted uplifting",
        "determined": "determination motivated motivation driven",
        # powerful
        "aware": "awareness awake alert mindful",
        "surprised": "surprising surprise surprisingly astonished astonishing",
        "focused": "focussed concentrated attentive",
        "insightful": "insight enlightened",
        "proud": "pride proudly prouder proudest",
        "successful": "success successfully succeeded succeed winning",
        "accomplished": "accomplish accomplishing accomplishment achieved achieving achievement",
        "triumphant": "triumph victorious victory unstoppable",
        "respected": "respect respectful",
        "worthwhile": "worthy rewarding fulfilling",
        "admired": "admiration praised",
        "dignified": "dignity honored honoured",
        "appreciated": "appreciation recognized recognised",
        "valuable": "valued useful helpful",
        "supported": "support supportive",
        "welcomed": "included accepted",
        "important": "importance special needed",
        "discerning": "wise smart clever intelligent",
        "influential": "leading",
        "capable": "competent productive skilled able efficient",
        "faithful": "faith faithfully devout",
        "confident": "confidence confidently certain assured sure",
        "loyal": "loyalty",
        "committed": "commitment dedicated disciplined",
        # peaceful
        "content": "contented contentment contentedly",
        "relaxed": "relaxing relax relaxation unwind unwinding unwound rest resting restful chill",
        "satisfied": "satisfying satisfaction satisfactory sated fulfilled fulfilment fulfillment",
        "serene": "serenity tranquil tranquility tranquillity soothed soothing zen",
        "thoughtful": "thoughtfully contemplative",
        "pensive": "wistful",
        "reflective": "reflecting meditative meditating meditation introspective",
        "sentimental": "moved touched",
        "intimate": "intimacy romantic",
        "responsive": "receptive open",
        "tender": "tenderness tenderly",
        "close": "closer closeness connected",
        "loving": "love loved lovingly",
        "affectionate": "affection cuddly cuddled cuddle cuddling",
        "adoring": "adore adored cherish cherished",
        "warm": "warmth warmly warmed heartwarming",
        "trusting": "trust trusted",
        "secure": "security stable",
        "safe": "safely safety protected sheltered",
        "comfortable": "comfort comforting comforted comfy cozy cosy comfortably",
        "nurturing": "nurture nurtured",
        "caring": "care cared",
        "compassionate": "compassion empathetic sympathetic",
        "gentle": "gently gentleness kind kindness",
    }
)
"""Secondary or tertiary -> other words for it; a word of the wheel without an entry has none."""


def forms_under(word: str) -> tuple[str, ...]:
    """Return a word of the wheel, every word below it and all their synonyms.

    Raises:
        KeyError: Not a word of the wheel.
    """
    if wheel.find(word) is None or word not in wheel.WORDS:
        raise KeyError(word)
    found: list[str] = []
    for other in wheel.WORDS:
        path = wheel.find(other)
        if path is not None and word in path:
            found += [other, *PRIMARY_FORMS.get(other, ()), *WORD_FORMS.get(other, ())]
    return tuple(found)


LABEL_TOKENS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {primary: forms_under(primary) for primary in wheel.PRIMARIES}
)
"""Primary -> the words after "The writer feels" that count as it."""

SECONDARY_LABEL_TOKENS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        secondary: forms_under(secondary)
        for primary in wheel.PRIMARIES
        for secondary in wheel.secondaries(primary)
    }
)
"""Secondary -> the words that count as it; what tells the primary only is not among them."""
