"""The core phrases of self-harm and crisis in other languages than English; data.

Spanish, French, German, Portuguese, Italian, and Hindi in both scripts: the few phrases that say it
outright, no more. Written as the others: over the normalised form, without accents on Latin
letters, gaps bounded.
"""

from collections.abc import Mapping
from types import MappingProxyType

# Figures of speech; blanked out first.
IDIOMS: tuple[str, ...] = (
    r"(?:mi|me) quiero morir de (?:la )?(?:risa|verguenza|amor|hambre|felicidad|ternura|alegria)",
    r"(?:envie de|veux) mourir de (?:rire|honte|faim|joie)",
    r"(?:quero|vontade de) morrer de (?:rir|amor|vergonha|fome|alegria)",
    r"(?:voglio|vorrei) morire (?:dal|dalle|di) (?:ridere|risate|felicita|amore|fame|vergogna)",
)

# By the signals of `risk_phrases`.
SIGNALS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "suicidal_ideation": (
            r"(?:quiero|queria|ganas de|deseo|prefiero|quisiera|ojala me) (?:morir|morirme|"
            r"muriera)",
            r"me (?:quiero|queria|quisiera) (?:morir|matar|suicidar)",
            r"(?:quiero|voy a|ganas de|pienso|pense en|podria) (?:matarme|colgarme|ahorcarme|no "
            r"despertar)",
            r"me voy a matar",
            r"(?:quitarme|quitar me|me quito|me quite) la vida",
            r"(?:acabar|terminar) con (?:mi vida|todo esto)",
            r"no quiero (?:seguir )?(?:vivir|viviendo)(?! (?:aqui|en|con|asi|alli|sola|solo|"
            r"lejos) )",
            r"(?:ojala estuviera|estaria mejor|desearia estar|quiero estar) muert[oa]",
            r"(?:veux|voudrais|voulais|envie de|prefererais|prefere) (?:juste )?mourir",
            r"(?:veux|vais|voudrais|envie de|pense a) (?:me tuer|me pendre|me foutre en lair)",
            r"mettre fin a (?:mes jours|ma vie)",
            r"en finir avec (?:la|ma) vie",
            r"(?:plus envie de vivre|veux plus vivre|marre de vivre|envie den finir)(?! (?:ici|"
            r"avec|a|en|chez|dans) )",
            r"serais mieux morte?",
            r"(?:will|mochte|wollte|wurde gern) (?:nur |einfach |am liebsten )?(?:sterben|tot "
            r"sein)",
            r"(?:will|mochte|kann|mag) (?:einfach )?nicht (?:mehr|weiter) leben(?: wollen)?",
            r"mich (?:umbringen|umzubringen|toten|zu toten|erhangen|aufhangen|vor den zug)",
            r"bringe? mich um",
            r"(?:mir|nehme mir) das leben(?: zu)?(?: nehmen)?",
            r"lebensmude?",
            r"(?:wunschte ich ware|ware lieber|ware am liebsten|besser) tot",
            r"(?:quero|queria|vontade de|prefiro|desejo) morrer",
            r"(?:quero|vou|vontade de|penso em|pensei em|queria) me (?:matar|enforcar|suicidar)",
            r"tirar (?:a )?minha (?:propria )?vida",
            r"(?:acabar|terminar) com (?:a )?minha vida",
            r"nao (?:quero|aguento) (?:mais )?viver(?! (?:aqui|em|com|assim|na|no|la) )",
            r"(?:voglio|vorrei|volevo|voglia di) (?:solo )?(?:morire|essere mort[oa])",
            r"(?:uccidermi|ammazzarmi|impiccarmi|mi (?:uccido|ammazzo))",
            r"togliermi la vita",
            r"farla finita",
            r"mi (?:voglio|vorrei) (?:ammazzare|uccidere|suicidare)",
            r"non (?:voglio|ho voglia di) (?:piu )?vivere(?! (?:qui|in|con|cosi|a) )",
            r"(?:marna|marne|mar jana|maar jana) (?:chaht[aie]|chahti|chahte|ka man)(?: "
            r"[^ .]{1,8})?",
            r"(?:jeena|jina|jeene|jine) (?:ka man |ki ichha |ki iccha )?(?:nahi|nahin|nai)(?: "
            r"[^ .]{1,10})?",
            r"(?:nahi|nahin|nai) (?:jeena|jina)",
            r"(?:khudkushi|khudkhushi|khud kushi|khudkashi|aatmahatya|atmahatya|aatma hatya)",
            r"(?:apni )?jaan (?:de|le) (?:dun|doon|dunga|dungi|lun|loon|lunga|lungi)",
            r"(?:apni jaan|khud ki jaan) (?:de|le|lena|dena)[a-z]*",
            r"khud ko (?:mar|maar|khatam|khatm)[a-z]*",
            "(?:मरना|मर जाना) चाह[^ ]*",
            "मरने का मन",
            "(?:मुझे|मुझको) (?:मरना|मर जाना) है",
            "(?:जिंदगी|जीवन) (?:खत्म|समाप्त) कर[^ ]*",
            r"mujhe (?:marna|mar jana) (?:hai|he)",
            r"(?:zindagi|jindagi) (?:khatam|khatm|khatma)(?: kar[a-z]*)?(?= )",
            r"ya no quiero (?:estar aqui|existir|despertar)",
            r"(?:veux|voudrais) (?:ne )?plus (?:exister|etre la|me reveiller)",
            r"mein(?:em)? leben (?:ein ende|beenden|zu beenden)",
            r"(?:will|mochte) nicht mehr (?:aufwachen|da sein|existieren)",
            r"nao quero (?:mais )?(?:existir|acordar)",
            r"non voglio (?:piu )?(?:esistere|svegliarmi)",
            "(?:जीना नहीं|नहीं जीना|जीने का मन नहीं|जीने की इच्छा नहीं)(?: चाह[^ ]*)?",
            "(?:आत्महत्या|खुदकुशी|खुदखुशी)",
            "(?:अपनी जान|खुद की जान) (?:ले|दे)[^ ]*",
            "(?:खुद को|अपने आप को) (?:मार|खत्म)[^ ]*",
        ),
        "self_harm": (
            r"(?:hacerme dano|lastimarme)",
            r"(?:me corto|me corte|cortarme) (?:a proposito|las venas|los brazos|las piernas|la "
            r"piel|las munecas|otra vez)",
            r"me (?:faire du mal|scarifier?|mutiler|couper les veines|taillader)",
            r"mouvrir les veines",
            r"mich (?:ritzen|selbst verletzen|selbst verletze|schneiden)",
            r"ritze mich",
            r"mir (?:selbst )?(?:etwas|was) antun",
            r"(?:quero|vou|vontade de|preciso) me (?:cortar|machucar|ferir)",
            r"(?:tagliarmi le vene|farmi del male|mi taglio (?:le|i) (?:vene|braccia|polsi))",
            r"khud ko (?:nuksan|nuksaan|chot|kat|kaat|hurt)[a-z]*",
            "(?:खुद को|अपने आप को) (?:नुकसान|चोट|काट)[^ ]*",
        ),
        "hopelessness_crisis": (
            r"quiero desaparecer(?= [.])",
            r"ich will nicht mehr(?= [.])",
            r"vontade de (?:sumir|desaparecer)",
        ),
    }
)
