"""The texts about several pictures at once. Words in {braces} are filled in by the program: leave them."""

TITLE = "Your pictures"
GETTING_READY = "Getting ready …"
PROGRESS = "{done} of {total} pictures, about {seconds} s left"
STOP = "Stop here"
ONE_CAPTIONED, CAPTIONED = "1 picture captioned.", "{count} pictures captioned."
STOPPED = " You stopped before the other {count}."
KEPT = "Only this browser tab keeps the list, also when you reload the page, until you close the tab. If you choose several pictures again, they replace these."
NOT_STORED = "Your browser keeps nothing for this page: save your work before you reload or leave it."
RESTORING = "Bringing back your pictures …"
NOT_HERE = "The pictures of this address are not here: only the browser tab in which they were captioned keeps them. Choose them again."
LEFT_OUT = "At most {pictures} pictures and {megabytes} MB at a time. Left out because of this limit: {names}{more}."
AND_OTHERS = " and others"
CHECK_THEM = "Check each sentence before you use it."
FAILED = "Files that could not be captioned:"
AS_CARDS, AS_TABLE, AS_ALT_TEXTS = "Pictures", "Table", "Alt texts"
TABLE = "Your pictures and their sentences"
PICTURE, SENTENCE, SHARE, WARNING, FILE = "Picture", "Sentence", "Right words", "Warning", "File"
HOW_TO_READ = "How to read this: “Right words” estimates how many of 10 words match what people would write. Check the sentences with the lowest numbers first, and every sentence with a warning. Select a column’s heading to sort by it."
SAVE = "Save as a table (CSV)"
SAVE_ZIP = "Save the alt texts (ZIP)"
ZIP_CONTENTS = "The ZIP file has a text file for each picture that has a sentence, and all pictures as JSON and as a table. Texts that you have not ticked are in a folder of their own."

# Alt texts.
ALT_TEXTS_EXPLAINED = "An alt text says what is in a picture to people who do not see it. Change it where it is wrong. Tick it when it is right: only you can know. The key Enter ticks it and goes on to the next."
NEUTRAL = "Neutral words: person, child, they"
ALT_TEXT_OF = "Alt text of {image}"
ALT_TEXTS_DRAWN = {
    "reviewed": "Reviewed",
    "so_far": "{reviewed} of {count} reviewed.",
    "length": "{count} characters: better {most} at most",
}

CLOSE, REOPEN = "Back to one picture", "Back to your list of pictures"
