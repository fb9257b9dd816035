"""The writings that stand in for the model when the feeling is scared."""

from enrichment.stages.texts.writing import Writing

SCARED: tuple[Writing, ...] = (
    Writing(
        poem=(
            "Your heart is knocking like a parcel at the door.",
            "The list of what-ifs is longer than the street.",
            "Here is the table, though, and here are your hands.",
        ),
        tips=(
            "Name five things you can see from where you are.",
            "Hold a warm mug until your fingers notice it.",
            "Leave a small light on in the hall.",
        ),
        closing_line="This minute is the only one you need to do.",
    ),
    Writing(
        poem=(
            "A worry looks taller when nobody else is awake.",
            "The fridge hums on, not bothered in the least.",
            "The chair with the coat on it is still a chair.",
        ),
        tips=(
            "Turn a cushion over and breathe out slowly.",
            "Write the worry on paper and close the notebook.",
            "Listen for the most distant sound you can hear.",
        ),
        closing_line="You have met difficult hours before this one.",
    ),
    Writing(
        poem=(
            "The letter is still in its envelope, looking official.",
            "Your stomach read it before you did.",
            "Paper is only paper until you are ready.",
        ),
        tips=(
            "Pick the smallest first step and give it five minutes.",
            "Sit with your back against a wall you trust.",
            "Ask one person to keep you company while you do it.",
        ),
        closing_line="Brave can look a lot like slowly putting on shoes.",
    ),
    Writing(
        poem=(
            "Everyone in the room seemed to have the manual.",
            "You smiled, and your knees wrote their own story.",
            "Most of them were guessing as well.",
        ),
        tips=(
            "Loosen your collar and let your breath drop lower.",
            "Rub your palms together until they feel hot.",
            "Decide now when you will leave, and keep to it.",
        ),
        closing_line="You turned up with your knees shaking. That counts.",
    ),
    Writing(
        poem=(
            "Waiting is a long corridor with bad chairs.",
            "The clock on the wall is in no hurry.",
            "You brought a book and read one page nine times.",
        ),
        tips=(
            "Count backwards from sixty in steps of three.",
            "Walk up and down until your legs feel like yours.",
            "Keep something small and smooth in your pocket to hold.",
        ),
        closing_line="Not knowing is hard work; you are allowed to rest.",
    ),
    Writing(
        poem=(
            "Every sign at the junction points two ways.",
            "You turn the map, and then you turn yourself.",
            "A stranger is also looking up at the names.",
        ),
        tips=(
            "Stop by a wall and look at one sign only.",
            "Ask the next person with an open face.",
            "Say out loud what you do know so far.",
        ),
        closing_line="You do not have to understand it all at once.",
    ),
    Writing(
        poem=(
            "They laughed at a table where your chair was not.",
            "You read the photo for longer than it deserves.",
            "Your own kettle knows how you take it.",
        ),
        tips=(
            "Close the photo and make something warm.",
            "Call the friend who answers with your name.",
            "Wear the soft thing, even if nobody sees it.",
        ),
        closing_line="There are tables where your chair is kept.",
    ),
)
