"""Makes captions like those that people write about photographs, and a captioner's: COCO captions and COCO results JSON.

    python make_captions.py OUT_FOLDER IMAGES [REFERENCES] [SEED]     writes references.json and candidates.json
    python make_captions.py --statistics FILE.txt...                  how varied captions are, one a line

A seeded grammar of scenes: an image has a scene; each caption of it tells a part of the scene with synonyms, capitals,
punctuation, possessives, numbers, hyphens, quotes and slips of the pen in about the shares that people's captions have.
"""

import bisect
import itertools
import json
import pathlib
import random
import sys

PEOPLE = """man|guy|gentleman|male|person woman|lady|female|person boy|kid|child girl|child|kid player|athlete|person child|kid|toddler
skateboarder|skater|boy surfer|man baby|infant|toddler rider|cyclist|biker chef|cook worker|man batter|hitter skier|person
tourist|visitor musician|performer dancer|performer soldier|officer bride|woman student|teenager farmer|man snowboarder|rider
waiter|server climber|hiker officer|policeman vendor|seller runner|jogger clown|entertainer doctor|nurse artist|painter""".split()
ANIMALS = """dog|puppy|hound cat|kitten|kitty horse|pony bird|seagull elephant|animal giraffe|animal bear|cub cow|cattle sheep|lamb zebra|animal duck|bird
goat|animal monkey|ape parrot|bird pigeon|bird camel|animal squirrel|critter swan|bird donkey|mule turtle|tortoise""".split()
THINGS = """table|desk plate|dish train|locomotive bus|vehicle pizza|pie clock|timepiece sign|board bench|seat kite|toy umbrella|parasol
car|automobile truck|lorry boat|ship motorcycle|motorbike bicycle|bike|bike ball|toy bat|stick racket|racquet frisbee|disc skateboard|board
surfboard|board skis|gear snowboard|board phone|cellphone laptop|computer camera|device book|novel cake|dessert sandwich|sub banana|fruit apple|fruit
orange|fruit bowl|dish cup|mug bottle|drink vase|pot chair|stool couch|sofa bed|mattress toilet|commode sink|basin refrigerator|fridge oven|stove
microwave|appliance television|tv|tv keyboard|keys mouse|gadget remote|controller guitar|instrument drum|instrument piano|keyboard hat|cap backpack|bag
suitcase|luggage tie|necktie helmet|hat glasses|spectacles window|pane door|doorway fence|railing tree|plant flower|bloom|blossom grass|lawn
rock|stone wave|surf bridge|overpass tower|steeple building|structure house|home airplane|plane|jet helicopter|chopper wagon|cart rope|line basket|bin
box|carton ladder|steps lamp|light mirror|glass newspaper|paper magazine|paper pot|pan knife|blade fork|utensil spoon|utensil donut|doughnut|pastry
broccoli|vegetables carrot|vegetable hotdog|sausage teddy-bear|toy balloon|decoration flag|banner statue|sculpture fountain|water-feature painting|picture
shoe|boot scarf|wrap jacket|coat shirt|top dress|gown suit|outfit blanket|cover pillow|cushion towel|cloth shelf|rack candle|light pumpkin|squash
scooter|moped tractor|machine tent|canopy canoe|kayak paddle|oar net|mesh bucket|pail broom|mop shovel|spade hammer|tool violin|fiddle trumpet|horn
microphone|mic cigarette|smoke beer|drink coffee|drink salad|greens soup|stew noodles|pasta cheese|topping bread|loaf tomato|vegetable""".split()
PLACES = """street|road|street field|grass|pasture beach|shore|sand kitchen|room park|garden room|area water|lake ocean|sea snow|slope
table|counter city|town|downtown living-room|lounge bathroom|restroom track|rails court|tennis-court sidewalk|pavement|walkway hill|hillside
mountain|mountainside forest|woods|trees river|stream parking-lot|lot station|platform restaurant|cafe store|shop market|bazaar bedroom|room
office|workplace yard|backyard zoo|enclosure airport|runway stadium|arena pool|water porch|deck stage|platform classroom|school hallway|corridor
playground|park desert|dunes harbor|dock|pier dirt-road|path|trail skate-park|ramp baseball-field|diamond farm|barn church|cathedral museum|gallery
alley|lane intersection|corner crosswalk|crossing garage|workshop lawn|grass meadow|field barn|stable subway|train festival|fair parade|crowd""".split()
ACTS = """ride|rides|riding hold|holds|holding stand+near|stands+near|standing+near sit+on|sits+on|sitting+on play+with|plays+with|playing+with
walk+past|walks+past|walking+past look+at|looks+at|looking+at eat|eats|eating carry|carries|carrying jump+over|jumps+over|jumping+over
wait+by|waits+by|waiting+by push|pushes|pushing pull|pulls|pulling talk+on|talks+on|talking+on lean+against|leans+against|leaning+against
work+on|works+on|working+on throw|throws|throwing catch|catches|catching swing|swings|swinging hit|hits|hitting chase|chases|chasing
wash|washes|washing cut|cuts|cutting cook|cooks|cooking read|reads|reading fly|flies|flying climb|climbs|climbing watch|watches|watching
point+to|points+to|pointing+to pose+with|poses+with|posing+with run+after|runs+after|running+after lie+beside|lies+beside|laying+beside
prepare|prepares|preparing clean|cleans|cleaning paint|paints|painting fix|fixes|fixing open|opens|opening smile+at|smiles+at|smiling+at
sleep+on|sleeps+on|sleeping+on drive|drives|driving kick|kicks|kicking balance+on|balances+on|balancing+on reach+for|reaches+for|reaching+for
photograph|photographs|photographing serve|serves|serving sell|sells|selling examine|examines|examining lift|lifts|lifting""".split()
COLOURS = "white black red blue green brown yellow gray orange pink purple silver tan gold dark-blue light-green maroon beige teal turquoise".split()
KINDS = """large small young little big old tall wooden long empty wet bright open busy sunny grassy dirty colorful old-fashioned striped
metal glass plastic fluffy furry shiny broken clean crowded snowy sandy rocky cloudy dark plaid floral half-eaten two-story tiny huge round
stuffed decorative modern vintage paved muddy stone brick antique ornate leafy shallow rusty sleepy elderly bearded smiling barefoot shirtless
middle-aged black-and-white well-dressed bald blonde dark-haired athletic curious hungry tired leather fresh sliced cooked steaming frozen""".split()
RELATIONS = "on in near at by beside behind under outside|of around across|from along inside over against beyond in|front|of next|to".split()
NUMBERS = "two two two two three three three four five six several several some many 2 2 3 4 5 10 12 20 fifteen".split()
FIRST = """snow water fire sun moon wood stone iron bread tea rain wind sand leaf star corn salt silk gold lace milk rope clay brick grass
river hill winter summer morning night apple cherry ginger pepper paper copper silver feather leather button velvet thunder harbor garden""".split()
SECOND = """board house cart stand pot works light bag case rack line wheel cloth bowl shop yard gate box bird berry cake mill pin brush horn
room path keeper maker basket ribbon barrel stick stool table tower boat bell pipe drum kettle wagon lantern cabinet curtain""".split()
ENDINGS = "y ish proof like less covered filled bound made colored dried worn".split()
TOWNS = [
    first + second
    for first in "Ash Brook Cran Dal Elm Fern Glen Harl Kings Lin Mar Nor".split()
    for second in "ton ford field bury wick mouth dale by".split()
]
ONLOOKERS = ["watches", "looks on", "walks by", "is nearby", "waits"]
SIGNS = ["Stop", "No Parking", "For Sale", "Welcome", "One Way", "Open", "Happy Birthday", "Exit", "Fresh Fish", "Main St.", "Go Team!", "Cafe"]


