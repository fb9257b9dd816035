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
                r"hit (?:him|her|them|someone|somebody|yourself)|hurt (?:him|her|them|someone|"
                r"somebody|yourself)|(?:burn|slit|cut|hang|shoot|drown|harm) (?:him|her|them|"
                r"yourself|your (?:skin|arms?|wrists?|throat))|shot|scream\w*|damn\w*|whip(?:ped|"
                r"s)?|beat (?:him|her|them)|fists? (?:in|into|at) (?:his|her|their|your)|fight "
                r"(?:him|her|them|back)|war|wars|soldiers?|explo(?:de|des|ded|sions?)"
            ),
        ),
        "threat": (
            "a threat",
            _words(
                r"(?:you'll|you will|you'd|you're going to) (?:\w+ )?(?:regret|pay for|be sorry|"
                r"suffer)|i(?:'ll| will|'m going to| am going to) (?:\w+ )?(?:find you(?! an?)|"
                r"get you(?! an?)|hunt|hurt|punish|destroy|haunt|come for|be watching|make you "
                r"(?:pay|sorry|suffer|regret))|or else|watch (?:your back|out)|be warned|"
                r"you(?:'ve| have) been warned|last warning|final warning|beware|i know where "
                r"you|(?:is|are|i'm|am) (?:watching|coming for) you|you(?:'d| had) better|don't "
                r"you dare|(?:can't|cannot|never) (?:hide|escape|run)|nowhere to (?:run|hide)|no "
                r"escape|there will be consequences|face the consequences|(?:they|he|she) will "
                r"(?:get|find) you|it (?:is|will be) (?:your turn|too late)"
            ),
        ),
        "sexual": (
            "sexual content",
            _words(
                r"sex\w*|naked|nude\w*|breasts?|erotic\w*|orgasm\w*|lust\w*|skin (?:beneath|"
                r"under|against) (?:you|me|your|my)"
            ),
        ),
        "blame": (
            "blame, insult or shame",
            _words(
                r"(?:your|all your|my) (?:own )?fault|blame|asham\w*|shame on|shameful|you "
                r"should(?:n't| not)? (?:have|be (?:sorry|better|over|grateful))|you "
                r"should(?:n't| not) feel|you always (?:fail|ruin|make|let|do)\w*|you never "
                r"(?:listen|learn|try|do|think|help|call|care|finish)|you (?:failed|ruined|"
                r"spoiled|wasted|messed)|you (?:made|let) (?:this|it) happen|you (?:brought|"
                r"asked for) (?:this|it)|because of you|your own (?:doing|mistakes?)|"
                r"should(?:'ve| have)? known? better|(?:grow|man|toughen) up|pull yourself "
                r"together|(?:just|please|must|should|need to) calm down|^calm down|don't be "
                r"(?:sad|silly|dramatic|weak|childish|a baby|so \w+)|overreact\w*|too sensitive|"
                r"ungrateful|cowards?|cowardly|you deserved? (?:it|this|that|nothing|pain|no)|"
                r"stupid\w*|idiot\w*|moron\w*|dumb|pathetic|worthless|useless|lazy|ugly|losers?|"
                r"failures?|disgust\w*|disappointment|disappointed (?:in|by|with) you|(?:nobody|"
                r"no one) (?:likes?|loves?|wants?|needs?|cares?)|you(?:'re| are) (?:a burden|"
                r"nothing|weak|broken|crazy|too much|not enough|alone)|get over it|stop "
                r"(?:crying|whining|complaining)|hate you(?:rself)?|shut up"
            ),
        ),
        "promise": (
            "a promise that nobody can keep",
            _words(
                r"promis\w*|guarantee\w*|(?:this|it) (?:too )?(?:shall|will) (?:soon )?(?:pass|"
                r"end|be over)|(?:tomorrow|life|the future|each day|every day)(?:'ll| will) be "
                r"\w+|better days (?:are coming|will come|lie ahead)|(?:dreams?|wish(?:es)?) "
                r"(?:will|shall|to) come true|(?:pain|fear|sorrow|sadness|anger|worry|worries|"
                r"tears)(?: will| shall|'ll) (?:soon )?(?:end|pass|go|fade|leave|vanish|"
                r"disappear|be (?:gone|over))|i(?:'ll| will) (?:always|never)|never be alone|"
                r"happily ever after|nothing can (?:stop|break|touch) you|you (?:will|'ll) "
                r"(?:always|never)|(?:everything|it|things|all|that|this|you)(?:'ll| will| is "
                r"going to|'s going to|'re going to| are going to)(?: \w+){0,2} (?:fine|ok|"
                r"okay|alright|all right|better|perfect|well|happy|healed|safe)|will (?:always|"
                r"never) (?:be|leave|hurt|feel|end|fail)|nothing (?:bad )?(?:can|will) (?:happen|"
                r"hurt|harm)|will (?:heal|cure|fix|solve|save)"
            ),
        ),
        "medical": (
            "medical advice",
            _words(
                r"medic(?:ine|ines|al|ation|ations|ate|ated)|meds|pills?|tablets?|capsules?|"
                r"dos(?:e|es|age|ages|ing)|milligrams?|\d+ ?mg|diagnos\w*|prescri\w*|"
                r"antidepress\w*|painkillers?|sedatives?|stop taking|therap\w*|psychiatr\w*|"
                r"psycholog\w*|doctors?|symptoms?|disorders?|bipolar|depression|treatments?|"
                r"supplements?|vitamins?|drugs?|cure[sd]?|remed(?:y|ies)|insomnia|panic attacks?|"
                r"blood pressure|heart rate|hormones?|serotonin|dopamine|cortisol|melatonin|"
                r"immune|clinic\w*|hospitals?|surgery|surgeons?|vaccin\w*|detox\w*|calories|"
                r"diets?|lose weight|cannabis|diseases?|illness\w*|pharmac\w*|injections?|"
                r"self[- ]medicat\w*"
            ),
        ),
        "gloom": (
            "despair, hatred or threat where comfort is wanted",
            _words(
                r"enem(?:y|ies)|destruction|destroy\w*|forgive\w*|despair\w*|anguish\w*|consumed|"
                r"hate[ds]?|hating|evil|hell|cruel\w*|lost|suffer\w*|(?:you're|are|am|is|left) "
                r"(?:all |still )?(?:alone|broken)|what you(?:'ve| have)? done|your sins?|no "
                r"(?:end|hope|way out|place)|never (?:be|get|forget|return|regret|the same)|"
                r"(?:take|end) (?:your|my) (?:own )?life|one last (?:time|breath|look|goodbye)|"
                r"for the last time|while you(?:'re| are) (?:still )?alive|far too long|burdens?|"
                r"wine|beers?|alcohol|cigarettes?|nightmares?"
            ),
        ),
        "leakage": (
            "words of the prompt, the format or a chat role",
            _words(
                r"as an ai|ai|a\.i\.|language model|chat ?bots?|assistants?|json|prompts?|"
                r"closing[ _]line|schema|(?:system|user) (?:message|prompt|input)|users?|"
                r"instructions?|(?:this|the|my|your|following) poem|here (?:is|are) (?:\w+ "
                r"){0,3}(?:poems?|tips?|lines?|response|answer)|(?:line|tip) (?:\d|one|two|"
                r"three)|certainly!|^sure[,!]|sorry, (?:but )?i|i (?:can't|cannot) (?:help|"
                r"assist|provide|write)|undefined|null|lorem"
            ),
        ),
    }
)

