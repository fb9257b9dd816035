"""Figures of speech and harmless sentences that look like a signal; data."""

from enrichment.stages.risk_phrases.terms import (
    DISTANCE,
    SELF,
)

# Figures of speech; they are blanked out before any signal is looked for.
IDIOMS: tuple[str, ...] = (
    rf"{DISTANCE} kms",
    r"kms (?:markers?|away|to go|from|per|an hour|later|long|run|ride|walk|left|away|server|"
    r"further)",
    r"(?:bungee|parachute|skydiving)(?: [^ .]{1,40}){0,2} jump(?:ing|s|ed)?",
    r"(?:shoot|shooting|shot) my ?self (?:an? |some |the )(?:quick )?(?:e ?mail|mail|note|text|"
    r"message|reminder|photo|video)s?",
    r"good ?bye (?:everyone|everybody)(?= (?:see you|until|till|have a|happy|at the|in the|from "
    r"the|who))",
    r"(?:could|would|might) (?:just )?(?:kill|murder|die) for",
    r"to die for",
    r"rather die than(?! (?:live|keep|go on|carry on|continue|wake|exist|be alive|be here))",
    r"could (?:have|just) died?(?: of| from| laughing)?",
    r"dont want to die without",
    r"(?:die|died|dying|dead) (?:from |of |with |)(?:laughing|laughter|embarrassment|happiness|"
    r"joy|cringe|cuteness|boredom|curiosity|excitement|hunger|thirst|heat|overcuteness|envy|old "
    r"age)",
    rf"(?:im|am|been|was|were|be) killing {SELF} (?:to (?:finish|get|meet|make|do|please|pass|"
    r"keep|earn|pay)|at (?:work|the gym|the office|school|training)|over (?:this|that|the|work)|"
    r"trying|working|studying|with work)",
    rf"kill(?:ing|ed)? {SELF} laughing",
    rf"(?:shoot|shooting|shot) {SELF} in the foot",
    rf"drown(?:ing|ed)? {SELF} in (?!the |a |my bath)[^ .]{{1,40}}",
    rf"(?:kick|beat|beating|kicking) {SELF} up",
    r"kill (?:them|him|her|em) with kindness",
    r"(?:shoot|shooting) (?:him|her|them|you|someone|everyone|my [^ .]{1,40}) (?:an?|over|some|"
    r"the|for|with (?:a|my|the) (?:camera|lens|phone))",
    r"(?:career|social|political|commercial|financial|fashion) suicide",
    r"suicide (?:squads?|prevention|bombers?|bombing|doors?|burns?|awareness|squeeze|mission|"
    r"runs?|drills?|sprints?)",
    r"overdos(?:e|ed|ing) (?:of|on) (?:[^ .]{1,20} )?(?:cuteness|sugar|coffee|chocolate|"
    r"caffeine|love|netflix|carbs|sunshine|cheese|cake|candy|sweets|ice cream|nostalgia|tv|"
    r"vitamins?|fun|happiness|christmas|joy|music|memes|cookies|pizza|tea|kindness|puppies|"
    r"kittens)",
    r"(?:dont|do not|didnt|did not|never|not|wouldnt|wont|cant|without|hate|afraid|worried|"
    r"sorry)(?: [^ .]{1,40}){0,2} (?:hurt|harm|hurting|harming)(?: [^ .]{1,40})? feelings?",
    r"(?:dont|do not|didnt|did not|never|not|wouldnt|wont|without|hate|afraid of|worried "
    r"about)(?: ever)?(?: (?:want|wanted|wanting|wanna|mean|meant|trying|going|like))?(?: to)? "
    r"(?:hurt|harm|hurting|harming)(?! my ?self)",
    r"take my life (?:back|seriously|for granted|into|savings|forward|story|as|in (?:a|my|the|"
    r"new|another)|to (?:the|a|another|new))",
)
