"""The phrases that the risk check knows, by signal; data, and therefore longer than other modules.

Each entry is a regular expression over the normalised form that `risk` makes: lower case, words
parted by one space, no apostrophes ("dont"), no accents on Latin letters, sentence ends as " . ".
`risk` adds the word boundaries and squeezes double letters on both sides, so "kill" here also finds
"kil" and "killll". A gap is always bounded, which keeps a search linear in the text's length.

What is left out on purpose: single words of sorrow ("hopeless", "I hate myself", "I hate my life")
and figures of speech, which a diary is full of. What is kept in although it misfires at times:
everything in the first person that speaks of one's own death, also negated, past or half joking.
"""

from collections.abc import Mapping
from types import MappingProxyType

# A word that may stand between two parts of a phrase; it may not bring in the writer ("my friend
# knows that I want to die" is about the writer) or a new clause.
_GAP = r"(?: (?!(?:i|im|ive|id|ill|me|and|but|so|because|while) )[^ .]{1,40})"
_ADVERB = (
    r"(?: (?:just|really|rlly|fucking|fuckin|freaking|so|actually|seriously|literally|only)){0,3}"
)
_SELF = r"(?:my ?self|meself|myslef|myslf|mysef|mysel|my fucking self|my own self)"
_THEMSELF = r"(?:him ?self|her ?self|them ?sel(?:f|ves)|it ?self)"
_WANT = (
    r"(?:want|wants|wanted|wanting|wanna|wnat|wanting|wish|wished|wishing|rather|hope|hoping|pray|"
    r"praying|ready|prefer|need|love|like|deserve|deserved|longing|waiting|trying|tried|begging)"
)
_KIN = (
    r"(?:husband|wife|boyfriend|bf|girlfriend|gf|partner|ex|dad|father|mum|mom|mother|stepdad|"
    r"stepfather|stepmum|stepmom|brother|sister|uncle|aunt|cousin|son|daughter|roommate|flatmate|"
    r"boss|manager|teacher|coach|neighbou?r|colleague|coworker|friend|family|parents|in laws|kids|"
    r"children|baby|grandfather|grandmother|grandad|grandma|nephew|niece|classmate|student|patient)"
)
_THIRD = rf"(?:he|she|they|who|someone|somebody|my(?:{_GAP}){{0,2}} {_KIN}s?|{_KIN})"
_PERSON = (
    rf"(?:him|her|them|someone|somebody|everyone|everybody|people|you|all of (?:them|you)|my(?: "
    rf"{_KIN}){{1,2}}|(?:that|this|the) (?:man|woman|guy|girl|boy|bastard|bitch|asshole|{_KIN}))"
)
# What shows that "hurt myself" or "cut myself" was an accident or an idiom.
_BY_ACCIDENT = (
    r"(?! (?:(?:(?:while|when) (?:i was |we were |i am |im )?)?(?:playing|shaving|cooking|chopping|"
    r"slicing|peeling|running|training|skiing|lifting|falling|mowing|gardening|opening|slipping|"
    r"jumping|skating|moving|carrying|dancing|climbing|washing|cleaning|laughing)|"
    r"on(?! purpose )|at(?! (?:night|home|school) )|"
    r"in (?:a|the) (?:fall|gym|game|match|kitchen|garden|race|crash|accident)|during|"
    r"by (?:accident|mistake|falling)|accidentally|some|off|a (?:slice|break|piece|bit|little)|out|"
    r"short|down|loose|free|pretty|badly (?:while|at|on|playing|in)|again (?:playing|at the))(?= ))"
)
# Numbers and words before "kms" that make it kilometres.
_DISTANCE = (
    r"(?:\d+|[\d.,]+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|"
    r"forty|fifty|few|many|several|hundred|thousand|more|of|couple|half|total|extra|last|first|"
    r"these|those|the|some|in|per|how)"
)

