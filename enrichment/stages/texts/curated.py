"""The writings for a reflection whose feeling could not be determined.

They claim no feeling: neither poem nor tips may suit one mood and hurt in another.
"""

from enrichment.stages.texts.writing import Writing

CURATED: tuple[Writing, ...] = (
    Writing(
        poem=(
            "Some days refuse to pick a colour.",
            "You wrote a few words down, and here they are.",
            "The kettle does not need an explanation either.",
        ),
        tips=(
            "Notice where your body is resting right now.",
            "Look out of a window for one whole minute.",
            "Do one small thing you would do anyway, slowly.",
        ),
        closing_line="You do not have to name it to have felt it.",
    ),
    Writing(
        poem=(
            "There are feelings like a drawer of odd keys.",
            "None of them fits a door at the moment.",
            "They can stay in the drawer for now.",
        ),
        tips=(
            "Tidy one small corner, then leave the rest alone.",
            "Shake out your hands as if they were wet.",
            "Come back to this page whenever you want to.",
        ),
        closing_line="Unclear is a perfectly good way to be.",
    ),
    Writing(
        poem=(
            "Half sun, half cloud, one sock still missing.",
            "You went about the day, and it went about you.",
            "Here is a pause with nothing in it.",
        ),
        tips=(
            "Pour yourself something nice in a proper glass.",
            "Hum two lines of the first tune you remember.",
            "Step outside and check what the air is doing.",
        ),
        closing_line="A plain day was here, and so were you.",
    ),
    Writing(
        poem=(
            "The page took what you gave it and kept quiet.",
            "Outside someone is parking badly, with great care.",
            "Life goes on in its ordinary shoes.",
        ),
        tips=(
            "Unclench your teeth and let your tongue rest.",
            "Touch something wooden, then something cold.",
            "Jot down one detail from today you might forget.",
        ),
        closing_line="Thanks for leaving a few words here.",
    ),
    Writing(
        poem=(
            "Perhaps it is nothing; perhaps it has many corners.",
            "The lift light flickers between yes and no.",
            "You can take the stairs all the same.",
        ),
        tips=(
            "Take the stairs one slow step at a time.",
            "Water a plant, or borrow one to water.",
            "Give the question a day before you ask again.",
        ),
        closing_line="Let it be a question mark for now.",
    ),
    Writing(
        poem=(
            "The tap drips, the phone charges, the fridge thinks aloud.",
            "You typed a line and then another one.",
            "Nothing here is asking for a verdict.",
        ),
        tips=(
            "Sit the way you would if nobody ever looked.",
            "Listen until you can name four separate sounds.",
            "Straighten one thing on the table and leave the rest.",
        ),
        closing_line="However it is, it may be that way for a while.",
    ),
    Writing(
        poem=(
            "A pocket holds a ticket, a coin and a bit of string.",
            "Together they do not add up to a story.",
            "They were in your pocket, and that is something.",
        ),
        tips=(
            "Empty one pocket and look at what you carry.",
            "Wiggle your toes until your feet feel like yours.",
            "Choose your next song without thinking about it.",
        ),
        closing_line="It does not have to mean anything yet.",
    ),
)