MARKUP = re.compile(
    r"https?:|www\.|\S@\S|\w\.(?:com|org|net|io|info|edu|gov|co)(?!\w)|</?[a-z!]|&\w{2,8};|"
    r"[`{}\[\]|<>\\^~=]|\*\*|__|^\s*(?:[#>*+-]\s|\d+[.)]\s)",
    re.IGNORECASE,
)

# The same sign three times and more; an ellipsis has three of its own.
SIGNS_IN_A_ROW = re.compile(r"([^\w\s.])\1\1|\.{4}")
EMOTICON = re.compile(r"(?<!\w)[:;]-?[()DP](?!\w)|<3")
SMALL_I = re.compile(r"(?<![\w'])i(?![\w.])")

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
    r"(?<! a )while|would|could|should|must|(?<!n')\w)?[\s,']*+[.!?]*+$",
    re.IGNORECASE,
)

# A run of letters that no English word has: six consonants, four without a vowel at all, or a
# length beyond any word that fits these texts.
GIBBERISH = re.compile(
    r"[bcdfghjklmnpqrstvwxz]{6}|^[bcdfghjklmnpqrstvwxz]{4,}$|^[^'-]{20,}$|(\w)\1\1"
)

# Words that a small model runs together where its line has to end ("withjoyful", "isntgoing"), and
# contractions without their apostrophe.
RUN_TOGETHER = re.compile(
    r"^(?:(?:you(?:re|ve|ll)|they(?:re|ve)|dont|cant|isnt|arent|didnt|doesnt|wasnt|thats|whats|"
    r"atleast|alot)[a-z]*|with(?!in$|out$|draw|hold|stand|er)[a-z]+|and(?!roid)[a-z]+|into[a-z]+|"
    r"your(?!s$|self$|selves$)[a-z]+|that(?!'|ch)[a-z]+|what(?!ever$|soever$|not$)[a-z]+|(?:to|"
    r"in|on|at|of|for|from)the[a-z]*|the[bcdghkpqtuvw][a-z]*)$"
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
