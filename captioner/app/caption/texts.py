"""The texts of the page “Caption”. Words in {braces} are filled in by the program: leave them."""

TITLE = "What does the model see?"
INTRODUCTION = "A computer program that has learned from examples (the “model”) describes a picture in one sentence. See how sure it was of every word, and where in the picture it looked. Give it several pictures at once, and you get a table to save."
COMPARE = "Compare with …"
COMPARE_HELP = "See this caption beside another one: with other settings, or from another model."
