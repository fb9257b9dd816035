"""The writings that stand in for the model when the feeling is joyful."""

from enrichment.stages.texts.writing import Writing

JOYFUL: tuple[Writing, ...] = (
    Writing(
        poem=(
            "The good news arrived while you were peeling potatoes.",
            "You danced with a tea towel and nobody minded.",
            "Even the potatoes seemed in on it.",
        ),
        tips=(
            "Play that song again, louder, with the window open.",
            "Save a few words about today before they fade.",
            "Walk the long way home and look up.",
        ),
        closing_line="Keep this one where you can find it.",
    ),
    Writing(
        poem=(
            "Warm tiles in the kitchen, crumbs on every plate.",
            "Somebody laughed so hard the dog left the room.",
            "You would not change a single crooked chair.",
        ),
        tips=(
            "Take one picture of something nobody else would notice.",
            "Stretch out on the floor and look at the ceiling.",
            "Send somebody the silliest photo you took.",
        ),
        closing_line="What a good, loud, ordinary day.",
    ),
    Writing(
        poem=(
            "Your name was called, and it was for you.",
            "The grin got there before your feet did.",
            "Somewhere, a younger you is jumping on a bed.",
        ),
        tips=(
            "Eat something delicious without doing anything else.",
            "Put the proof on the fridge with a magnet.",
            "Thank one person who helped you get there.",
        ),
        closing_line="Enjoy it fully before you move on to the next thing.",
    ),
    Writing(
        poem=(
            "Fresh sheets, loud birds, and nowhere you have to be.",
            "The coffee came out right for once.",
            "Small luck is still luck, and it is yours.",
        ),
        tips=(
            "Breathe in deeply and notice what smells good.",
            "Wear the colour you usually keep for guests.",
            "Pass a bit of this cheer to a stranger.",
        ),
        closing_line="Here is to hours that ask for nothing.",
    ),
    Writing(
        poem=(
            "You met a friend and two hours fell off the clock.",
            "The soup went cold; the talk stayed warm.",
            "You walked home lighter by one long laugh.",
        ),
        tips=(
            "Write down the joke before you forget the ending.",
            "Swing your arms a little as you walk.",
            "Plan the next meeting while this one still glows.",
        ),
        closing_line="Some people make an hour bigger.",
    ),
    Writing(
        poem=(
            "There is paint on your elbow and an idea in the hall.",
            "The table is covered, and the chores can wait on the floor.",
            "You hum a tune that nobody has written yet.",
        ),
        tips=(
            "Leave the mess and come back to it with a snack.",
            "Pin the first sketch where you can see it.",
            "Try it once in a colour you never use.",
        ),
        closing_line="Let it be unfinished and wonderful.",
    ),
    Writing(
        poem=(
            "A seed you had given up on has two green ears.",
            "You showed it to the neighbour and then to the cat.",
            "Both agreed that it was news.",
        ),
        tips=(
            "Turn the pot so that it grows straight.",
            "Mark a day on the calendar to look forward to.",
            "Jump once for no reason, then look around.",
        ),
        closing_line="Small green things are worth a fuss.",
    ),
)
