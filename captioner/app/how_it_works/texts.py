"""The texts of the page “How it works”. Words in {braces} are filled in by the program: leave them."""

TITLE = "How it works"
INTRODUCTION = "The model is a computer program that was shown many photos together with sentences that people wrote about them. Nobody told it what a dog is. It found out by itself which words go with which pictures."

# What happens with a picture.
PARTS = "From your picture to a sentence"
LOOKS = "1 · It looks"
LOOKS_TEXT = "It shrinks the picture to {size} × {size} dots (pixels) and looks for edges, then shapes, then things{mirrored}.{networks}"
TWO_NETWORKS = " Two programs do this side by side."
MIRRORED = ", once as it is and once mirrored"
LOOKS_TERM = "encoder, {encoder}"
NOTES = "2 · It notes what is where"
NOTES_TEXT = "It keeps what it found as {numbers}."
ONE_LIST, MANY_LISTS = "a list of numbers", "lists of numbers, one for each part of the picture"
NOTES_TERM = "{regions}"
ONE_REGION, MANY_REGIONS = "one region, the whole picture", "{rows} × {columns} regions"
WRITES = "3 · It writes"
WRITES_TEXT = "Word by word it chooses from {words} words, going by these notes and the words before.{ensemble}"
ENSEMBLE = " {members} such writers decide together."
WRITES_TERM = "decoder, {decoder}: {kind}{ensemble}"
ENSEMBLE_TERM = "; the average of their probabilities decides"
CHOOSES = "4 · It chooses"
CHOOSES_AMONG_BEAMS = "It writes {beams} sentences at the same time, and shows the one that it finds most likely."
CHOOSES_BY_CONSENSUS = "It writes {beams} sentences, and {samples} other versions at random. It shows the sentence that agrees best with those, and with the words that people use for such pictures."
CHOOSES_TERM_BEAMS = "beam search"
CHOOSES_WORDS = "It writes one sentence, and takes the most likely word each time."
CHOOSES_TERM_WORDS = "greedy search"
CHOOSES_TERM_CONSENSUS = "beam search, then consensus reranking (minimum Bayes risk)"
TERMS = "For specialists: what these steps are called"
TERM = "- **{title}:** {term}"

# How it learned.
LEARNING = "How it learned"
LEARNING_TEXT = """
- **Examples.** It was shown {photos} from the {collection} collection, mostly of {subject}, each with five sentences that people wrote about it.
- **Practice.** For each photo it had to guess the next word of a sentence, again and again. After every guess it was changed a little, so that the word that people wrote became more likely.
- **Test.** Then it described photos that it had never seen. The page “How good is it?” shows the result.
- **Now it learns no more.** It learns nothing from your pictures.
"""
PHOTOS, COUNTED_PHOTOS = "photos", "{count} photos"

# For specialists.
TRAINING = "How long it learned"
NO_HISTORY = "There is no record of how this model was trained."
EPOCHS = "It went through all photos {count} times{took}."
CURVES = "For specialists: phases and learning curves"
HOURS = ", in {hours} hours"
PHASE = "- **{name}**, {epochs}: {what}"
# What history.csv calls a phase, which stays as it is: its name on the page, and what happens in it.
PHASES = {
    "decoder": ("frozen encoder", "the part that writes (decoder) learns, the part that looks (encoder) stays as it was"),
    "fine-tune": ("fine-tuning", "both parts learn, in small steps"),
    "self_critical": ("self-critical", "it writes sentences of its own, and is rewarded where they resemble people's"),
}
OTHER_PHASE = "a further phase"
LOSS = "Surprise at people's words (loss)"
LOSS_TEXT = "How surprising the model finds the next word that a person wrote; less is better. On photos it was not trained on, it was lowest in epoch {epoch}: {loss} nats a word, as unsure as picking blindly among {words} words.{higher}"
WHY_TRAINING_LOSS_IS_HIGHER = " The training line may lie above the other one: training is made harder on purpose. Photos are cropped and recoloured, words are left out, and the model is discouraged from being wholly certain."
CIDER = "Similarity to people's sentences (CIDEr)"
CIDER_TEXT = "How much its sentences share with what people wrote about the same photo, rare words counting more; more is better. Highest in epoch {epoch}: {cider} (on photos set aside for checking, with greedy search)."
LEARNING_RATE = "Size of the learning steps (learning rate)"
LEARNING_RATE_TEXT = "How much the model changes with every correction: big steps at first, small ones at the end. {lowered}."
LOWERED, NEVER_LOWERED = "Lowered in {epochs}", "It was never lowered"
NUMBERS = "The numbers, epoch by epoch"
REWARD_EXPLAINED = "In the phase “self-critical”, the loss is the reward times −1 and cannot be compared with other phases."
CHART = "{title} by epoch. {sentence}"

RECIPE = "For specialists: the recipe"
CARD = "For specialists: everything about the model (model card)"

OTHER_MODELS = "For specialists: compared with the training of the other models here"
CURVES_EXPLAINED = "How to read this: one line for each model, a diamond at its best epoch, measured on photos not trained on. Compare lines only where these are the same photos, and sentences are split into words in the same way."
MORE_MODELS = "The chart shows the first {shown} models, the table all {all}."
MODEL_CHART = "{title} by epoch, one line for each model. {sentence}"
MODEL_NUMBERS = "The numbers: {unit}"
