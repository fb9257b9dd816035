"""Parts that several phrases share: regular expressions over the normalised form; data."""

# A word that may stand between two parts of a phrase; it may not bring in the writer ("my friend
# knows that I want to die" is about the writer) or a new clause.
GAP = r"(?: (?!(?:i|im|ive|id|ill|me|and|but|so|because|while) )[^ .]{1,40})"
ADVERB = (
    r"(?: (?:just|really|rlly|fucking|fuckin|freaking|so|actually|seriously|literally|"
    r"only)){0,3}"
)
SELF = r"(?:my ?self|meself|myslef|myslf|mysef|mysel|my fucking self|my own self)"
THEMSELF = r"(?:him ?self|her ?self|them ?sel(?:f|ves)|it ?self)"
WANT = (
    r"(?:want|wants|wanted|wanting|wanna|wnat|wanting|wish|wished|wishing|rather|hope|hoping|"
    r"pray|praying|ready|prefer|need|love|like|deserve|deserved|longing|waiting|trying|tried|"
    r"begging)"
)
KIN = (
    r"(?:husband|wife|boyfriend|bf|girlfriend|gf|partner|ex|dad|father|mum|mom|mother|stepdad|"
    r"stepfather|stepmum|stepmom|brother|sister|uncle|aunt|cousin|son|daughter|roommate|flatmate|"
    r"boss|manager|teacher|coach|neighbou?r|colleague|coworker|friend|family|parents|in laws|"
    r"kids|children|baby|grandfather|grandmother|grandad|grandma|nephew|niece|classmate|student|"
    r"patient)"
)
THIRD = rf"(?:he|she|they|who|someone|somebody|my(?:{GAP}){{0,2}} {KIN}s?|{KIN})"
PERSON = (
    r"(?:him|her|them|someone|somebody|everyone|everybody|people|you|all of (?:them|you)|my(?: "
    rf"{KIN}s?){{1,2}}|(?:that|this|the) (?:man|woman|guy|girl|boy|bastard|bitch|asshole|{KIN}))"
)
# What shows that "hurt myself" or "cut myself" was an accident or an idiom.
BY_ACCIDENT = (
    r"(?! (?:(?:(?:while|when) (?:i was |we were |i am |im )?)?(?:playing|shaving|cooking|"
    r"chopping|slicing|peeling|running|training|skiing|lifting|falling|mowing|gardening|opening|"
    r"slipping|jumping|skating|moving|carrying|dancing|climbing|washing|cleaning|laughing)|on(?! "
    r"purpose )|at(?! (?:night|home|school) )|in (?:a|the) (?:fall|gym|game|match|kitchen|garden|"
    r"race|crash|accident)|during|by (?:accident|mistake|falling)|accidentally|some|off|a "
    r"(?:slice|break|piece|bit|little)|out|short|down|loose|free|pretty|badly (?:while|at|on|"
    r"playing|in)|again (?:playing|at the))(?= ))"
)
# Numbers and words before "kms" that make it kilometres.
DISTANCE = (
    r"(?:\d+|[\d.,]+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|"
    r"thirty|forty|fifty|few|many|several|hundred|thousand|more|of|couple|half|total|extra|last|"
    r"first|these|those|the|some|in|per|how)"
)

ANYMORE = r"(?:any ?more|any longer|no more)"
NOBODY = r"(?:no ?one|nobody|not one person)(?: (?:would|will|d|ll))?(?: even| really)?"
PILLS = (
    r"(?:pills|tablets|meds|medication|painkillers|capsules|paracetamol|aspirin|tylenol|"
    r"ibuprofen|sleeping pills|antidepressants|xanax|valium|insulin)"
)
MEANS = rf"(?:{PILLS}|rope|noose|gun|pistol|rifle|razors?|razor blades?|blades?)"
HEIGHT = r"(?:bridge|roof|rooftop|building|balcony|window|ledge|overpass|cliff|tower|car park|edge)"
LIMB = r"(?:arms?|forearms?|thighs?|legs?|wrists?|skin|stomach)"