# Figures of speech; they are blanked out before any signal is looked for.
IDIOMS: tuple[str, ...] = (
    rf"{_DISTANCE} kms",
    r"(?:could|would|might) (?:just )?(?:kill|murder|die) for",
    r"to die for",
    r"rather die than(?! (?:live|keep|go on|carry on|continue|wake|exist|be alive|be here))",
    r"could (?:have|just) died?(?: of| from| laughing)?",
    r"dont want to die without",
    r"(?:die|died|dying|dead) (?:from |of |with |)(?:laughing|laughter|embarrassment|happiness|"
    r"joy|cringe|cuteness|boredom|curiosity|excitement|hunger|thirst|heat|overcuteness|envy|old "
    r"age)",
    rf"(?:im|am|been|was|were|be) killing {_SELF} (?:to (?:finish|get|meet|make|do|please|pass|"
    r"keep|earn|pay)|at (?:work|the gym|the office|school|training)|over (?:this|that|the|work)|"
    r"trying|working|studying|with work)",
    rf"kill(?:ing|ed)? {_SELF} laughing",
    rf"(?:shoot|shooting|shot) {_SELF} in the foot",
    rf"drown(?:ing|ed)? {_SELF} in (?!the |a |my bath)[^ .]{{1,40}}",
    rf"(?:kick|beat|beating|kicking) {_SELF} up",
    r"kill (?:them|him|her|em) with kindness",
    r"(?:shoot|shooting) (?:him|her|them|you|someone|everyone|my [^ .]{1,40}) (?:an?|over|some|"
    r"the|for|with (?:a|my|the) (?:camera|lens|phone))",
    r"(?:career|social|political|commercial|financial|fashion) suicide",
    r"suicide (?:squad|prevention|bombers?|bombing|doors?|burns?|awareness)",
    r"overdos(?:e|ed|ing) (?:of|on) (?:[^ .]{1,20} )?(?:cuteness|sugar|coffee|chocolate|caffeine|"
    r"love|netflix|carbs|sunshine|cheese|cake|candy|sweets|ice cream|nostalgia|tv|vitamins?|fun|"
    r"happiness|christmas|joy|music|memes|cookies|pizza|tea|kindness|puppies|kittens)",
    r"(?:dont|do not|didnt|did not|never|not|wouldnt|wont|cant|without|hate|afraid|worried|"
    r"sorry)(?: [^ .]{1,40}){0,2} (?:hurt|harm|hurting|harming)(?: [^ .]{1,40})? feelings?",
    r"(?:dont|do not|didnt|did not|never|not|wouldnt|wont|without|hate|afraid of|worried "
    r"about)(?: ever)?(?: (?:want|wanted|wanting|wanna|mean|meant|trying|going|like))?(?: to)? "
    r"(?:hurt|harm|hurting|harming)(?! my ?self)",
    r"take my life (?:back|seriously|for granted|into|savings|forward|story|as|in (?:a|my|the|new|"
    r"another)|to (?:the|a|another|new))",
    r"(?:mi|me) quiero morir de (?:la )?(?:risa|verguenza|amor|hambre|felicidad|ternura|alegria)",
    r"(?:envie de|veux) mourir de (?:rire|honte|faim|joie)",
    r"(?:quero|vontade de) morrer de (?:rir|amor|vergonha|fome|alegria)",
    r"(?:voglio|vorrei) morire (?:dal|dalle|di) (?:ridere|risate|felicita|amore|fame|vergogna)",
)

