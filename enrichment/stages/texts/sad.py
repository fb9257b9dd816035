"""The writings that stand in for the model when the feeling is sad."""

from enrichment.stages.texts.writing import Writing

SAD: tuple[Writing, ...] = (
    Writing(
        poem=(
            "Rain on the window, and nobody asking anything.",
            "The kettle clicks off before you notice it boiled.",
            "This day is heavy, and you carried it this far.",
        ),
        tips=(
            "Put on the softest jumper you own, even indoors.",
            "Make toast with too much butter and eat it slowly.",
            "Walk to the end of the street and back.",
        ),
        closing_line="Small and slow is enough for now.",
    ),
    Writing(
        poem=(
            "An empty chair keeps its shape at the table.",
            "You still reach for two cups now and then.",
            "Missing someone takes up room, and that is fair.",
        ),
        tips=(
            "Light a lamp in the corner you use least.",
            "Look at one old photograph, then put it back gently.",
            "Wash your face with warm water and take your time.",
        ),
        closing_line="Love leaves marks on ordinary things.",
    ),
    Writing(
        poem=(
            "Grey light, cold floor, a phone with no news.",
            "The bus went past full, the way some days do.",
            "Still, somebody watered that plant on the balcony: you.",
        ),
        tips=(
            "Open a window for as long as one song lasts.",
            "Cook something your hands know without a recipe.",
            "Leave one chore undone on purpose.",
        ),
        closing_line="Not every day has to be a good one.",
    ),
    Writing(
        poem=(
            "The plan you had is folded up in a drawer.",
            "It mattered, and so the quiet after it is loud.",
            "Outside, a neighbour is bad at whistling again.",
        ),
        tips=(
            "Sit somewhere with daylight for ten minutes.",
            "Write down one thing you wanted, in plain words.",
            "Drink a full glass of water, then refill it.",
        ),
        closing_line="It is allowed to hurt because it counted.",
    ),
    Writing(
        poem=(
            "Nobody saw how long you stood at the sink.",
            "The soap smelled of lemons, the water ran warm.",
            "Tears and dishes can share a sink.",
        ),
        tips=(
            "Rest your shoulders against something solid for a minute.",
            "Play a record you knew before this year.",
            "Fold one blanket and keep it within reach.",
        ),
        closing_line="The only job left is to be kind to yourself.",
    ),
    Writing(
        poem=(
            "The lift is slow, and your bag weighs more than it did.",
            "Someone upstairs practises the same four notes.",
            "You are tired in a place that naps do not reach.",
        ),
        tips=(
            "Sit down before you take your shoes off.",
            "Eat whatever is easy, straight from the pan.",
            "Cancel one thing that can live without you.",
        ),
        closing_line="You are allowed to be this tired.",
    ),
    Writing(
        poem=(
            "The sentence you said is still walking around the room.",
            "You would fold it back into your pocket.",
            "The plant leans to the window, not to the past.",
        ),
        tips=(
            "Write the apology first, and send it only if it is true.",
            "Wash one thing by hand and watch the water clear.",
            "Put your palm on your chest for three breaths.",
        ),
        closing_line="Only people who care can mind this much.",
    ),
    Writing(
        poem=(
            "Again the bus stop, again the advert, and that sky.",
            "You have scrolled to the end and found the end.",
            "Even the pigeons look undecided.",
        ),
        tips=(
            "Walk down a street that was never on your way.",
            "Move one chair and sit in the new spot.",
            "Borrow a book from the shelf you always pass.",
        ),
        closing_line="Flat is a feeling too, and it may stay for tea.",
    ),
)
