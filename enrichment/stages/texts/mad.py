"""The writings that stand in for the model when the feeling is mad."""

from enrichment.stages.texts.writing import Writing

MAD: tuple[Writing, ...] = (
    Writing(
        poem=(
            "Heat climbs your neck before the words do.",
            "The door was closed, not slammed; you noticed that.",
            "Something unfair happened, and you saw it clearly.",
        ),
        tips=(
            "Press your feet into the floor and count eight breaths.",
            "Scrub a pan until it shines back at you.",
            "Write the rude reply on paper, then keep it there.",
        ),
        closing_line="Anger often stands guard over something you value.",
    ),
    Writing(
        poem=(
            "They said it lightly, and it landed like a brick.",
            "You have replayed it twelve times on the stairs.",
            "The stairs, at least, are on your side.",
        ),
        tips=(
            "Walk fast around the block until your jaw loosens.",
            "Splash cold water over your wrists and hands.",
            "Wait until you have eaten before you answer anyone.",
        ),
        closing_line="You can be furious and still choose the timing.",
    ),
    Writing(
        poem=(
            "Fists in coat pockets, breath like a small engine.",
            "The whole queue moved except the bit you stood in.",
            "Some days seem built by a bored clerk.",
        ),
        tips=(
            "Tear up old cardboard boxes for the recycling.",
            "Stretch both arms overhead until your back clicks.",
            "Name the exact thing that crossed your line.",
        ),
        closing_line="A clear no is a useful thing to own.",
    ),
    Writing(
        poem=(
            "You swallowed the sentence, and it sits there still.",
            "Under the cross words there is a tired person.",
            "Let the next hour have fewer people in it.",
        ),
        tips=(
            "Hum something low while you sweep the floor.",
            "Put the phone in another room for an hour.",
            "Eat something crunchy before you think about it again.",
        ),
        closing_line="It made sense to mind. You were right there.",
    ),
    Writing(
        poem=(
            "The thing broke on the one day you needed it.",
            "You spoke to it in words no manual prints.",
            "It stayed broken, and the sky stayed annoyingly blue.",
        ),
        tips=(
            "Carry something heavy from one room to another.",
            "Set a timer for ten minutes and grumble properly.",
            "Choose the one part you can fix with your own hands.",
        ),
        closing_line="One day it may be a story; for now it is a nuisance.",
    ),
    Writing(
        poem=(
            "You kept their secret, and they spent it on a joke.",
            "The group chat is louder than the street.",
            "You put the phone face down, and that was dignity.",
        ),
        tips=(
            "Mute the chat for as long as you like.",
            "Knead some dough, or a cushion, with both hands.",
            "Talk to the one friend who was not there.",
        ),
        closing_line="Hurt and angry often share a coat.",
    ),
    Writing(
        poem=(
            "The meeting could have been a note under the door.",
            "Someone explained your own idea back to you.",
            "Your pen has been clicked to the end of its life.",
        ),
        tips=(
            "Take the stairs down, all of them, at speed.",
            "List what was said and what you heard, side by side.",
            "Drop your shoulders, then drop them once more.",
        ),
        closing_line="You can put it down without agreeing with it.",
    ),
)
