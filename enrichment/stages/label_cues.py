"""Which words of a text point to a driver, a tone or an event of the closed lists.

A data module. The wheel's own words already bring the usual driver and tone of their secondary
(`vocabulary`); here stand only the words that say something more particular. Ordinary English,
our own selection; simple inflections of a word count too.
"""

from collections.abc import Mapping
from types import MappingProxyType


def _table(rows: Mapping[str, str]) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({label: frozenset(words.split()) for label, words in rows.items()})


DRIVER_CUES: Mapping[str, frozenset[str]] = _table(
    {
        "achievement": (
            "achieve achieved achievement accomplish accomplished finished completed won award "
            "promotion promoted graduated passed success successful succeeded milestone goal"
        ),
        "agency": "decided chose choice control managed independent independently capable",
        "awe": "amazing breathtaking awe awesome magnificent stunning wonder sunset stars majestic",
        "belonging": (
            "belong belonging welcomed included community team group church tribe accepted"
        ),
        "change": "change changed changing moving transition switched",
        "complexity": "complicated complex mixed conflicted contradictory",
        "connection": (
            "together friend friends family sister brother mom mum mother dad father wife husband "
            "partner son daughter grandma grandpa hug hugged conversation talked chat visited "
            "reunion bond bonding closeness"
        ),
        "contentment": "content contented satisfied satisfying enjoyed cozy cosy comfortable",
        "exhaustion": "exhausted exhausting exhaustion drained worn burnout depleted",
        "fatigue": "tired tiring sleepy fatigue fatigued sluggish insomnia sleepless weary",
        "frustration": "frustrated frustrating frustration stuck annoyed broken failing",
        "gratitude": "grateful gratitude thankful thank thanks blessed appreciate appreciated",
        "hope": "hope hopeful hoping optimistic optimism wish",
        "hurt": "hurt hurtful betrayed betrayal rejected insulted humiliated ignored heartbroken",
        "irritation": "irritated irritating annoyed annoying rude noisy grumpy",
        "learning": "learn learned learnt learning study studied studying discovered lesson class",
        "longing": "miss missed missing longing nostalgic nostalgia homesick yearn",
        "loss": "died death funeral grief grieving mourning divorce breakup goodbye",
        "low_progress": "behind nothing unfinished procrastinated procrastinating wasted slow",
        "motivation": "motivated motivation eager excited driven inspired ambition passionate",
        "overwhelm": "overwhelmed overwhelming swamped frantic chaos chaotic hectic",
        "pressure": "pressure deadline deadlines stress stressed stressful expectations overtime",
        "pride": "proud pride proudly",
        "progress": "progress improve improved improvement improving further step steps forward",
        "recognition": "praise praised recognized recognised compliment complimented award raise",
        "relief": "relief relieved finally",
        "renewal": "fresh refreshed renewed restart reset recharged new beginning",
        "self_acceptance": "acceptance forgive forgave forgiving forgiven worthy",
        "self_assertion": "refused confronted boundary boundaries insisted assert asserted",
        "serenity": "peaceful serene tranquil calm quiet calming meditation yoga",
        "tension": "tense tension argued argument fight fought conflict quarrel guilty",
        "uncertainty": "unsure uncertain confused wondering undecided doubt maybe",
        "withdrawal": "withdrew withdrawn avoided isolate isolated hid alone lonely",
        "worry": "worried worry worrying anxious anxiety nervous afraid scared concerned fear",
    }
)

TONE_CUES: Mapping[str, frozenset[str]] = _table(
    {
        "annoyed": "annoyed annoying ugh rude ridiculous complained",
        "anxious": "anxious anxiety worried worry nervous afraid scared fear",
        "calm": "calm calmly calming quietly breathe breathing relaxed",
        "confident": "confident confidence sure capable strong",
        "confused": "confused confusing baffled puzzled lost",
        "content": "content satisfied enjoyed pleasant comfortable nice",
        "defeated": "defeated hopeless useless failed failure",
        "deflated": "disappointed disappointing deflated letdown discouraged",
        "determined": "determined will must goal refuse persist",
        "enthusiastic": "excited exciting amazing awesome thrilled wow yay fantastic",
        "exhausted": "exhausted exhausting drained",
        "flat": "bored boring dull meh nothing numb",
        "grateful": "grateful thankful blessed thank thanks appreciate",
        "guarded": "cautious careful wary guarded suspicious",
        "hopeful": "hope hopeful hoping hopefully optimistic",
        "inspired": "inspired inspiring inspiration creative",
        "irritated": "irritated angry furious mad hate frustrated frustrating",
        "light": "fun funny laugh laughed laughing smile smiled happy cheerful",
        "matter-of-fact": "usual normal routine regular typical",
        "motivated": "motivated motivation productive eager",
        "overwhelmed": "overwhelmed overwhelming swamped",
        "peaceful": "peaceful peace serene tranquil",
        "playful": "silly playful goofy joke joked game games",
        "proud": "proud pride proudly accomplished",
        "reflective": (
            "thinking thought realized realised wonder wondering reflect reflecting remember"
        ),
        "relieved": "relieved relief finally",
        "resigned": "anyway whatever suppose unavoidable",
        "shaky": "shaky trembling unsteady unsure insecure",
        "stressed": "stress stressed stressful pressure deadline hectic",
        "tense": "tense tension argued argument",
        "tired": "tired tiring sleepy weary fatigued",
        "vulnerable": "cry cried crying tears hurt vulnerable exposed ashamed embarrassed",
        "wistful": "nostalgic miss missed missing memories wistful",
        "withdrawn": "withdrawn alone lonely isolated ignored",
    }
)

