"""The texts of the page “How good is it?”. Words in {braces} are filled in by the program: leave them."""

TITLE = "How good is it?"

# First: how often it is right, by the best that is known.
HOW_OFTEN = "How often is it right?"
RATED_BY = "Rated by {who}."
VISITORS_RATED = "Visitors of this app gave {total} to {sentences} of this model:"
VISITORS_CHOOSE = "Anybody may rate, and picks what to rate, so this is no measurement."
ONLY_WORDS = "Too few people have said so far. A computer can only count how many of its words about test photos people used, too:"
ONLY_SIMILARITY = "Too few people have said so far. A computer can only compare its sentences with those that people wrote about the same photos:"
NOT_KNOWN = "Nobody has checked that yet."
NO_PREDICTIONS = "This model came without a list of its sentences about test photos."
RATINGS, RATED_SENTENCES = ("rating", "ratings"), ("sentence", "sentences")
SHARE_LABELS = {"right": "right", "partly": "partly right", "wrong": "wrong"}
LIKELY = "likely {interval}"
LIKELY_EXPLAINED = "“Likely” is what the share would be if very many pictures of this kind were rated (95 % interval)."

# What was computed.
COMPUTED_WORDS = "What a computer can count"
COMPUTED_WORDS_TEXT = "It cannot tell what is right. It can count how many of its words about test photos people used, too:"
WORDS = "of its words, people used, too"
WORDS_OF_PEOPLE = "of one person’s words, the other four used, too"
WORDS_DETAILS = "Details: which words count"
WORDS_EXPLAINED = "Each photo was described by five people. A word counts if at least one of them used exactly that word; “a” and “in” do not count. Many other words are right as well, so this measure is strict. The model keeps to common words, which makes it easier for the model than for people."
SIMILARITY_IN_SHORT = "One and the same sentence for every photo reaches {constant}, the model **{model}**.{people}"
SIMILARITY_OF_PEOPLE = " People, compared with each other, reach {people}."

# What visitors said.
PEOPLE_SAID = "What visitors said"
READING_RATINGS = "Reading the ratings …"
NOBODY_RATED = "No visitor has rated a sentence of this model yet."
FEW_RATED = "{total} so far: {shares}. These are too few to tell."
SEE_ABOVE = "Their {total} stand above."
TO_REVIEW = "Judge it yourself, alone or with your team"
COMPUTED_DETAILS, OTHERS_DETAILS = "Details: what was computed", "Details: what visitors said about other models"
COMPUTED = "What was computed for its sentences about the test photos: {scores}."
CIDER_SCORE = "a similarity to people’s sentences (CIDEr) of {cider}"
SHARE_OF_WORDS = "people used {words} of its words, too"
AGREEMENT_UNKNOWN = "Whether such scores agree with people cannot be said yet: for that, people have to rate more test photos, and rate them differently."
AGREEMENT = "Take any two sentences about test photos that people rated differently. {clauses} Tossing a coin would give 50 %. Where several people rated a sentence, it counts once, with what most of them said."
BY_CIDER, BY_ESTIMATE = "The better one has the higher CIDEr in {share} of such pairs: CIDEr {agrees}.", "The better one has the higher estimate from the model in {share} of such pairs: that estimate {agrees}."
AGREES, HARDLY_AGREES, DISAGREES = "**agrees with people**", "**agrees with people only a little**", "**does not agree with people**"
MODEL_NOT_HERE = "A model that is not here (checksum {checksum} …)"
OTHER_MODEL_RATED = "- **{model}:** {shares}; {total}{cider}"
OTHER_MODEL_CIDER = "; CIDEr {cider}"
RATINGS_FILES = "All ratings as a table"
RATINGS_FILES_TEXT = "The file has every rating with its sentence, without names. Of reviews it has no remarks, and of pictures that were uploaded there a code in place of the sentence. It opens in a spreadsheet. You can load it again here, also after a spreadsheet has saved it; what is already there is not added twice."
DOWNLOAD_RATINGS = "Download all ratings"
LOAD_RATINGS = "Load a file of ratings"
LOADED = "{new} of {total} in the file were new."

# The part with all test photos.
EXPLORE = "See for yourself"
EXPLORE_TEXT = "Here are all of its sentences about {count} photos that it had not learned from, also those that are wrong."
SEARCH = "Search its sentences"
SEARCH_EXAMPLE = "dog, or two words: dog snow"
ORDER = "Show first"
VIEW, AS_PICTURES, AS_TABLE = "Show as", "Photos", "Table"
MORE = "About photo {number}"
NO_PICTURE = "The photo and what people wrote about it are not here, because the photos may not be passed on with the model. They appear where this app finds the {dataset} collection (CAPTIONER\\_FLICKR8K names its folder)."
UNKNOWN_WORD = "None of its sentences has “{word}”: the model does not know that word."
NO_MATCH = "None of its sentences has “{query}”."
NO_MATCH_WITH_PICTURE = "None of the sentences whose photo is here has “{query}”."
ALL_SENTENCES = "All {count} sentences."
SOME_SENTENCES = "{count} of {total} sentences{query}."
WITH_QUERY = " with “{query}”"
AVERAGE_OF_MATCHES = " On average they are {more} similar to people’s sentences than all of them together: {here} against {overall} (CIDEr)."
SENTENCE_COLUMN, CERTAINTY_COLUMN, SIMILARITY_COLUMN = "What it said", "How sure", "Similarity"
CERTAINTY_HELP = "How many of its words people are expected to use, too. Where that was not measured: the chance that the model gave to each word it chose, on average."
TABLE = "The model’s sentences about the test photos"
PEOPLE_WROTE = "What people wrote about this photo"
HOW_SURE = """
- **How sure:** {rank}.{chance}
- **How similar to people’s sentences:** {similarity} (CIDEr {cider}).
"""
CHANCE = " On average it gave a chance of {percent} to each word that it chose."
SURE_RANK = "It was {} sure than for {}"
SIMILAR_RANK = "It is {} similar to theirs than {}"
ALL_SCORES = "Details: all scores of this sentence"
SCORE_COLUMN, SENTENCE_SCORE, MEDIAN_SCORE = "score", "this sentence", "middle of all (median)"
WHICH_SENTENCE = "“{caption}”, about {image}."

