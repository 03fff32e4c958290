"""The texts of the page “About”. Words in {braces} are filled in by the program: leave them."""

TITLE = "About"
PURPOSE = "A picture goes in, one English sentence comes out. The app shows why it is this one. It is there for learning how such a model works and where it fails."

PICTURES = "What happens to my photo?"
NO_LEARNING = "The model does not learn from them."
STORED_TITLE = "Details: what is stored when you rate a sentence"
STORED = """
- **Under a caption:** the sentence, your rating, your remark if you write one, the time, which model it was and, for one of the example pictures, its name. Everybody who uses this app can read them; nothing says who you are.
- **In a review session, also:** the names that the group and the raters choose, how sure the model was and its warnings, and a code that recognises an uploaded picture when it is uploaded again. All of that, and the remarks, can be seen by whoever has its link, and by whoever runs this app.
"""

MAKERS = "Who made this?"
MAKERS_TEXT = "The captioner contributors, in 2026. Whoever runs this copy of the app may be somebody else."
MODEL_LINK = "The model was published as [{repo}](https://huggingface.co/{repo}) on the Hugging Face Hub."

LICENCE = "May I use the captions?"
LICENCE_TEXT = "The licence allows it, at work, too. It leaves open whether the photos that the model learned from set limits."

TRUST = "What should I not use it for?"
TRUST_TEXT = "Do not rely on a sentence unless somebody looks at the picture, too. A wrong one reads as well as a right one."
HOW_OFTEN = "How often is it right?"
BLOCKED_TITLE = "Words it may not say"
BLOCKED = "The model never uses or suggests these words: they may insult, or they say things about people that no picture can show. The list contains offensive words."

TEAM = "How does my team judge it?"
TEAM_TEXT = "Start a review and send its link to your team. Everybody says of each sentence whether it is right, partly right or wrong; at the end you see how often it was right."
TO_REVIEW = "Start a review"

MODEL = "Which model is this?"
SOURCE = "From {source}. "
DETAILS = "For specialists: data, size and versions"
DATA_TEXT = """
- **The part that looks at the picture (encoder):** {encoder}.{pretrained}
- **Training data:** {collection} ({authors}): photos from Flickr, each with five sentences by crowd workers.
- **How the photos were divided:** {split}. It learned from the training pictures only.
"""
PRETRAINED = " Before, it was trained on ImageNet, a collection of over a million photos, to name what each of them shows."
CHECKSUM = "Checksum, the SHA-256 of its manifest.json:"
NOT_INSTALLED = "(not installed)"
