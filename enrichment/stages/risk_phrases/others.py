"""What speaks of others: grief, worry, abuse, and the wish to harm somebody; data."""

from collections.abc import Mapping
from types import MappingProxyType

from enrichment.stages.risk_phrases.terms import (
    ADVERB,
    GAP,
    KIN,
    PERSON,
    THEMSELF,
    THIRD,
)

# Looked for first, and blanked out when found, so that the signals below keep their own meaning.
GENTLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bereavement_by_suicide": (
            rf"(?:killed|hanged|hung|shot|drowned|poisoned) {THEMSELF}",
            r"(?:took|taken|ended) (?:his|her|their) (?:own )?li(?:fe|ves)",
            rf"(?:die|died|death|deaths|lost|gone)(?:{GAP}){{0,5}} (?:by|of|from|to) suicide",
            r"(?!(?:i|have|had|has|almost|nearly|just|ive|id|never|and) )[^ .]{1,40} (?:has |"
            r"had )?committed suicide",
            rf"(?:{KIN}s|his|her|their) suicide",
            rf"suicide of (?:my|our|his|her|their|a)(?: {KIN})?",
            rf"after {THIRD} (?:died|was gone) (?:by|through) suicide",
        ),
        "concern_for_other": (
            rf"{THIRD}(?:{GAP}){{0,2}} (?:to )?(?:want|wants|wanted|wanting|try|tries|tried|"
            r"trying|threatens|threatened|threatening|going|talks|talked|talking|thinks|thought|"
            rf"thinking|attempts|attempted|planning|might|will|would)(?:{GAP}){{0,2}} "
            rf"(?:kill(?:ing)? {THEMSELF}|(?:hurt|harm|cut)(?:ting|ing)? {THEMSELF}|suicide|dying|"
            rf"(?:end|ending|take|taking) (?:his|her|their) (?:own )?life|unalive {THEMSELF})",
            rf"{THIRD}(?:{GAP}){{0,2}} (?:wants|want|wanted|wishes) to (?:die|be dead)",
            rf"{THIRD} (?:is|was|has been|feels|felt|feeling|seems|seemed|said (?:he|she|they) "
            rf"(?:is|was|feels|felt)){ADVERB} suicidal",
            rf"{THIRD} (?:self ?harms|self ?harmed)",
            rf"{THIRD} (?:keeps |started |is |was |has been )?(?:cuts|cut|cutting|burns|burning|"
            rf"hurts|hurting) {THEMSELF}",
            rf"{THIRD} (?:cuts|is cutting|has been cutting)(?= [.])",
            rf"{THIRD} (?:doesnt|does not|didnt|did not)(?: [^ .]{{1,40}})? want to (?:live|be "
            r"alive|be here|wake up|exist)(?= (?:[.]|any|no more|and))",
            rf"{THIRD}(?:{GAP}){{0,2}} overdosed",
        ),
        "death_distress": (
            rf"(?:dont|do not|didnt|did not|never){ADVERB} (?:want to|wanna) die",
            r"(?:scared|afraid|terrified|frightened) (?:that )?i(?: am|m)? (?:going to|gonna|"
            r"will|might|may) (?:die|not make it)",
        ),
    }
)

