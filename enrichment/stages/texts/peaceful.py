"""The writings that stand in for the model when the feeling is peaceful."""

from enrichment.stages.texts.writing import Writing

PEACEFUL: tuple[Writing, ...] = (
    Writing(
        poem=(
            "The hour put its feet up beside you.",
            "A spoon went round in a cup, and that was all.",
            "Even the traffic sounded far off and kind.",
        ),
        tips=(
            "Watch the sky change until you forget to watch.",
            "Let your hands lie open in your lap.",
            "Keep the next half hour free of screens.",
        ),
        closing_line="Nothing needs you for a while. How nice.",
    ),
    Writing(
        poem=(
            "Bread in the oven, a book face down on the sofa.",
            "The house is making its small settling noises.",
            "You are exactly where you want to be.",
        ),
        tips=(
            "Smell the bread, or the tea, or the rain.",
            "Read one page aloud just for the sound.",
            "Move a chair nearer to the window.",
        ),
        closing_line="Let the quiet stay as long as it likes.",
    ),
    Writing(
        poem=(
            "A warm wall, some grass and a slow dog.",
            "You forgot what you were worried about before.",
            "The bench was warm, so you stayed.",
        ),
        tips=(
            "Slip off your shoes and feel the floor.",
            "Notice three sounds that ask nothing of you.",
            "Bring home a leaf, a stone, or nothing at all.",
        ),
        closing_line="An unhurried hour is a fine thing to have had.",
    ),
    Writing(
        poem=(
            "Clean cups upside down on a blue cloth.",
            "Your shoulders came down without being told.",
            "The rush has been put away like good china.",
        ),
        tips=(
            "Lie down for a bit and listen to the building.",
            "Close the doors softly, one by one, as you go.",
            "Set out a clean cup for whoever comes next.",
        ),
        closing_line="Rest can come and find you when it is ready.",
    ),
    Writing(
        poem=(
            "Fog over the river, and the ducks having a meeting.",
            "You breathed out, and it hung there for a second.",
            "No one was late, and nobody was early.",
        ),
        tips=(
            "Follow one full breath from start to end.",
            "Trace the rim of your cup with a finger.",
            "Go outside for ten minutes and leave the phone.",
        ),
        closing_line="Calm suits you. Wear it a little longer.",
    ),
    Writing(
        poem=(
            "Someone is asleep on your arm, and it has gone numb.",
            "You would not move it for a promotion.",
            "The fan turns its head from one of you to the other.",
        ),
        tips=(
            "Stay put for as long as the arm allows.",
            "Count how many breaths you both take in a minute.",
            "Cook for two, even if there is only one of you.",
        ),
        closing_line="Here is enough, and it breathes.",
    ),
    Writing(
        poem=(
            "An old photo slid out of a book you had not opened.",
            "You sat down on the floor to look at it properly.",
            "The dust moved about like a slow parade.",
        ),
        tips=(
            "Prop the photo up where you can see it.",
            "Tell the story behind it to somebody younger.",
            "Let your thoughts wander off without a lead.",
        ),
        closing_line="Some things keep well when you leave them alone.",
    ),
)
