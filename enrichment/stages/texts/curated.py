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
            "The streetlight flickers between yes and no.",
            "You can walk home under it all the same.",
        ),
        tips=(
            "Take the stairs one slow step at a time.",
            "Water a plant, or borrow one to water.",
            "Give the question until morning before you ask again.",
        ),
        closing_line="Let it be a question mark for tonight.",
    ),
)