class Zipf:
    """A list from which the word of rank r is drawn with a probability in proportion to 1 / (r + 60)."""

    def __init__(self, words: list):
        self.words = words
        self.sums = list(itertools.accumulate(1 / (rank + 60) for rank in range(len(words))))

    def draw(self, random: random.Random):
        return self.words[bisect.bisect(self.sums, random.random() * self.sums[-1])]


def forms(words: list[str]) -> list[list[str]]:
    return [[form.replace("+", " ") for form in word.split("|")] for word in words]


compounds = ["".join(pair) for pair in itertools.product(FIRST, SECOND)]
random.Random(5).shuffle(compounds)
LISTS = {
    "being": Zipf(forms(PEOPLE[:12] + ANIMALS[:6] + PEOPLE[12:] + ANIMALS[6:])),
    "thing": Zipf(forms(THINGS + compounds)),
    "place": Zipf(forms([place.replace("-", "+") for place in PLACES])),
    "act": Zipf(forms(ACTS)),
    "colour": Zipf(COLOURS),
    "kind": Zipf(
        KINDS
         + [f"{colour}-{pattern}" for pattern in ("striped", "spotted", "painted") for colour in COLOURS]
        + [first + second for first in FIRST for second in ENDINGS]
    ),
    "relation": Zipf([" ".join(relation.split("|")) for relation in RELATIONS]),
    "number": Zipf(NUMBERS),
}