SIGNALS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "intent_to_harm_others": (
            r"(?:want|wanted|wanna|going|gonna|ima|imma|planning|plan|about|ready|urge|urges|ill|"
            r"will|swear|thinking|thoughts|feel like|feeling like|fantasi[sz]e|fantasi[sz]ing|"
            rf"dream|need)(?: (?:to|of|about|i|ill|will)){{0,3}}{ADVERB} (?:kill|killing|murder|"
            r"murdering|stab|stabbing|shoot|shooting|strangle|strangling|poison|poisoning|choke|"
            rf"choking|hurt|hurting|harm|harming) {PERSON}(?! feelings)",
            rf"(?:he|she|they|{PERSON}) (?:all )?deserves? to (?:die|be killed|suffer and die)",
            r"(?:want|wanna|wanted|going|gonna|planning|ready|ill|will|swear)(?: (?:to|i|ill|"
            rf"will)){{0,3}}{ADVERB} beat {PERSON} (?:to (?:death|a pulp)|senseless|unconscious|"
            r"bloody)",
            r"(?:want|wanna|going|gonna|planning|ready|ill|will)(?: to| i)?(?: just)? (?:blow up|"
            r"bomb|burn down|set fire to) (?:the|my|this|his|her|their) (?:school|office|house|"
            r"place|church|mall|hospital|building|mosque|temple|flat)",
            r"want (?:him|her|them|them all|everyone|you|all of (?:them|you))(?: all)? dead",
            r"shoot up (?:the|my|a) (?:school|office|place|church|mall)",
            r"(?:the voices|voices? in my head)(?: are| keep| keeps)? (?:tell|telling|tells|"
            r"told) me to",
            r"(?:bring|bringing|take|taking) (?:a|my|the) (?:gun|knife) to (?:school|work|the "
            r"office)",
            r"homicid[a-z]*",
            r"until (?:he|she|they) (?:stops? breathing|dies?|is dead|are dead)",
        ),
        "abuse_danger": (
            rf"{THIRD}(?:{GAP}){{0,2}} (?:hit|hits|hitting|beat|beats|beating|punched|punches|"
            r"punching|slapped|slaps|kicked|kicks|choked|chokes|choking|strangled|strangles|"
            r"attacked|attacks|abused|abuses|abusing|hurts|molested|molests|stabbed|shoved|"
            r"shoves) (?:me|us|my (?:kids|children|son|daughter|mum|mom|mother)|the (?:kids|"
            r"children))(?! (?:as|at|to|in|by|up|with|that|like|out|for|off|when he (?:left|"
            r"died)|every time (?:at|in|we)) )",
            rf"{THIRD}(?:{GAP}){{0,2}} (?:hit|hits|beat|beats|kicked|choked|slapped) (?:me|us) "
            r"(?:in the (?:face|head|stomach)|again|at home|with (?:a|his|her) (?:belt|fist|"
            r"stick))",
            r"(?:rape|raped|raping|rapes|rapist|molest|molested|molests|molesting)",
            r"sexual(?:ly|y)? (?:assault|abus|harass)[a-z]*",
            r"domestic (?:violence|abuse)",
            r"stalking me",
            r"hands? (?:around|round|on) my (?:throat|neck)",
            r"(?:grabbed|grabs|held|holds) me by the (?:throat|neck|hair)",
            r"(?:will|ll|hell|shell|theyll|going to|gonna|would) (?:find|come for|get|hunt) me "
            r"and (?:kill|hurt|beat) me",
            r"and touch(?:ed|es)? me(?= [.])",
            rf"(?:{THIRD}(?:{GAP}){{0,2}}|and(?: then)?) (?:pinned|pins|shoves|shoved|pushes|"
            r"pushed|throws|threw|slams|slammed|drags|dragged) me (?:against|down|to the "
            r"(?:floor|ground)|into the|across|by the hair|on the (?:floor|bed))",
            r"and(?: then)? (?:punches|kicks|slaps|beats|chokes) me(?= (?:[.]|when|if|again|"
            r"until))",
            r"(?:touches|touched|touching) me (?:at night|inappropriately|down there|without my|"
            r"where i dont)",
            rf"{THIRD}(?:{GAP}){{0,2}} (?:touches|touched|touching) me(?= (?:[.]|there|and i|when "
            r"i (?:was (?:asleep|sleeping|little|small|a (?:child|kid))|sleep|slept)))",
            r"forc(?:e|ed|es|ing) (?:himself|herself|themselves) on me",
            r"(?:force|forced|forces|forcing|made|makes) me (?:to )?(?:have sex|sleep with|touch "
            r"(?:him|her))",
            rf"{THIRD}(?:{GAP}){{0,2}} (?:locks|locked|locking) me (?:in|inside|up)(?! the "
            r"(?:game|lift))",
            r"(?:fear|feared|scared|afraid|terrified|fearing) for my (?:own )?(?:life|safety)",
            r"(?:he|hes|she|shes|they|theyre)(?: is| are)? (?:going to|gonna) (?:kill|hurt|beat|"
            r"rape) me (?:im|i am|and im)(?: so| really)? (?:scared|afraid|terrified)",
            r"threat(?:en|ens|ened|ening) (?:to|that (?:he|she|they)(?: [^ .]{1,8})?) (?:kill|"
            r"hurt|beat|shoot|stab|rape|harm)",
            r"(?:says?|said|told me|swore)(?: that)? (?:he|she|they)(?: will|ll| would|d| is "
            r"going to| was going to|s going to)? ?(?:kill|killing|beat|hurt) me",
            r"(?:hell|shell|theyll|hed|shed|theyd) (?:kill|beat|hurt) me",
            rf"{THIRD} (?:tried|tries|wants|wanted|trying) to (?:kill|strangle|choke|stab|hurt|"
            r"rape) (?:me|us)",
            rf"(?:scared|afraid|terrified|frightened)(?: that| of what)? {THIRD} (?:will|might|is "
            r"going to|could|may|would)(?: [^ .]{1,40})? (?:kill|hurt|beat|hit|do)(?: to)?(?: "
            r"me| us)?",
            r"(?:scared|afraid|terrified|frightened) of my (?:husband|wife|boyfriend|girlfriend|"
            r"partner|ex|dad|father|stepdad|stepfather|uncle|brother|son|mother|mum|mom)",
            r"(?:scared|afraid|terrified) to (?:go|be|stay|come) (?:at )?home(?! (?:alone|late) )",
            r"(?:not|dont feel|never felt|never feel|isnt|no longer|do not feel) safe (?:at|in "
            r"my own) home",
            r"(?:wont|doesnt|will not) let me (?:leave|go out|out of)(?: the house)?",
            r"(?:im|i am|i was|ive been|i have been|i got|get|getting)(?: being)? (?:abused|"
            r"beaten up|beaten|stalked|assaulted|held against my will)(?! (?:at|to|in (?:the|a|"
            r"my)|by (?:the|a|my) (?:team|computer|opponent)) )",
            r"(?:am|was|been) (?:abused|assaulted|stalked|beaten up)(?! (?:in the|at) )",
        ),
    }
)