EVENT_CUES: Mapping[str, frozenset[str]] = _table(
    {
        "achievement": (
            "achieved accomplished won award promotion promoted graduated milestone goal medal "
            "trophy finished completed"
        ),
        "celebration": (
            "party birthday wedding anniversary celebrate celebrated celebration holiday christmas "
            "thanksgiving easter diwali eid graduation festival"
        ),
        "conflict": (
            "argue argued arguing argument fight fought quarrel yelled shouted confronted rude "
            "disagreement betrayed"
        ),
        "creativity": (
            "paint painted painting draw drew drawing wrote writing poem craft crafts knitting "
            "sewing guitar piano sang singing photography pottery"
        ),
        "entertainment": (
            "movie movies film netflix tv television show episode series game games concert music "
            "book novel read reading podcast theater theatre"
        ),
        "faith": (
            "church god pray prayed praying prayer bible mass temple mosque worship lord sermon"
        ),
        "family": (
            "family mom mum mother mommy dad father daddy parents sister brother son daughter kid "
            "kids child children baby grandma grandmother grandpa grandfather grandparents aunt "
            "uncle cousin niece nephew grandson granddaughter grandchildren toddler siblings"
        ),
        "food": (
            "food dinner lunch breakfast brunch meal ate eat eating restaurant cook cooked cooking "
            "bake baked baking cake pizza burger chicken coffee tea delicious recipe snack steak "
            "bbq soup salad"
        ),
        "friendship": (
            "friend friends buddy buddies roommate bestie friendship pal neighbor neighbour"
        ),
        "health": (
            "doctor hospital dentist sick illness ill pain surgery medicine medication therapy "
            "therapist flu fever headache migraine checkup appointment diagnosis cancer injury"
        ),
        "home": (
            "house home apartment kitchen laundry cleaned cleaning chores yard garage bathroom "
            "bedroom furniture housework dishes vacuumed"
        ),
        "loss": "died death funeral dead divorce breakup grief mourning widow stolen",
        "money": (
            "money pay paid bill bills debt loan rent salary savings bank budget mortgage invoice "
            "paycheck refund invest afford expensive taxes"
        ),
        "nature": (
            "nature park beach hike hiked hiking mountain mountains river lake forest garden "
            "gardening sunset sunrise flowers trees birds ocean sea snow rain weather trail woods"
        ),
        "news": "news election president politics political headline headlines war pandemic",
        "pet": "dog dogs puppy cat cats kitten pet pets hamster rabbit parrot",
        "rest": (
            "sleep slept sleeping nap napped rest rested resting relax relaxed relaxing bed couch "
            "insomnia asleep weekend"
        ),
        "romance": (
            "wife husband girlfriend boyfriend fiance fiancee partner spouse date dating romantic "
            "kiss kissed valentine crush marriage"
        ),
        "sport": (
            "gym workout exercise exercised exercising run ran running jog jogged jogging yoga "
            "football soccer basketball baseball tennis golf swim swam swimming bike cycling "
            "marathon squats weights hockey cricket bowling"
        ),
        "study": (
            "school class classes college university exam exams homework study studied studying "
            "semester assignment thesis professor teacher course grade essay lecture tutor"
        ),
        "travel": (
            "trip travel traveled travelled traveling travelling vacation flight airport hotel "
            "flew cruise train roadtrip tourist abroad passport"
        ),
        "work": (
            "work worked working job boss coworker coworkers colleague colleagues office client "
            "clients meeting meetings project shift overtime career business company manager "
            "customer customers employee interview"
        ),
    }
)