# Mistakes.
FAILURES = "Where it goes wrong"
FAILURES_INTRODUCTION = "Mistakes that this model makes again and again."
IT_SAID = "{shows}. It said: "
UNUSED_WORDS = "Words it never says"
UNUSED_WORDS_SUMMARY = "Of the {frequent} words that people used most in the sentences it learned from, {unused} never came up."
UNUSED_WORDS_DETAILS = "Details: which words"
UNUSED_WORDS_WHY = "The model knows {known} words, and used {used} of them in these sentences. It looks for the likeliest sentence, and there a common word nearly always beats a more exact one."
UNUSED_WORDS_CHART = "Frequent words that the model never used, and how often people wrote them: {words}."
UNUSED_WORDS_EXPLAINED = "How to read this: the number after each word is how often people wrote it in the sentences that the model learned from. The model used it in none of its own."
ALL_UNUSED_WORDS = "All {count} words: {words}"

# Whether being sure helps.
CERTAINTY = "Is it right when it is sure?"
CERTAINTY_HELPS = "More often, but not always: where it was sure, it can still be wrong; where it was unsure, look twice."
CERTAINTY_SAYS_LITTLE = "How sure it is says little about how good a sentence is."
CERTAINTY_DETAILS = "Details: how much better"
CERTAINTY_SUMMARY = "Sorted by how sure the model was, the surest quarter of its sentences reaches a similarity to people’s (CIDEr) of {first}, the least sure quarter {last}."
QUARTERS = ("surest quarter", "second quarter", "third quarter", "least sure quarter")

# For specialists.
SIMILARITY = "How similar are its sentences to people’s?"
SIMILARITY_SUMMARY = "{dissimilar} of {count} sentences share little with what people wrote (a CIDEr below {low}), {similar} share a lot (1 and more). Half of all are below {median}."
SIMILARITY_CHART = "How many sentences have which CIDEr. {summary} The average is {average}."
SIMILARITY_EXPLAINED = "How to read this: every bar counts sentences; the farther to the right, the more phrases they share with people’s. The average, {average}, is the model’s test score (CIDEr)."
SIMILARITY_TABLE = "The bars as a table"
SIMILARITY_AXIS, SENTENCES_AXIS = "similarity to people’s sentences (CIDEr)", "sentences"

SCORES = "Scores, for specialists"
SCORES_INTRODUCTION = "Numbers by which models of this kind are compared."
ALL_SCORES_DETAILS = "All scores"
NO_SCORES = "There are no scores of this model."
SCORES_SUMMARY = "On {images} photos that it was not trained on, the model reaches a CIDEr of **{ours}**. Saying the same sentence about every photo gives {constant}.{people}"
SCORES_OF_PEOPLE = " People, compared with each other, reach {people}."
SCORES_EXPLAINED = "All scores compare a sentence with those that people wrote about the photo: **CIDEr** by shared phrases, rare ones counting more; **BLEU-4** by runs of four words; **ROUGE-L** by words in the same order; **BLEU-1** by single words."
ABOVE_PEOPLE = "A higher score than people's does not mean better sentences: safe, common words match somebody's sentence more often than precise ones. People are also compared with one sentence less."
SCORES_MEASURED = "Measured on {conditions}; {split_name}: {split}. CIDEr, BLEU and ROUGE-L are those that coco-caption defines. On very many such photos, CIDEr would likely be between {low} and {high} (95 % bootstrap)."
THIS_MODEL, CONSTANT, PEOPLE = "this model", "one sentence for all photos", "people"
SCORES_TABLE = "All scores as a table, with other models of the same kind"
DECODING_COLUMN = "decoding"
TABLE_EXPLAINED = "**Content-word F1** compares only words that say something about the photo, not “a” or “in”: how many of a sentence’s such words people used, too, and how many of a person’s are in the sentence. It is a check on the other scores: nothing was trained, chosen or tuned by it. A dash means: not measured."
DECODING_DIFFERS = "All rows are of the same photos, but not all sentences were searched for in the same way (“decoding”): part of a difference between two such rows comes from the search, not from the model."
SENTENCES_ARE_LIKE = "What its sentences are like"
DIFFERENT_SENTENCES = ("different sentences", "about {images} photos")
DIFFERENT_WORDS = ("different words", "used in all of them together")
COPIED = ("copied from training", "word for word among the sentences that the model learned from")
TIME = ("time for a photo", "when it was measured")

OTHER_MODELS = "Compared with the other models here"
SAME_CONDITIONS = "Every score is of the same photos, measured in the same way, so the rows can be compared."
DIFFERENT_CONDITIONS = "They were scored on different photos or in different ways: compare only rows that are measured alike."