# Looked for first, and blanked out when found, so that the signals below keep their own meaning.
GENTLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bereavement_by_suicide": (
            rf"(?:killed|hanged|hung|shot|drowned|poisoned) {_THEMSELF}",
            r"(?:took|taken|ended) (?:his|her|their) (?:own )?li(?:fe|ves)",
            rf"(?:die|died|death|deaths|lost|gone)(?:{_GAP}){{0,5}} (?:by|of|from|to) suicide",
            r"(?!(?:i|have|had|has|almost|nearly|just|ive|id|never|and) )[^ .]{1,40} (?:has |had "
            r")?committed suicide",
            rf"(?:{_KIN}s|his|her|their) suicide",
            rf"suicide of (?:my|our|his|her|their|a)(?: {_KIN})?",
            rf"after {_THIRD} (?:died|was gone) (?:by|through) suicide",
        ),
        "concern_for_other": (
            rf"{_THIRD}(?:{_GAP}){{0,2}} (?:to )?(?:want|wants|wanted|wanting|try|tries|tried|"
            rf"trying|threatens|threatened|threatening|going|talks|talked|talking|thinks|thought|"
            rf"thinking|attempts|attempted|planning|might|will|would)(?:{_GAP}){{0,2}} "
            rf"(?:kill(?:ing)? {_THEMSELF}|(?:hurt|harm|cut)(?:ting|ing)? {_THEMSELF}|suicide|"
            rf"dying|end(?:ing)? (?:his|her|their) (?:own )?life|unalive {_THEMSELF})",
            rf"{_THIRD}(?:{_GAP}){{0,2}} (?:wants|want|wanted|wishes) to (?:die|be dead)",
            rf"{_THIRD} (?:is|was|has been|feels|felt|feeling|seems|seemed|said (?:he|she|they) "
            rf"(?:is|was|feels|felt)){_ADVERB} suicidal",
            rf"{_THIRD} (?:self ?harms|self ?harmed|cuts|is cutting|has been cutting) "
            rf"?{_THEMSELF}?",
            rf"{_THIRD}(?:{_GAP}){{0,2}} overdosed",
        ),
        "death_distress": (
            rf"(?:dont|do not|didnt|did not|never){_ADVERB} (?:want to|wanna) die",
            r"(?:scared|afraid|terrified|frightened) (?:that )?i(?: am|m)? (?:going to|gonna|will|"
            r"might|may) (?:die|not make it)",
        ),
    }
)

