"""Whether a tip says what to do, going by its first words.

A closed list of verbs that such tips begin with, since English marks no imperative: "Water the
plant" is one, "Water calms" is none. What begins with another word is refused, which costs a retry;
so the list is long. Pure, and English only.
"""

import re

__all__ = ["is_imperative"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


VERBS = _set(
    """
    accept acknowledge add adjust admire admit adopt aim air allow alternate answer apologise
    apologize appreciate arrange ask attend avoid bake balance bathe be become begin bend bless
    blow boil book borrow bounce braid breathe brew bring brush build burn buy call cancel care
    carry catch celebrate challenge change chat check cheer cherish choose chop circle clap
    clarify clean clear climb close collect color colour comb come comfort commit compare
    complete compliment confide congratulate connect consider contact continue cook copy count
    cover craft create cross cry cuddle curl cut cycle dance decide decorate dedicate deepen
    delay deliver describe design dig dim dip discover dive divide do donate doodle double drag
    draw dream dress drift drink drop drum dry dust eat embrace empower empty encourage end
    engage enjoy establish examine exchange exercise exhale explore express extend face fasten
    feed feel fetch fill find finish fix flex flip float focus fold follow forget forgive free
    fry gather gaze get gift give glance go grab grate greet grill grind grip grow grumble guide
    hand hang harvest have hear help highlight hold honor honour hop host huddle hug hum hydrate
    identify ignore illustrate imagine improvise incorporate increase indulge inhale insert
    inspect install introduce invite iron jog join jot journal juggle jump keep kick kiss knead
    knit laugh lay lean leap learn leave lend let lick lie lift light limit line linger list
    listen lock look loosen love lower maintain make mark massage master measure meditate meet
    memorise memorize mend mirror mix mop move mow munch mute name nap navigate nibble note
    notice nourish nudge nurture observe offer open order organise organize outline pace pack
    paint participate pass pat pause peek peel perform pet phone photograph pick picture pile
    pin place plan plant play pluck polish ponder position postpone pour practice practise
    praise pray prepare press prioritise prioritize prop protect pull pursue push put raise rake
    reach read recall recharge recite recognise recognize reconnect record recycle redirect
    rediscover reduce refill reflect reframe refresh rehearse relax release relish remember
    remind remove reorganise repeat reply request reread respect rest restore retrace return
    reuse review revisit reward rewatch rewrite ride rinse rise roam roast rock roll rotate rub
    rummage run sample save savor savour say scan schedule scribble script scroll scrub search
    see seek seize select send set settle sew shake shape share sharpen shift shine show shower
    shred shrug shut sigh sign simplify sing sip sit sketch skip sleep slice slide slip slow
    smell smile smooth snack sniff soak soften sort speak spend spin splash spot sprawl spread
    sprinkle sprint squat squeeze stack stamp stand stare start stay steady steam step stick
    stir stomp stop store stow straighten strengthen stretch string strive stroke stroll strum
    study support surprise surround swap sway sweep sweeten swim swing swirl switch tackle tag
    take talk tap tape target taste teach tear tell tend tense test text thank thaw think throw
    tidy tie tilt tiptoe toast toss touch trace track trade treat trim trust try tuck tug tune
    turn twist type unclench unfold unfollow unpack unplug unroll unsubscribe untangle untie
    unwind update use vacuum value vary vent venture view visit visualise visualize voice
    volunteer wade wait wake walk wander warm wash watch water wave wear weave welcome whip
    whisk whisper whistle wiggle wind wipe wish wonder work wrap write yawn zip
    """
)

# May stand before the verb, besides any word in -ly.
_BEFORE = _set("just now then today first please don't never always do not simply really so")
# What makes a statement of a noun that could be a verb: "rest is good", "water calms".
_FINITE = _set(
    """
    are becomes brings calms can could did does eases feels gives had has have heals help helps
    is keeps looks make makes matters may means might must needs should soothes was were will
    would
    """
)
_TIME_OR_CONDITION = _set("if when before after once while as at in on with for during every each")
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


def is_imperative(tip: str) -> bool:
    """Whether a tip begins with something to do, as far as its first words tell.

    Before the verb may stand adverbs and "don't", and a part up to a comma that says when ("Before
    bed, dim the lights"). Apostrophes are straight.
    """
    words = _WORD.findall(tip.casefold())
    if words and words[0] in _TIME_OR_CONDITION:
        words = _WORD.findall(tip.casefold().partition(",")[2])
    while words and (words[0] in _BEFORE or words[0].endswith("ly")) and words[0] not in VERBS:
        words = words[1:]
    if words[:1] == ["do"] and words[1:2] == ["not"]:
        words = words[2:]
    return bool(words) and words[0] in VERBS and words[1:2] != [] and words[1] not in _FINITE
