"""The writings that stand in for the model when the feeling is powerful."""

from enrichment.stages.texts.writing import Writing

POWERFUL: tuple[Writing, ...] = (
    Writing(
        poem=(
            "You said the sentence you had practised in the shower.",
            "It came out steady, and the room heard it.",
            "Your coffee was still warm when it was done.",
        ),
        tips=(
            "Stand tall for a minute and enjoy the view.",
            "Note down exactly what worked, for next time.",
            "Choose the next thing you have been putting off.",
        ),
        closing_line="Look at that: you did the hard part.",
    ),
    Writing(
        poem=(
            "Muddy boots by the door, and the hill behind you.",
            "Your legs are complaining in a proud sort of way.",
            "The map looks smaller than it did before.",
        ),
        tips=(
            "Soak your feet and admire the mud.",
            "Mark today on the calendar with a bold pen.",
            "Lend a hand to someone at the bottom of theirs.",
        ),
        closing_line="Yours is a strength that comes home hungry.",
    ),
    Writing(
        poem=(
            "One box ticked, then another, then the whole page.",
            "The desk can see the ceiling again.",
            "You are allowed to look pleased with yourself.",
        ),
        tips=(
            "Close the laptop firmly and listen to it click.",
            "Roll your shoulders back five times, slowly.",
            "Celebrate with the good sweets, not the plain ones.",
        ),
        closing_line="Done is a lovely word, and you earned it.",
    ),
    Writing(
        poem=(
            "They asked what you thought, and then they wrote it down.",
            "Your voice did not wobble, or only a little.",
            "Something in your spine has learned a new trick.",
        ),
        tips=(
            "Keep the note they wrote; you may want it again.",
            "Drink something cold and let your pulse settle.",
            "Help a newer person find their way in.",
        ),
        closing_line="Your opinion has a chair at the table now.",
    ),
    Writing(
        poem=(
            "Yesterday it was locked, and today you had the key.",
            "You made it yourself, out of tries.",
            "The lock does not need to know how many.",
        ),
        tips=(
            "Teach one step of it to somebody curious.",
            "Feel your feet on the ground before the next climb.",
            "Pick a small treat and enjoy it without excuse.",
        ),
        closing_line="Remember this feeling; it has your name on it.",
    ),
    Writing(
        poem=(
            "They kept you a seat near the front.",
            "Somebody had read what you wrote, and underlined it.",
            "You pretended to look for your pen, and smiled.",
        ),
        tips=(
            "Say thank you and leave it at that.",
            "Keep the kind words in a box you can open.",
            "Straighten your back and take up the whole chair.",
        ),
        closing_line="You did not borrow this; it is yours.",
    ),
    Writing(
        poem=(
            "The noise went on, and you heard the one thing that mattered.",
            "You noticed it before you could say why.",
            "It was like finding the light switch in a strange house.",
        ),
        tips=(
            "Write the thought down before the bus comes.",
            "Look again at what everybody walks past.",
            "Rest your eyes and let the idea settle.",
        ),
        closing_line="Seeing clearly is a quiet sort of strength.",
    ),
)