def plural(noun: str) -> str:
    irregular = {"child": "children", "person": "people", "lady": "ladies", "baby": "babies", "kitty": "kitties", "pony": "ponies", "sheep": "sheep"}
    if noun in irregular:
        return irregular[noun]
    if noun.endswith("man"):
        return noun[:-2] + "en"
    return noun + ("es" if noun.endswith(("ch", "sh", "x", "ss")) else "s")


class Scene:
    """What is in one image: who, how many, what they do, with what, where, and what else is there."""

    def __init__(self, random: random.Random):
        def draw(name):
            return LISTS[name].draw(random)

        self.many = draw("number") if random.random() < 0.3 else ""
        self.who, self.who_kind, self.wears = draw("being"), draw("kind"), (draw("colour"), draw("thing"))
        self.act, self.what, self.what_kind = draw("act"), draw("thing"), random.choice((draw("colour"), draw("kind")))
        self.relation, self.place, self.place_kind = draw("relation"), draw("place"), draw("kind")
        self.others = [(draw("relation"), draw("kind"), draw("thing")) for _ in range(3)]
        self.sign, self.town = random.choice(SIGNS), random.choice(TOWNS)
        self.number = random.choice((random.randint(1, 99), random.randint(1, 12), f"{random.randint(1, 12)}:{random.randint(10, 59)}"))


class Teller:
    """Tells scenes as people do; `plain` as a captioner does: the commonest words, few asides."""

    def __init__(self, random: random.Random, plain: bool = False):
        self.random, self.plain = random, plain

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability * (0.3 if self.plain else 1)

    def word(self, synonyms: list[str]) -> str:
        return self.random.choice(synonyms) if self.chance(0.45) else synonyms[0]

    def kind(self, of_scene: str, probability: float) -> str:
        if not self.chance(probability):
            return ""
        return of_scene if self.random.random() < 0.5 else LISTS["kind"].draw(self.random)

    def phrase(self, kind: str, noun: str) -> str:
        """A noun with an article, at times a possessive."""
        article = "the" if self.random.random() < 0.2 else "a"
        if self.chance(0.015):
            owner = self.word(LISTS["being"].draw(self.random))
            article = self.random.choice((f"a {owner}'s", f"the {plural(owner)}'", "his", "her", "someone's", f"{self.random.choice(TOWNS)}'s"))
        words = [article, *filter(None, [kind]), noun]
        if article == "a" and words[1][0] in "aeio":
            words[0] = "an"
        return " ".join(words)

    def subject(self, scene: Scene) -> str:
        kind = self.kind(scene.who_kind, 0.35)
        if scene.many:
            many = scene.many if self.chance(0.7) else self.random.choice(("a group of", "a couple of", "some", "two"))
            return " ".join(filter(None, [many, kind, plural(self.word(scene.who))]))
        return self.phrase(kind, self.word(scene.who))

    def aside(self, scene: Scene) -> str:
        """What only one in a few captions mentions."""
        thing = self.phrase("", self.word(scene.wears[1]))
        choices = (
            (20, f"wearing {self.phrase(scene.wears[0], self.random.choice(('shirt', 'jacket', 'hat', 'coat', 'dress', 't-shirt', 'suit')))}"),
            (12, f"with {thing}"),
            (4, f"and {thing}"),
            (1, f'with a sign that says "{scene.sign}"'),
            (1, f"with the number {scene.number} on it"),
            (1, f"({thing})"),
            (1, "that isn't moving"),
            (1, f"in {scene.town}"),
            (1, f"at {self.random.randint(1, 12)} o'clock"),
            (1, "that doesn't look real"),
        )
        return self.random.choices([text for _, text in choices], [weight for weight, _ in choices])[0]

    def place(self, scene: Scene) -> str:
        return f"{self.word([scene.relation, scene.relation, 'on', 'in'])} {self.phrase(self.kind(scene.place_kind, 0.3), self.word(scene.place))}"

    def other(self, scene: Scene) -> str:
        relation, kind, thing = self.random.choice(scene.others)
        return f"{relation} {self.phrase(self.kind(kind, 0.4), self.word(thing))}"

    def tell(self, scene: Scene) -> str:
        act, what = scene.act, self.phrase(self.kind(scene.what_kind, 0.35), self.word(scene.what))
        shape = self.random.random()
        if shape < 0.15:
            words = [what, self.random.choice(("sitting", "sits", "is", "laying", "parked", "placed", "that is")), self.place(scene)]
        elif shape < 0.25:
            words = ["there", "is" if not scene.many else "are", self.subject(scene), act[2], what]
        else:
            doing = self.random.choice((act[2], act[2], ("are " if scene.many else "is ") + act[2], act[0] if scene.many else act[1]))
            words = [self.subject(scene), doing, what]
        if self.chance(0.25):
            words.insert(1 if shape >= 0.25 else len(words), self.aside(scene))
        if shape >= 0.15 and self.random.random() < 0.65:
            words.append(self.place(scene))
        if self.chance(0.3):
            onlooker = self.phrase("", self.word(LISTS["being"].draw(self.random)))
            words.append(" ".join((self.random.choice(("while", "and", "as")), onlooker, self.random.choice(ONLOOKERS))))
        if self.chance(0.4):
            words.append(self.other(scene))
        return self.write(" ".join(words))

    def slip(self, text: str) -> str:
        at = self.random.randrange(len(text) - 2)
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]

    def write(self, text: str) -> str:
        """Capitals, the end of the sentence, a comma, now and then a slip of the pen."""
        if self.plain:
            return text + self.random.choice(("", "", " .", "."))
        if self.chance(0.05):
            text = self.slip(text)
        if self.chance(0.12):
            text = text.replace(" with ", ", with ", 1).replace(" while ", ", while ", 1)
        if self.chance(0.01):
            text = text.replace(" and ", self.random.choice((" & ", " - ", "; ", "/")), 1)
        if self.random.random() < 0.8:
            text = text[0].upper() + text[1:]
        return text + self.random.choices((".", "", " .", ". ", "!", "...", " "), (60, 25, 6, 5, 0.7, 0.3, 3))[0]


