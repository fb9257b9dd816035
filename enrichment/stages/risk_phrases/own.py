"""What speaks of the writer's own death, harm or despair; data."""

from collections.abc import Mapping
from types import MappingProxyType

from enrichment.stages.risk_phrases.terms import (
    ADVERB,
    ANYMORE,
    BY_ACCIDENT,
    HEIGHT,
    LIMB,
    MEANS,
    NOBODY,
    PILLS,
    SELF,
    WANT,
)

SIGNALS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "suicidal_ideation": (
            rf"(?:ki|kill(?:ing|ed|s)?)(?: off)? {SELF}",
            r"sui cide",
            r"(?:since|after|before) my (?:last |first |second )?attempt(?= [.])",
            r"(?:feel|feeling|felt) like dying",
            r"(?:go to |fall a)sleep forever",
            r"(?:sewer ?slide|suislide|self ?delet[a-z]*|permanent sleep)",
            r"(?:will|going to|gonna|wanna|want to|plan to|ready to|might|should) ctb|ctb "
            r"(?:soon|tonight|today|tomorrow|now)(?= [.])",
            rf"(?:please|someone|somebody|just|god)(?: would| could)?{ADVERB} kill me",
            r"(?:k ?y ?s|kms)",
            r"un ?aliv(?:e|ed|ing)(?: [^ .]{1,40})?",
            r"(?:suicid[a-z]*|suizid[a-z]*|suisid[a-z]*|sucid[a-z]*|suacid[a-z]*|siucid[a-z]*|"
            r"suicde|selbstmord[a-z]*)",
            r"(?:end|ending|ended|take|taking|took|taken) my (?:own )?(?:life|pain|misery)",
            r"taking my own life",
            r"end(?:ing)? it all",
            r"(?:want|wanna|wanted|going|gonna|ready|about)(?: to)?(?: just)? end it(?= (?:[.]|"
            r"tonight|today|now|soon|for good))",
            rf"{WANT}(?: to| (?:that )?i (?:could|would|will|can|might))?{ADVERB}(?: go and)? "
            r"(?:die|death|be dead|not be alive|not exist|stop existing|never wake up|not wake "
            r"up)",
            rf"i{ADVERB} (?:wanted|want|wish|hope|wanna) (?:i )?(?:to )?(?:die|dead|died)",
            rf"wish(?:ed)?(?: that)? i(?: ?d|ld| had| had never| was| were| would)?{ADVERB} "
            r"(?:dead|died|been dead|never born|never been born|never existed|never woke up)",
            r"wish(?:ed)?(?: that)? i (?:wasnt|werent|was not|were not|am not) (?:here|alive|"
            r"born|around|living)",
            r"wish(?:ed)?(?: that)? i (?:didnt|did not|dont) (?:exist|wake up|have to (?:exist|"
            r"live|be alive))",
            r"(?:wish|hope)(?: that)? i (?:wont|wouldnt|dont|didnt|never) wake up",
            r"wish(?:ed)?(?: that)? i (?:didnt|did not) have to wake up(?= (?:[.]|tomorrow [.]|"
            r"ever|again))",
            r"(?:i should|i ought to|let me|might as well|may as well)(?: just)? (?:die|be dead)",
            # Double letters are one: "off myself" alone would be "of myself".
            r"(?:(?:to|wanna|gonna|just|ill|will|might|should|could) off|offing|delete|deleting|"
            rf"erase|erasing|end|ending) {SELF}(?= (?:[.]|from|tonight|today|now|soon|for good|"
            r"and|before))",
            r"(?:hope|hoped|wish|wished|if)(?: [^ .]{1,40}){0,4} (?:kills?|killed|had killed|"
            r"would kill|hits|hit|ran over|runs over) me(?! up)(?= (?:[.]|tomorrow|today|i|on|"
            r"right|and|instead))",
            r"(?:hope|hoping|wish|want|wanna)(?: to)?(?: i)?(?: just)?(?: would| could)? (?:get|"
            r"got|be|to get|to be) (?:hit|run over) by",
            r"(?:when|once|after|before) (?:im|i am) dead",
            r"looking forward to (?:death|dying|my death)",
            r"(?:not|no longer|stopped being)(?: even)? (?:afraid|scared) (?:of (?:death|dying)|"
            rf"to die)(?= (?:[.]|{ANYMORE}|now|and))",
            r"(?:hold|holding|held|staring at|stared at|looking at) (?:a|the|my|that) (?:razor "
            r"blades?|blades?|noose|loaded gun|gun|pistol|pills)",
            r"(?:dont think|doubt|not sure|dont know if)(?: that)? i(?:ll| will)? (?:make it|"
            r"live|be alive|be here|be around) (?:to|by|for|past|until|till|at) (?:see "
            r")?(?:my(?: [^ .]{1,40})? birthday|thirty|next year|christmas|the end of the "
            r"(?:week|month|year)|tomorrow|morning|spring|summer)(?= (?:[.]|and|but))",
            r"(?:so|this|that|very|really) close to (?:doing it|ending it|ending everything|"
            r"jumping|dying)(?= [.])",
            r"why am i (?:still |even )?alive",
            r"ceas(?:e|ing) to exist",
            r"if i had a gun",
            r"(?:know|knows) where(?: [^ .]{1,40}){0,3} (?:keeps?|kept|hides?) (?:the|his|"
            r"her|their) (?:gun|guns|rifle|pistol|shotgun|pills|sleeping pills)",
            r"(?:last|final) (?:day|week|night|hours?) (?:of my life|on earth|alive)",
            r"how (?:much|many)(?: [^ .]{1,40}){1,3} (?:is|are|would be) (?:fatal|lethal|"
            r"deadly)",
            r"voices?(?: [^ .]{1,40}){0,3} (?:tell|telling|tells|told|say|saying|says) (?:me "
            r"to|i should|i must|to) (?:die|kill|hurt|harm|jump|cut|do it|end|stab|not (?:exist|"
            r"live))",
            r"(?:check|checking|opt|opting|bow|bowing|want|wanted) out of (?:this |my )?(?:life|"
            r"existence)",
            r"(?:want|wanna|wanted|ready|going|wish|time|need)(?: to)?(?: just)? leave (?:this|"
            r"the) (?:world|earth|planet|life)",
            r"(?:want|wanna|wanted|ready|going|wish|ill|will)(?: to)?(?: just)? (?:be with|join|"
            r"see) [^ .]{1,40}(?: [^ .]{1,40}){0,3} (?:in heaven|on the other side|in the "
            r"grave)",
            r"(?:death|dying|not existing|nonexistence) (?:would be|seems?|sounds?|feels?)(?: "
            r"[^ .]{1,40}){0,2} (?:relief|peaceful|better|easier|release|welcome|nice|good|"
            r"appealing|answer|way|option|freedom|comforting|tempting)",
            r"(?:about|of|to just|nice to|easier to|better to|rather) (?:not|no longer|never) "
            r"(?:exist|existing|being (?:here|alive|around)|be alive|waking up|wake up)(?= "
            r"(?:[.]|any|ever|again|at all|and|for))",
            r"if i(?: just)? (?:didnt|dont|never|did not|do not) wake up",
            r"(?:better|happier|easier) (?:off |place |life |lives )?(?:dead|without me|with me "
            r"gone|if i (?:was|were|am) (?:gone|dead|not (?:here|around|alive))|if i (?:died|"
            r"disappeared|wasnt here|werent here))",
            r"if i (?:died|die|was gone|were gone|disappeared|wasnt (?:here|around|alive)|werent "
            r"(?:here|around|alive)|never existed)",
            r"(?:dont|do not|no longer|didnt|not)(?: even)?(?: really| just)? (?:want to|wanna|"
            r"wanted to|feel like) (?:live|be alive|exist|keep living|go on living|continue "
            r"living|living)(?! (?:here|there|with|in|at|near|under|like|out|on|by|close|next|"
            r"that) )",
            r"(?:dont|do not|no longer) (?:want to|wanna) be (?:here|around|on this (?:earth|"
            rf"planet)|in this world) {ANYMORE}",
            r"(?:dont|do not|no longer) (?:want to|wanna) be around(?= [.])",
            r"(?:dont|do not|no longer) (?:want to|wanna) be (?:on this (?:earth|planet)|in this "
            r"world)",
            r"(?:dont|do not|never) (?:want to|wanna) wake up(?= (?:[.]|anymore|again|ever|"
            r"tomorrow [.]|any more))",
            r"(?:a ?sleep|sleep|bed)(?: and| to)?(?: just)? (?:never|not) (?:wake|waking)(?: up)?",
            r"(?:being alive|being awake|existing|living)(?: [^ .]{1,40}){0,2} hurts",
            r"(?:hate|hated|hating) (?:being alive|existing|that i(?:m| am)? alive|that i "
            r"(?:woke up|survived))",
            r"(?:tired|sick|done|exhausted) (?:of |with |from )?(?:living|being alive|existing|"
            r"life)(?= (?:[.]|and|anymore|i|now|every|so|like this) )",
            # With the writer before it: a cat jumps off a roof, and a child into a truck.
            r"(?:i|ive|id|to|of|about|just|almost|nearly|should|could|might|gonna|wanna|been|"
            r"keep) (?:jump|jumping|jumped) (?:off|from|out of)(?: [^ .]{1,40}){0,2} "
            rf"{HEIGHT}(?! (?:into|with a) )",
            r"(?:throw|throwing|threw|fling|flinging|hurl|hurling|yeet|yeeting|launch|launching) "
            rf"{SELF} (?:off|from|out of|under|in front of|into the (?:path|traffic|river|sea))",
            r"(?:jump|jumping|jumped|step|stepping|stepped|walk|walking|walked|run|running|lie|"
            r"lying) (?:out )?(?:in front of|under|into (?:the path of|the middle of)?)(?: a| "
            r"the| this| an| some| oncoming)? ?(?:moving |speeding |passing )?(?:(?<!into "
            r")(?:(?<!into a )|(?<!into the ))(?:train|truck|lorry|bus|car|metro)|traffic|the "
            r"tracks)",
            r"(?:almost|nearly|thought about|thinking about|considered|urge to|wanted to|want to|"
            r"could just|should just)(?: just)? (?:step|stepped|stepping|jump|jumped|jumping|let "
            r"go|letting go)(?: off)?(?= (?:[.]|it|the (?:edge|ledge|roof|bridge|platform|kerb)))",
            r"(?:standing|stood|sitting|sat|im|i am|was) on (?:the|a) (?:window ?)?(?:ledge|"
            r"railing|parapet|wrong side of)",
            r"(?:im|i am)(?: [^ .]{1,40})? on (?:the|a) (?:bridge|roof|rooftop|ledge|tracks|"
            r"train tracks|overpass)(?: right)? now(?= [.])",
            r"(?:drive|driving|crash|crashing|steer|steering|swerve|swerving)(?: (?:my|the|this) "
            r"car| it| myself)? (?:into|off|over)(?: a| the| an| this| oncoming)? (?:tree|wall|"
            r"bridge|cliff|river|lorry|truck|road|traffic)(?! (?:by accident|because of))",
            r"(?:crash|crashing|drive|driving|swerve|swerving)(?: [^ .]{1,40}){0,2} on "
            r"purpose",
            r"(?:hang|hung|hanged|hanging|shoot|shot|shooting|drown|drowning|poison|poisoning|"
            rf"gas|gassing|suffocate|strangle|choke|overdose|od) {SELF}",
            r"blow (?:my|me) (?:fucking )?(?:brains?|head) (?:out|off)",
            r"(?:slit|slitting|slash|slashing|cut|cutting) my (?:own )?(?:wrists?|throat|veins|"
            r"neck)",
            r"overdos(?:e|ed|ing)",
            r"(?:took|taken|take|taking|swallow|swallowed|swallowing|down|downed|downing)(?: "
            r"just)? (?:all|too many|way too many|an? (?:whole |entire |full )?(?:bottle|packet|"
            r"pack|box) of|a (?:handful|fistful|load|bunch|pile) of|the (?:whole|entire|rest of "
            r"the) (?:bottle|packet|box)(?: of)?|half (?:a|the) bottle of|enough|every|\d{2,3}|"
            r"ten|fifteen|twenty|thirty|forty|fifty|sixty|a hundred|dozens of)(?: of)?(?: my| "
            rf"the| these| those| our)?(?: [^ .]{{1,40}})? {PILLS}(?! (?:back|to the|with me|out "
            r"of|along) )",
            r"(?:hoard|hoarding|hoarded|stockpil[a-z]*|saving up|saved up|been saving|counting|"
            rf"counted out)(?: up)?(?: my| the| all my| these)?(?: [^ .]{{1,40}})? {PILLS}",
            rf"(?:the|my|enough|these) {MEANS}(?: (?:is|are|all))? (?:ready|prepared|loaded|"
            r"waiting for me)(?! (?:at|in the|to be|for (?:the|my|a) (?:trip|holiday|flight|"
            r"cough|cold|week|journey)) )",
            rf"(?:the|my|a) (?:{MEANS}|{HEIGHT}|knife|train tracks|river)(?: "
            r"[^ .]{1,40}){0,4} (?:calling|calls|call|called|tempts|tempting|whispers)(?: "
            r"to)? me(?= [.])",
            r"(?:bought|got|found|ordered) (?:a |the |some |my )?(?:rope|noose|gun|pistol)(?= "
            r"(?:[.]|today [.]|tonight|and (?:im|i am|i know|now)))",
            r"nooses?",
            r"(?:drink|drinking|drank|swallow|swallowing|swallowed) (?:the |some |rat "
            r")?(?:bleach|poison|antifreeze|drain cleaner|detergent)",
            r"(?:belt|rope|cord|cable|sheet) (?:around|round) my neck",
            r"(?:knife|blade|razor|gun|pistol|glass|scissors) (?:at|to|against|in) my (?:own "
            r")?(?:throat|neck|head|wrists?|temple|mouth|chest)",
            r"(?:come to|cry at|go to|attend|be at|miss) my funeral",
            r"(?:how many|how much|what|which)(?: [^ .]{1,40}){0,2} (?:(?:it )?(?:takes|"
            r"take) to|to|would|needed to|enough to) (?:die|overdose|kill (?:me|myself|you|a "
            r"person))(?! for)",
            r"(?:painless|easiest|quickest|fastest|best|easy|quick|peaceful|different) (?:ways?|"
            r"methods?) (?:to|of) (?:die|dying|go|end it)(?= (?:[.]|and|is|with|at|online))",
            r"ways to die",
            r"lethal dose",
            r"(?:planning|planned|plan|imagining|picturing)(?: [^ .]{1,40})? (?:my|own) "
            r"(?:death|funeral)",
            r"(?:thinking|think|thought|thoughts|thots|fantasi[sz]e|fantasi[sz]ing|dreaming|"
            r"dream) (?:about|of)(?: my)?(?: own)? (?:dying|death|ending (?:it|things|everything|"
            r"me|it all)|ending my|my funeral)",
        ),
        "self_harm": (
            r"self ?(?:harm|injur|mutilat|hurt)[a-z]*",
            r"(?:hurt|hurting|harm|harming|harmed|cut|cutting|punish|punishing|stab|stabbing) "
            rf"{SELF}{BY_ACCIDENT}",
            r"(?:want|wanna|wanted|urge|urges|going|gonna|need|thinking|thought)(?: to| of| "
            rf"about)?{ADVERB} (?:hurt|hurting|harm|harming|cut|cutting|burn|burning|stab) {SELF}",
            rf"(?:burn|burned|burnt|burning) {SELF} (?:on purpose|again [.]|with (?:a |my |the "
            r")?(?:cigarettes?|lighter|iron))",
            r"(?:cut|cuts|cutting|slice|slicing|burn|burning|scratch|scratching) (?:up )?my "
            rf"(?:own )?{LIMB}{BY_ACCIDENT}",
            r"(?:started|start|back to|been|stop|stopped|relapsed and|relapse and|urge to|into) "
            r"(?:cut|cutting)(?: again)?(?= [.])",
            r"(?:with|using|use|used|took|drag|dragged|ran|hid|hide|bought|found|put|pressed) "
            r"(?:a |my |the )?(?:razor|razors|razor blades?|blades?|knife) (?:on|to|across|over|"
            rf"against) my {LIMB}",
            r"(?:carve|carved|carving|etch|etched|scratched|burned|burnt)(?: "
            rf"[^ .]{{1,40}}){{0,3}} (?:in|into|onto) my {LIMB}",
            r"(?:fresh|new|more|deep|self inflicted) (?:cuts|burns|scars)(?: [^ .]{1,40})? "
            rf"(?:on|along|across|all over|down) my {LIMB}(?! from)",
            rf"my {LIMB} (?:has|have|is|are)(?: [^ .]{{1,40}}){{0,3}} (?:cuts|self harm scars)(?! "
            r"from)",
            r"(?:hitting|hit|punching|biting|bruising|scratching|burning|slapping|choking|hurt|"
            rf"hurting) {SELF} (?:again|on purpose|until|when|because i deserve|every|to (?:feel|"
            rf"punish|cope|calm)){BY_ACCIDENT}",
            r"(?:keep|kept|started|been|stop|stopped) (?:hitting|punching|biting|bruising|"
            rf"scratching|burning|hurting|slapping) {SELF}",
            r"(?:until|till|so) (?:it|they|i|she) (?:bleeds?|bled|start(?:s|ed)? (?:to bleed|"
            r"bleeding))",
            r"(?:by|with|to|urge for) cutting(?= [.])",
            r"i (?:just |really )?cut (?:too |so |very |much )?deep(?:er|ly)?",
            r"bleeding after i cut",
            r"(?:dug|dig|digging|stabbed|pressed)(?: [^ .]{1,40}){1,3} (?:in|into) my (?:own "
            rf")?{LIMB}",
            r"(?:the|my|old|these) scars on my (?:arms?|forearms?|thighs?|wrists?)(?! from)",
            r"cutting (?:helps|helped|calms|relieves|makes me feel|is the only)",
            rf"(?:starve|starving) {SELF}",
            r"clean from (?:cutting|self)",
            rf"(?:scratch|scratched|scratching|pick|picked|picking) (?:at )?my {LIMB} (?:until|"
            r"till|on purpose)",
            rf"(?:make|making|made) {SELF} (?:throw up|vomit|puke|bleed)",
        ),
        "farewell": (
            r"good ?bye (?:cruel )?world(?! tour)",
            r"(?:wrote|write|writing|written)(?: [^ .]{1,40}){0,2} (?:goodbye|farewell) "
            r"(?:letter|note)s?",
            r"good ?bye (?:everyone|everybody|forever|to life|for good)",
            r"(?:goodbye|farewell|last|final) (?:note|letter)s? (?:to|for) (?:my|everyone|them|"
            r"you)",
            r"this is (?:my |the )?(?:last|final) (?:goodbye|note|entry|letter|message|post)",
            r"(?:by the time|when|if) (?:you|anyone|someone|they)(?: are| ?re)? (?:read|reads|"
            r"reading|find|finds|found)(?: this)?(?: [^ .]{1,40}){0,2} i(?: will|ll|m| "
            r"am)?(?: be)?(?: already)? (?:gone|dead)",
            r"i (?:wont|will not) be (?:alive|around|here) (?:tomorrow|much longer|anymore|any "
            r"more|for long|next week)",
            r"you (?:wont|will not|will never|ll never)(?: ever)? (?:see|hear from|have to deal "
            r"with) me (?:again|anymore)",
            r"(?:look after|take care of) (?:my|the) [^ .]{1,40} (?:when|after|once) (?:im|i "
            r"am) gone(?! (?:next|for|on|to|this|until|tomorrow) )",
        ),
        "hopelessness_crisis": (
            r"(?:no|any|a) (?:reason|point|sense)(?: left)? (?:to|in|of) (?:live|living|be alive|"
            r"being alive|going on|go on|carrying on|staying alive|existing)(?! (?:a|with|"
            r"holiday|about|here|there|in) )",
            r"whats the point (?:of|in) (?:living|being alive|going on|life|existing|it all|any "
            r"of (?:it|this)|anything)",
            r"(?:nothing|not anything|anything)(?: left)? (?:left )?to live for",
            r"(?:no|any)(?: more)? reasons?(?: [^ .]{1,40}){0,5} (?:stay|staying|be|being|"
            r"remain) alive",
            r"life (?:isnt|is not|is no longer|not|doesnt feel) worth(?: living| it)?",
            r"not worth living",
            r"lifes not worth it",
            r"(?:see|is|whats) (?:the|any) (?:point|reason|sense)(?: left)? (?:of|in|to) (?:live|"
            r"living|being alive|existing|going on)",
            r"(?:cant|dont think i can) (?:keep|go on|continue) (?:living|existing)",
            r"cant (?:go on|carry on|keep going|keep living)(?= (?:[.]|anymore|any|like|living|"
            r"much|with|and) )",
            r"(?:cant|cannot|can not) (?:do|take|handle|bear|live|cope)(?: with)?(?: (?:it|this|"
            rf"that|life|living|like this))? {ANYMORE}",
            r"want (?:it all|everything|the pain|my pain|this pain|my life|life|the suffering) "
            r"to (?:end|stop|be over)",
            r"want (?:the|these|my) (?:noise|thoughts|voices) (?:in my head )?to (?:stop|end) "
            r"(?:for good|forever)",
            r"want the (?:noise|thoughts|voices) in my head to (?:stop|end)",
            r"(?:cant|cannot|can not|dont think i can|not able to|dont know how to) (?:keep|"
            r"promise)(?: that)? (?:my ?self safe|ill (?:be|stay) safe|i will (?:be|stay) safe)",
            r"(?:theres|there is|see|seeing) no (?:other )?way out(?! of )",
            r"(?:the|my) only way out(?! of )",
            r"only way (?:to (?:stop|end)|out of) (?:this pain|the pain|my pain|this misery|the "
            r"suffering|my life)",
            r"(?:no|any|out of) (?:more )?fight left(?: in me)?",
            r"(?:too tired|cant keep|tired of|no strength) (?:to (?:keep )?|)(?:fight|"
            r"fighting)(?= (?:[.]|for my life|to stay|any))",
            r"(?:given up|giving up|give up|gave up) on (?:life|living|everything)",
            r"(?:lost|no|losing) (?:all )?(?:the |my )?(?:hope (?:left|in life|of living)|will "
            r"to live|desire to live)",
            r"(?:dont|do not|cant|cannot|no longer) (?:see|imagine|picture|have) (?:a|any) "
            r"future(?:(?: for (?:me|myself))?(?= [.])| for (?:me|myself)(?! (?:in|at|with|here|"
            r"there) ))",
            r"(?:want|wanna|wanted|wish i could)(?: to)?(?: just)? (?:disappear|vanish)(?= "
            r"(?:[.]|forever|from this|from the world|for good|and) )",
            rf"i(?:m| am){ADVERB} (?:such |nothing but )?a burden(?: [^ .]{{1,40}}){{0,2}}",
            rf"{NOBODY} (?:miss|mourn) me",
            rf"{NOBODY} (?:miss|notice|care|mourn)(?: me)?(?: if| that| when)? (?:i|im|i am|"
            r"id)(?: (?:just|was|were|am|had))? (?:died?|dead|gone|disappear(?:ed)?|"
            r"vanish(?:ed)?|dropped dead|killed|wasnt|werent|left this)",
        ),
    }
)
