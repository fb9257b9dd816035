"""The writings that stand in for the model when the feeling is peaceful."""

from enrichment.stages.texts.writing import Writing

PEACEFUL: tuple[Writing, ...] = (
    Writing(
        poem=(
            "The evening put its feet up beside you.",
            "A spoon went round in a cup, and that was all.",
            "Even the traffic sounded far off and kind.",
        ),
        tips=(
            "Watch the sky change until the first light comes on.",
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
            "Long shadows on the grass and a slow dog.",
            "You forgot what you were worried about at four.",
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
            "The day has been put away like good china.",
        ),
        tips=(
            "Lie down early and listen to the building.",
            "Dim the lights one by one as you go.",
            "Set out a clean cup for the morning.",
        ),
        closing_line="Sleep can come and find you when it is ready.",
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
            "Go outside for the last ten minutes of light.",
        ),
        closing_line="Calm suits you. Wear it a little longer.",
    ),
)