def captions(images: int, references: int, seed: int):
    """Yields, an image at a time, the list of its references and its candidate."""
    chance = random.Random(seed)
    people, captioner = Teller(chance), Teller(chance, plain=True)
    for _ in range(images):
        scene = Scene(chance)
        # A captioner is at times right about who is there and wrong about the rest.
        seen = scene if chance.random() < 0.7 else Scene(chance)
        if seen is not scene:
            seen.who, seen.many = scene.who, scene.many
        yield [people.tell(scene) for _ in range(references)], captioner.tell(seen)


def write(folder: pathlib.Path, images: int, references: int, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ids, annotations, results = [], [], []
    for number, (truth, candidate) in enumerate(captions(images, references, seed)):
        image = 3 * number + 17
        ids.append({"id": image, "file_name": f"{image:012}.jpg"})
        annotations += [{"image_id": image, "id": len(annotations) + at, "caption": text} for at, text in enumerate(truth)]
        results.append({"image_id": image, "caption": candidate})
    (folder / "references.json").write_text(json.dumps({"info": {}, "licenses": [], "type": "captions", "images": ids, "annotations": annotations}))
    (folder / "candidates.json").write_text(json.dumps(results))


def statistics(lines: list[str]) -> str:
    """How many words a caption has, and how many different n-grams n = 1..4 occur, a caption and among all."""
    rows = [[word for word in line.lower().replace(",", " ").replace(".", " ").split() if word] for line in lines]
    out = [f"{len(rows)} captions, {sum(map(len, rows)) / len(rows):.2f} words each"]
    for order in (1, 2, 3, 4):
        grams = [{tuple(row[at : at + order]) for at in range(len(row) - order + 1)} for row in rows]
        own, every = sum(map(len, grams)) / len(rows), len(set().union(*grams))
        out.append(f"  {order}-grams: {own:6.2f} different a caption, {every:7} among all, {every / len(rows):6.2f} new a caption")
    return "\n".join(out)


def main() -> None:
    if sys.argv[1:2] == ["--statistics"]:
        for name in sys.argv[2:]:
            print(name, statistics(pathlib.Path(name).read_text(encoding="utf-8").splitlines()), sep="\n")
    elif len(sys.argv) in (3, 4, 5):
        images, references, seed = [int(word) for word in sys.argv[2:]] + [4, 1][len(sys.argv) - 3 :]
        write(pathlib.Path(sys.argv[1]), images, references, seed)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
