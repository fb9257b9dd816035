"""The word lists that a Stage 2 text is held against; data, read by `review`.

Patterns are matched anywhere in a string, without regard to case and with straight apostrophes.
Each is a closed list of plain words, so a search takes time linear in the string's length.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType


def _words(alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# By code, what is wrong and the pattern that finds it.
CONTENT: Mapping[str, tuple[str, re.Pattern[str]]] = MappingProxyType(
    {
        "violence": (
            "violence, weapons or death",
            _words(
                r"kill\w*|murder\w*|slaughter\w*|massacre\w*|blood\w*|bleed\w*|knife|knives|"
                r"guns?|gunshots?|rifles?|pistols?|bullets?|bombs?|swords?|daggers?|weapons?|"
                r"stab|stabs|stabbed|stabbing|strangl\w*|chok(?:e|ed|ing)|poison\w*|tortur\w*|"
                r"rap(?:e|ed|es|ist|ing)|die[ds]?|dying|dead|deadly|deaths?|corpses?|coffins?|"
                r"graves?|revenge|attack\w*|threat\w*|punch (?:him|her|them|someone|somebody)|"
                r"hit (?:him|her|them|someone|somebody|yourself)|"
                r"hurt (?:him|her|them|someone|somebody|yourself)|"
                r"(?:burn|slit|cut|hang|shoot|drown|harm) (?:him|her|them|yourself|"
                r"your (?:skin|arms?|wrists?|throat))|"
                r"shot"
            ),
        ),
        "blame": (
            "blame, insult or shame",
            _words(
                r"(?:your|all your|my) (?:own )?fault|blame|asham\w*|shame on|shameful|"
                r"you should(?:n't| not)? (?:have|be (?:sorry|better|over|grateful))|"
                r"you should(?:n't| not) feel|"
                r"you always (?:fail|ruin)\w*|you never (?:listen|learn|try)|"
                r"you deserved? (?:it|this|that|nothing|pain|no)|stupid\w*|idiot\w*|moron\w*|"
                r"dumb|pathetic|worthless|useless|lazy|ugly|losers?|failures?|disgust\w*|"
                r"disappointment|disappointed (?:in|by|with) you|"
                r"(?:nobody|no one) (?:likes?|loves?|wants?|needs?|cares?)|"
                r"you(?:'re| are) (?:a burden|nothing|weak|broken|crazy|too much|not enough|alone)|"
                r"get over it|stop (?:crying|whining|complaining)|hate you(?:rself)?|shut up"
            ),
        ),
        "promise": (
            "a promise that nobody can keep",
            _words(
                r"promis\w*|guarantee\w*|"
                r"(?:everything|it|things|all|that|this|you)(?:'ll| will| is going to|'s going to|"
                r" are going to)(?: \w+){0,2} (?:fine|ok|okay|alright|all right|better|perfect|"
                r"well|happy|healed|safe)|"
                r"will (?:always|never) (?:be|leave|hurt|feel|end|fail)|"
                r"nothing (?:bad )?(?:can|will) (?:happen|hurt|harm)|"
                r"will (?:heal|cure|fix|solve|save)"
            ),
        ),
        "medical": (
            "medical advice",
            _words(
                r"medic(?:ine|ines|al|ation|ations|ate|ated)|meds|pills?|tablets?|capsules?|"
                r"dos(?:e|es|age|ages|ing)|milligrams?|\d+ ?mg|diagnos\w*|prescri\w*|"
                r"antidepress\w*|painkillers?|sedatives?|stop taking|therap\w*|psychiatr\w*|"
                r"psycholog\w*|doctors?|symptoms?|disorders?|bipolar|depression|treatments?|"
                r"supplements?|vitamins?|drugs?"
            ),
        ),
        "gloom": (
            "despair, hatred or threat where comfort is wanted",
            _words(
                r"enem(?:y|ies)|destruction|destroy\w*|forgive\w*|despair\w*|anguish\w*|"
                r"consumed|hate[ds]?|hating|evil|hell|cruel\w*|lost|suffer\w*|"
                r"(?:you're|are|am|is|left) (?:all |still )?(?:alone|broken)|"
                r"what you(?:'ve| have)? done|your sins?|no (?:end|hope|way out|place)|"
                r"never (?:be|get|forget|return|regret|the same)|"
                r"(?:take|end) (?:your|my) (?:own )?life|"
                r"far too long|burdens?|wine|beers?|alcohol|cigarettes?|nightmares?"
            ),
        ),
        "leakage": (
            "words of the prompt, the format or a chat role",
            _words(
                r"as an ai|ai|a\.i\.|language model|chat ?bots?|assistants?|json|prompts?|"
                r"closing[ _]line|schema|(?:system|user) (?:message|prompt|input)|users?|"
                r"instructions?|(?:this|the|my|your|following) poem|"
                r"here (?:is|are) (?:\w+ ){0,3}(?:poems?|tips?|lines?|response|answer)|"
                r"(?:line|tip) (?:\d|one|two|three)|certainly!|^sure[,!]|sorry, (?:but )?i|"
                r"i (?:can't|cannot) (?:help|assist|provide|write)|undefined|null|lorem"
            ),
        ),
    }
)

MARKUP = re.compile(
    r"https?:|www\.|\S@\S|\w\.(?:com|org|net|io|info|edu|gov|co)(?!\w)|</?[a-z!]|&\w{2,8};|[`{}\[\]"
    r"|<>\\^~=]|\*\*|__|^\s*(?:[#>*+-]\s|\d+[.)]\s)",
    re.IGNORECASE,
)

# First words that make a tip a statement rather than something to do. Only these: an imperative
# cannot be told from its first word alone ("Water the plant" against "Water calms").
NO_IMPERATIVE = _set(
    "i i'm i'll i've you you're you'll you've your we we're we'll our he she it it's its they "
    "their the a an this that these those there here my his her who what why how when where "
    "maybe perhaps because so and but or if is are was were be am"
)

# Words that are no English, or none to speak of; two in a string without English ones around them
# give another language away.
FOREIGN_WORDS = _set(
    "el la los las de del que una uno y en por para con mi tu su und der das ist nicht ein eine "
    "ich mit zu le les des est et une je ne pas dans avec pour sur il di che non per sono nel e "
    "o os um uma com na meu minha mai hai ka ki ko"
)

# Words on which no line ends: what a line that was cut at its longest leaves behind. A lone letter
# is one, but not that of "don't". Separators are taken as a whole, or a long row of them would be
# searched from each of its places.
UNFINISHED = re.compile(
    r"(?:^|(?<![\s,'])[\s,']++)(?:a|an|the|of|and|but|or|nor|with|for|at|by|from|as|my|your|its|"
    r"it's|their|his|our|what|what's|you're|they're|let's|you'd|who|who's|may|than|because|when|"
    r"while|would|could|should|must|(?<!n')\w)?[\s,']*+[.!?]*+$",
    re.IGNORECASE,
)

# A run of letters that no English word has: six consonants, four without a vowel at all, or a
# length beyond any word that fits these texts.
GIBBERISH = re.compile(
    r"[bcdfghjklmnpqrstvwxz]{6}|^[bcdfghjklmnpqrstvwxz]{4,}$|^[^'-]{20,}$|(\w)\1\1"
)

# The most frequent words of English and some of plain talk; they also do not count as repeated.
EVERYDAY_WORDS = _set(
    "a about above across after again all along already also always an and another any anything "
    "are around as at away back be because been before behind beside between both but by can "
    "close could day did do does don't down each else enough even every everything far few first "
    "for from get give go good had half has have he her here him his home how i if in inside "
    "into is it it's its just keep last least leave left less let like little long look made "
    "make many may me more most much my near new next no nobody not nothing now of off old on "
    "once one only open or other our out outside over own perhaps put quiet round same see set "
    "she slow slowly small so some somebody someone something somewhere soon still such take "
    "than that that's the their them then there there's these they thing this those three "
    "through time to today together tomorrow tonight too toward towards turn two under until up "
    "upon us very walk want warm was way we well went were what when where which while who will "
    "with without would yes yesterday yet you your yours yourself"
)