SIGNALS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "suicidal_ideation": (
            rf"(?:ki|kill(?:ing|ed|s)?)(?: off)? {_SELF}",
            r"sui cide",
            r"(?:since|after|before) my (?:last |first |second )?attempt(?= [.])",
            r"(?:feel|feeling|felt) like dying",
            r"(?:go to |fall a)sleep forever",
            rf"(?:please|someone|somebody|just|god)(?: would| could)?{_ADVERB} kill me",
            r"(?:k ?y ?s|kms)",
            r"un ?aliv(?:e|ed|ing)(?: [^ .]{1,40})?",
            r"(?:suicid[a-z]*|suizid[a-z]*|suisid[a-z]*|sucid[a-z]*|suacid[a-z]*|siucid[a-z]*|"
            r"suicde|selbstmord[a-z]*)",
            r"(?:end|ending|ended|take|taking|took) my (?:own )?(?:life|pain|misery)",
            r"taking my own life",
            r"end(?:ing)? it all",
            r"(?:want|wanna|wanted|going|gonna|ready|about)(?: to)?(?: just)? end it(?= (?:[.]|"
            r"tonight|today|now|soon|for good))",
            rf"{_WANT}(?: to| (?:that )?i (?:could|would|will|can|might))?{_ADVERB}(?: go and)? "
            r"(?:die|death|be dead|not be alive|not exist|stop existing|never wake up|not wake up)",
            rf"i{_ADVERB} (?:wanted|want|wish|hope|wanna) (?:i )?(?:to )?(?:die|dead|died)",
            rf"wish(?:ed)?(?: that)? i(?: ?d|ld| had| had never| was| were| would)?{_ADVERB} "
            rf"(?:dead|"
            r"died|been dead|never born|never been born|never existed|never woke up)",
            r"wish(?:ed)?(?: that)? i (?:wasnt|werent|was not|were not|am not) (?:here|alive|born|"
            r"around|living)",
            r"wish(?:ed)?(?: that)? i (?:didnt|did not|dont) (?:exist|wake up|have to (?:exist|"
            r"live|be alive))",
            r"(?:wish|hope)(?: that)? i (?:wont|wouldnt|dont|didnt|never) wake up",
            r"wish(?:ed)?(?: that)? i (?:didnt|did not) have to wake up(?= (?:[.]|tomorrow [.]|"
            r"ever|again))",
            r"(?:i should|i ought to|let me|might as well|may as well)(?: just)? (?:die|be dead)",
            r"(?:better|happier|easier) (?:off )?(?:dead|without me|if i (?:was|were|am) (?:gone|"
            r"dead|not (?:here|around|alive))|if i (?:died|disappeared|wasnt here|werent here))",
            r"if i (?:died|die|was gone|were gone|disappeared|wasnt (?:here|around|alive)|werent "
            r"(?:here|around|alive)|never existed)",
            r"(?:dont|do not|no longer|didnt|not)(?: even)?(?: really| just)? (?:want to|wanna|"
            r"wanted to|feel like) (?:live|be alive|exist|keep living|go on living|continue "
            r"living|living)(?! (?:here|there|with|in|at|near|under|like|out|on|by|close|next|"
            r"that) )",
            r"(?:dont|do not|no longer) (?:want to|wanna) be (?:here|on this (?:earth|planet)|in "
            r"this world) (?:anymore|any more|any longer)",
            r"(?:dont|do not|no longer) (?:want to|wanna) be (?:on this (?:earth|planet)|in this "
            r"world)",
            r"(?:dont|do not|never) (?:want to|wanna) wake up(?= (?:[.]|anymore|again|ever|"
            r"tomorrow [.]|any more))",
            r"(?:sleep|bed)(?: and| to)?(?: just)? (?:never|not) wake(?: up)?",
            r"(?:tired|sick|done|exhausted) (?:of |with |from )?(?:living|being alive|existing|"
            r"life)(?= (?:[.]|and|anymore|i|now|every|so|like this) )",
            r"(?:jump|jumping|jumped|throw myself|throwing myself) (?:off|from|in front of|out of|"
            r"under|into)(?: [^ .]{1,40})? (?:bridge|roof|rooftop|building|balcony|window|train|"
            r"truck|lorry|metro|traffic|tracks)",
            r"(?:step|stepping|walk|walking|run|running) (?:out )?(?:in front of|into)(?: a| the| "
            r"this| an)? (?:train|truck|lorry|bus|car|metro|traffic|oncoming traffic|tracks)",
            r"jump(?:ing)? off (?:a|the|this|that) cliff(?! into )",
            r"(?:drive|driving|crash|crashing)(?: my car| the car| it)? (?:into a|off a|off the|"
            r"into the) (?:tree|wall|bridge|cliff|river)",
            rf"(?:hang|hung|hanged|hanging|shoot|shot|shooting|drown|drowning|poison|poisoning|"
            rf"gas|gassing|suffocate|strangle|choke|overdose|od) {_SELF}",
            r"blow (?:my|me) (?:fucking )?(?:brains?|head) (?:out|off)",
            r"(?:slit|slitting|slash|slashing|cut|cutting) my (?:own )?(?:wrists?|throat|veins|"
            r"neck)",
            r"overdos(?:e|ed|ing)",
            r"(?:took|take|taking|swallow|swallowed|swallowing|down|downing) (?:all|too many|way "
            r"too many|a bottle of|a handful of|the whole bottle of|enough|every)(?: of)?(?: my| "
            r"the| these| those| our)?(?: [^ .]{1,40})? (?:pills|tablets|meds|medication|"
            r"painkillers)",
            r"(?:planning|planned|plan|imagining|picturing)(?: [^ .]{1,40})? (?:my|own) (?:death|"
            r"funeral)",
            r"(?:thinking|think|thought|thoughts|thots|fantasi[sz]e|fantasi[sz]ing|dreaming|"
            r"dream) (?:about|of)(?: my)?(?: own)? (?:dying|death|ending (?:it|things|everything)|"
            r"ending my)",
            r"(?:quiero|queria|ganas de|deseo|prefiero|quisiera|ojala me) (?:morir|morirme|"
            r"muriera)",
            r"me (?:quiero|queria|quisiera) (?:morir|matar|suicidar)",
            r"(?:quiero|voy a|ganas de|pienso|pense en|podria) (?:matarme|colgarme|ahorcarme|no "
            r"despertar)",
            r"me voy a matar",
            r"(?:quitarme|quitar me|me quito|me quite) la vida",
            r"(?:acabar|terminar) con (?:mi vida|todo esto)",
            r"no quiero (?:seguir )?(?:vivir|viviendo)(?! (?:aqui|en|con|asi|alli|sola|solo|"
            r"lejos) )",
            r"(?:ojala estuviera|estaria mejor|desearia estar|quiero estar) muert[oa]",
            r"(?:veux|voudrais|voulais|envie de|prefererais|prefere) (?:juste )?mourir",
            r"(?:veux|vais|voudrais|envie de|pense a) (?:me tuer|me pendre|me foutre en lair)",
            r"mettre fin a (?:mes jours|ma vie)",
            r"en finir avec (?:la|ma) vie",
            r"(?:plus envie de vivre|veux plus vivre|marre de vivre|envie den finir)(?! (?:ici|"
            r"avec|a|en|chez|dans) )",
            r"serais mieux morte?",
            r"(?:will|mochte|wollte|wurde gern) (?:nur |einfach |am liebsten )?(?:sterben|tot "
            r"sein)",
            r"(?:will|mochte|kann|mag) (?:einfach )?nicht (?:mehr|weiter) leben(?: wollen)?",
            r"mich (?:umbringen|umzubringen|toten|zu toten|erhangen|aufhangen|vor den zug)",
            r"bringe? mich um",
            r"(?:mir|nehme mir) das leben(?: zu)?(?: nehmen)?",
            r"lebensmude?",
            r"(?:wunschte ich ware|ware lieber|ware am liebsten|besser) tot",
            r"(?:quero|queria|vontade de|prefiro|desejo) morrer",
            r"(?:quero|vou|vontade de|penso em|pensei em|queria) me (?:matar|enforcar|suicidar)",
            r"tirar (?:a )?minha (?:propria )?vida",
            r"(?:acabar|terminar) com (?:a )?minha vida",
            r"nao (?:quero|aguento) (?:mais )?viver(?! (?:aqui|em|com|assim|na|no|la) )",
            r"(?:voglio|vorrei|volevo|voglia di) (?:solo )?(?:morire|essere mort[oa])",
            r"(?:uccidermi|ammazzarmi|impiccarmi|mi (?:uccido|ammazzo))",
            r"togliermi la vita",
            r"farla finita",
            r"mi (?:voglio|vorrei) (?:ammazzare|uccidere|suicidare)",
            r"non (?:voglio|ho voglia di) (?:piu )?vivere(?! (?:qui|in|con|cosi|a) )",
            r"(?:marna|marne|mar jana|maar jana) (?:chaht[aie]|chahti|chahte|ka man)(?: [^ "
            r".]{1,8})?",
            r"(?:jeena|jina|jeene|jine) (?:ka man |ki ichha |ki iccha )?(?:nahi|nahin|nai)(?: [^ "
            r".]{1,10})?",
            r"(?:nahi|nahin|nai) (?:jeena|jina)",
            r"(?:khudkushi|khudkhushi|khud kushi|khudkashi|aatmahatya|atmahatya|aatma hatya)",
            r"(?:apni )?jaan (?:de|le) (?:dun|doon|dunga|dungi|lun|loon|lunga|lungi)",
            r"(?:apni jaan|khud ki jaan) (?:de|le|lena|dena)[a-z]*",
            r"khud ko (?:mar|maar|khatam|khatm)[a-z]*",
            "(?:मरना|मर जाना) चाह[^ ]*",
            "मरने का मन",
            "(?:जीना नहीं|नहीं जीना|जीने का मन नहीं|जीने की इच्छा नहीं)(?: चाह[^ ]*)?",
            "(?:आत्महत्या|खुदकुशी|खुदखुशी)",
            "(?:अपनी जान|खुद की जान) (?:ले|दे)[^ ]*",
            "(?:खुद को|अपने आप को) (?:मार|खत्म)[^ ]*",
        ),
        "self_harm": (
            r"self ?(?:harm|injur|mutilat|hurt)[a-z]*",
            rf"(?:hurt|hurting|harm|harming|harmed|cut|cutting|punish|punishing|stab|stabbing) "
            rf"{_SELF}{_BY_ACCIDENT}",
            rf"(?:want|wanna|wanted|urge|urges|going|gonna|need|thinking|thought)(?: to| of| "
            rf"about)?{_ADVERB} (?:hurt|hurting|harm|harming|cut|cutting|burn|burning|stab) "
            rf"{_SELF}",
            rf"(?:burn|burned|burnt|burning) {_SELF} (?:on purpose|again [.]|with (?:a |my |the )?"
            r"(?:cigarettes?|lighter|iron))",
            r"(?:cut|cuts|cutting|slice|slicing|burn|burning|scratch|scratching) (?:up )?my (?:own "
            r")?"
            rf"(?:arms?|forearms?|thighs?|legs?|skin){_BY_ACCIDENT}",
            r"(?:started|start|back to|been|stop|stopped|relapsed and|relapse and|urge to|into) "
            r"(?:cut|cutting)(?: again)?(?= [.])",
            r"(?:with|using|found|hid|hide|bought) (?:a |my |the )?(?:razor|razors|razor blades?|"
            r"blades?) (?:on|to|across) my (?:skin|arms?|wrists?|thighs?|legs?)",
            rf"(?:starve|starving) {_SELF}",
            r"clean from (?:cutting|self)",
            r"scratched my (?:arms?|legs?|thighs?|skin) (?:until|till|on purpose|again)",
            rf"(?:make|making|made) {_SELF} (?:throw up|vomit|puke|bleed)",
            r"(?:hacerme dano|lastimarme|me corto|cortarme) ?(?:a proposito|las venas|los brazos|"
            r"las piernas|la piel|otra vez)?",
            r"me (?:faire du mal|scarifier?|mutiler|couper les veines|taillader)",
            r"mouvrir les veines",
            r"mich (?:ritzen|selbst verletzen|selbst verletze|schneiden)",
            r"ritze mich",
            r"mir (?:selbst )?(?:etwas|was) antun",
            r"(?:quero|vou|vontade de|preciso) me (?:cortar|machucar|ferir)",
            r"(?:tagliarmi le vene|farmi del male|mi taglio (?:le|i) (?:vene|braccia|polsi))",
            r"khud ko (?:nuksan|nuksaan|chot|kat|kaat|hurt)[a-z]*",
            "(?:खुद को|अपने आप को) (?:नुकसान|चोट|काट)[^ ]*",
        ),
        "intent_to_harm_others": (
            rf"(?:want|wanted|wanna|going|gonna|ima|imma|planning|plan|about|ready|urge|urges|ill|"
            rf"will|swear|thinking|thoughts|fantasi[sz]e|fantasi[sz]ing|dream|need)(?: (?:to|of|"
            rf"about|i|ill|will)){{0,3}}{_ADVERB} (?:kill|killing|murder|murdering|stab|stabbing|"
            rf"shoot|shooting|strangle|strangling|poison|poisoning|choke|choking|hurt|hurting|"
            rf"harm|harming) {_PERSON}(?! feelings)",
            rf"(?:he|she|they|{_PERSON}) (?:all )?deserves? to (?:die|be killed|suffer and die)",
            r"shoot up (?:the|my|a) (?:school|office|place|church|mall)",
            r"(?:bring|bringing|take|taking) (?:a|my|the) (?:gun|knife) to (?:school|work|the "
            r"office)",
            r"homicid[a-z]*",
            r"until (?:he|she|they) (?:stops? breathing|dies?|is dead|are dead)",
        ),
        "farewell": (
            r"good ?bye (?:cruel )?world(?! tour)",
            r"(?:wrote|write|writing|written)(?: [^ .]{1,40}){0,2} (?:goodbye|farewell) (?:letter|"
            r"note)s?",
            r"good ?bye (?:everyone|everybody|forever|to life|for good)",
            r"(?:goodbye|farewell|last|final) (?:note|letter)s? (?:to|for) (?:my|everyone|them|"
            r"you)",
            r"this is (?:my |the )?(?:last|final) (?:goodbye|note|entry|letter|message|post)",
            r"(?:by the time|when|if) (?:you|anyone|someone|they)(?: are| ?re)? (?:read|reads|"
            r"reading|find|finds|found)(?: this)?(?: [^ .]{1,40}){0,2} i(?: will|ll|m| am)?(?: "
            r"be)?(?: already)? (?:gone|dead)",
            r"i (?:wont|will not) be (?:alive|around|here) (?:tomorrow|much longer|anymore|any "
            r"more|for long|next week)",
            r"you (?:wont|will not|will never|ll never)(?: ever)? (?:see|hear from|have to deal "
            r"with) me (?:again|anymore)",
            r"(?:look after|take care of) (?:my|the) [^ .]{1,40} (?:when|after|once) (?:im|i am) "
            r"gone(?! (?:next|for|on|to|this|until|tomorrow) )",
            r"my last (?:day|night|hours?) (?:on earth|alive)",
        ),
        "hopelessness_crisis": (
            r"(?:no|any|a) (?:reason|point|sense)(?: left)? (?:to|in|of) (?:live|living|be alive|"
            r"being alive|going on|go on|carrying on|staying alive|existing)",
            r"whats the point (?:of|in) (?:living|being alive|going on|life|existing)",
            r"(?:nothing|not anything|anything)(?: left)? (?:left )?to live for",
            r"life (?:isnt|is not|is no longer|not|doesnt feel) worth(?: living| it)?",
            r"not worth living",
            r"lifes not worth it",
            r"(?:see|is|whats) (?:the|any) (?:point|reason|sense)(?: left)? (?:of|in|to) (?:live|"
            r"living|being alive|existing|going on)",
            r"(?:cant|dont think i can) (?:keep|go on|continue) (?:living|existing)",
            r"quiero desaparecer(?= [.])",
            r"ich will nicht mehr(?= [.])",
            r"vontade de (?:sumir|desaparecer)",
            r"cant (?:go on|carry on|keep going|keep living)(?= (?:[.]|anymore|any|like|living|"
            r"much|with|and) )",
            r"(?:cant|cannot|can not) (?:do|take|handle|bear|live|cope)(?: with)?(?: (?:it|this|"
            r"that|life|living|like this))? (?:anymore|any more|any longer)",
            r"want (?:it all|everything|the pain|my pain|this pain|my life|life|the suffering) to "
            r"(?:end|stop|be over)",
            r"(?:theres|there is|see|seeing) no way out(?! of )",
            r"(?:given up|giving up|give up|gave up) on (?:life|living|everything)",
            r"(?:lost|no|losing) (?:all )?(?:the |my )?(?:hope (?:left|in life|of living)|will to "
            r"live|desire to live)",
            r"(?:dont|do not|cant) (?:see|imagine|have) (?:a|any) future(?: for me| for "
            r"myself)?(?= [.])",
            r"(?:want|wanna|wanted|wish i could)(?: to)?(?: just)? (?:disappear|vanish)(?= (?:[.]|"
            r"forever|from this|from the world|for good|and) )",
            rf"i(?:m| am){_ADVERB} (?:such |nothing but )?a burden(?: [^ .]{{1,40}}){{0,2}}",
            r"(?:no ?one|nobody|not one person) (?:would|will|d) (?:even )?(?:miss|notice|care|"
            r"mourn)(?: me)?(?: if i)?(?= (?:[.]|died|if|was|were|when))",
        ),
        "abuse_danger": (
            rf"{_THIRD}(?:{_GAP}){{0,2}} (?:hit|hits|hitting|beat|beats|beating|punched|punches|"
            rf"punching|slapped|slaps|kicked|kicks|choked|chokes|choking|strangled|strangles|"
            rf"attacked|attacks|abused|abuses|abusing|hurts|molested|molests|stabbed|shoved|"
            rf"shoves) "
            r"(?:me|us|my (?:kids|children|son|daughter|mum|mom|mother)|the (?:kids|children))(?! "
            r"(?:at|to|in|by|up|with|that|like|out|for|off|when he (?:left|died)|every time (?:at|"
            r"in|we)) )",
            rf"{_THIRD}(?:{_GAP}){{0,2}} (?:hit|hits|beat|beats|kicked|choked|slapped) (?:me|us) "
            r"(?:in the (?:face|head|stomach)|again|at home|with (?:a|his|her) (?:belt|fist|"
            r"stick))",
            r"(?:rape|raped|raping|rapes|rapist|molest|molested|molests|molesting)",
            r"sexual(?:ly)? (?:assault|abus|harass)[a-z]*",
            r"domestic (?:violence|abuse)",
            r"stalking me",
            r"(?:touches|touched|touching) me (?:at night|inappropriately|there|down there|when i|"
            r"without my)",
            r"(?:he|hes|she|shes|they|theyre)(?: is| are)? (?:going to|gonna) (?:kill|hurt|beat|"
            r"rape) me (?:im|i am|and im)(?: so| really)? (?:scared|afraid|terrified)",
            r"threat(?:en|ens|ened|ening) (?:to|that (?:he|she|they)(?: [^ .]{1,8})?) (?:kill|"
            r"hurt|beat|shoot|stab|rape|harm)",
            r"(?:says?|said|told me|swore)(?: that)? (?:he|she|they)(?: will|ll| would|d| is "
            r"going to| was going to|s going to)? ?(?:kill|killing|beat|hurt) me",
            r"(?:hell|shell|theyll|hed|shed|theyd) (?:kill|beat|hurt) me",
            rf"{_THIRD} (?:tried|tries|wants|wanted|trying) to (?:kill|strangle|choke|stab|hurt|"
            rf"rape) "
            r"(?:me|us)",
            rf"(?:scared|afraid|terrified|frightened)(?: that| of what)? {_THIRD} (?:will|might|is "
            r"going to|could|may|would)(?: [^ .]{1,40})? (?:kill|hurt|beat|hit|do)(?: to)?(?: me| "
            r"us)?",
            r"(?:scared|afraid|terrified|frightened) of my (?:husband|wife|boyfriend|girlfriend|"
            r"partner|ex|dad|father|stepdad|stepfather|uncle|brother|son|mother|mum|mom)",
            r"(?:scared|afraid|terrified) to (?:go|be|stay|come) (?:at )?home(?! (?:alone|late) )",
            r"(?:not|dont feel|never felt|never feel|isnt|no longer|do not feel) safe (?:at|in my "
            r"own) home",
            r"(?:wont|doesnt|will not) let me (?:leave|go out|out of)(?: the house)?",
            r"(?:im|i am|i was|ive been|i have been|am|was)(?: being)? (?:abused|beaten up|beaten|"
            r"stalked|assaulted|held against my will)(?! (?:at|to|by (?:the|a) (?:team|computer)) "
            r")",
        ),
    }
)
