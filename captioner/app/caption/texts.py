"""The texts of the page “Caption”. Words in {braces} are filled in by the program: leave them."""

TITLE = "What does the model see?"
INTRODUCTION = "A program that learned from photos (the “model”) describes a picture in one sentence. See how sure it was and where it looked."
CANNOT_KNOW = "The model cannot know names, ages, jobs or how people are related. “Man”, “woman”, “boy” and “girl” are guesses from how people look. It always says something, even about a picture unlike any it has seen. Where a mistake would do harm, check the sentence against the picture."
WITH_YOUR_WORD, RANDOM_VERSION = "With your word", "A random version"
COMPARE = "Compare with …"
COMPARE_HELP = "See this caption beside another one: with other settings, or from another model."
REFERENCES = "What people wrote about this picture"

# Files and the link.
SHARE = "Files and link"
SHARE_SENTENCE = "The model’s own sentence, without any word that you chose:"
AS_TEXT, AS_JSON = "Caption as text", "Everything as JSON"
JSON_CONTENTS = "The JSON file also has the probability of every word, other likely words, and the other sentences."
LINK_WORKS = "This link opens the same picture with the same settings."
COPY_LINK = "Copy link"
CARD_SOURCE = "Written by a computer program (model {model}), {date}"
CARD_EDITED = "Written by a computer program (model {model}), changed by a person, {date}"
BACK_TO_DEFAULT = "Back to the model’s own version"

# Other versions.
VERSIONS = "Other versions"
VERSIONS_TEXT = "The model weighed several sentences. Words that the caption does not have are bold."
RANDOM_VERSIONS_TEXT = "The model made these at random. Words that the caption does not have are bold."
ONLY_ONE = "None: the model weighed only one sentence. Below you can have it weigh more."
ALL_SAME = "None: all random versions were the same. Another number or more creativity changes that."

# The word that is selected.
END_OF_SENTENCE = "The end of the sentence"
LEVELS = {
    "sure": "The model is sure of this word.",
    "fairly sure": "The model is fairly sure of this word.",
    "a guess": "This word is a guess.",
}
MEASURED = "On test photos, {share} such words match what people wrote."
YOUR_WORD = "You put this word here."
END = "Here the model decided to stop."
FUNCTION_WORD = "A small word that grammar asks for, so it is not rated."
LOOKED = "The model looked {where}."
OTHER_WORDS, OR = "What else it could have said here: {words}.", " or "
NO_OTHER_WORDS = "The model keeps no other words for this place."
OTHER_WORDS_CHART = "How often each word fits here: {words}."
LIKELIER_WORD = "Here “{word}” was likelier, {reason}."
LIKELIER_BLOCKED = "but {rule}"
LIKELIER_YOU_CHOSE = "but you chose “{word}”"
LIKELIER_RANDOM = "but the random choice was “{word}”"
LIKELIER_SENTENCE = "but the sentence as a whole came out better with “{word}”"

# Another word.
TRY = "Try another word"
TRY_HELP = "The model then writes the rest of the sentence again."
ANOTHER_WORD = "Another word: {word}"
YOU_CHOSE = "You chose {words}. The model wrote the rest."
OWN_SENTENCE, NEW_SENTENCE, WITH_WORDS = "The model’s own sentence", "The new sentence", "With {words}"
AND = " and "
UNDO, BACK_TO_OWN = "Undo {word}", "Back to the model’s own sentence"
SAME = "**This leads to the same sentence again,** word for word."
EQUALLY_LIKELY = "Both are about equally likely."
LIKELIER = "{sentence} is {times} times as likely."
NEW_RANKS_HIGHER = "**The new sentence ranks higher than the model’s own.** {likelier} {why}"
BOTH_RANDOM = "Both were chosen partly at random, so neither is necessarily the model’s best."
AGREED = "That counts only in part: the model chooses the sentence that agrees best with the versions that it wrote, and with the words that people use for such pictures."
SHORTER = "But it is shorter, and longer sentences get a bonus. So the model still ranks its own sentence higher."
NOT_ALLOWED = "The model was not allowed to write it: {rule}."
DROPPED_TOO_EARLY = "The search (beam search) missed it: it dropped this beginning too early."
NEVER_CHANGES = "The search (greedy search) missed it: it never changes a word again."

# Details, for specialists.
DETAILS = "Details"
WHY_WARNING = "**Why there is a warning:** {reason}"
WORDS, WORDS_TABLE = "The words", "Every word with its probability"
SENTENCES, SENTENCES_TABLE = "The sentences", "Every sentence with its probability and score"
ALL_WORDS = "Of captions as likely as this one, {share} have only words that match what people wrote (estimated on test photos)."
NOT_RATED = "not rated"
BY_SAMPLING = "picked the words of {beams} sentences at random (sampling, temperature {temperature}, seed {seed}); the same one may have come up twice"
BY_BEAM_SEARCH = "followed {beams} sentences at once (beam search)"
METHOD = "The model {method}. “1 in …” is the chance that it says exactly this sentence: all its word probabilities multiplied. Longer sentences would mostly lose, so the ranking evens out length: score = log-probability ÷ words\\^{length_penalty}."
AGREEMENT = "Agreement is the mean similarity to these versions (CIDEr, 0 to 10); the score counts, too."

# The beam tree.
TREE = "Beam tree: all the sentences that the model tried"
TREE_DRAWING, TREE_TABLE = "Drawing", "Table"
TREE_RANDOM = "The model made {beams} random versions. Words at the beginning that several versions share are counted once; so there are {words} words, ends included."
TREE_SUMMARY = "The model followed {sentences}, word by word. Of the {words} words that it considered, it kept {kept} and dropped {dropped} at once, because others were more promising."
ONE_SENTENCE, MANY_SENTENCES = "one sentence", "{beams} sentences at once"
TREE_EXPLAINED = "How to read this: each line is a sentence, from left to right. The thick line at the top is the caption. Where a line branches, the model tried different next words. A square is the end of a sentence."
TREE_ALL = "Draw every word that was tried (a cross: dropped at once)"
TREE_TABLE_SUMMARY = "Every sentence that the model began, and how it ended"
TREE_SENTENCE, TREE_OUTCOME, TREE_CHANCE = "Sentence so far", "Outcome", "Chance"
TREE_CHANCE_HELP = "The probabilities of all its words up to here, multiplied"
OUTCOME_CAPTION, OUTCOME_RANK = "The caption", "Number {rank} of the sentences above"
OUTCOME_COMPLETE = "Complete, but others are better"
OUTCOME_DROPPED_AT_ONCE, OUTCOME_DROPPED = "Dropped at once", "Dropped after {count} words"
