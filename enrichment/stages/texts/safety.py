"""The one writing for a reflection that the risk check flagged.

It holds no number: those come with their source from `help_lines`, by region. It keeps the
shape of every other writing, so that no page needs a second layout in the worst moment, but its
lines are plain sentences: an image or a rhyme would make light of what was written.
"""

from enrichment.stages.texts.writing import Writing

SAFETY = Writing(
    poem=(
        "What you wrote sounds heavy, and it is taken seriously here.",
        "You do not have to be alone with it.",
        "People answer the lines listed on this page, and they listen.",
    ),
    tips=(
        "Call your local emergency services now if anyone is in danger.",
        "Contact one of the help lines shown with this text.",
        "Go to someone you trust, or ask them to come to you.",
    ),
    closing_line="Please let a person, not a page, be with you now.",
)
