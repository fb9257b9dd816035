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
            "Sun on the kitchen tiles, crumbs on every plate.",
            "Somebody laughed so hard the dog left the room.",
            "You would not change a single crooked chair.",
        ),
        tips=(
            "Take one picture of something nobody else would notice.",
            "Stretch out on the floor where the sun falls.",
            "Send your sister the silliest photo from today.",
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
            "Fresh sheets, loud birds, and nowhere to be by nine.",
            "The coffee came out right for once.",
            "Small luck is still luck, and it is yours.",
        ),
        tips=(
            "Breathe in deeply and notice what smells good.",
            "Wear the colour you usually keep for guests.",
            "Pass a bit of this cheer to a stranger.",
        ),
        closing_line="Here is to mornings that start by themselves.",
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
        closing_line="Some people make an evening bigger.",
    ),
)
