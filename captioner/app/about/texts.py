"""The texts of the page “About”. Words in {braces} are filled in by the program: leave them."""

TITLE = "About"
PURPOSE = "A picture goes in, one English sentence comes out. The app shows what led to it: how sure the model was of every word, what else it could have said{looked}. It is there for learning how such a model works and where it fails, not for describing pictures that matter."
LOOKED = ", and where in the picture it looked"
BLOCKED_TITLE = "Words it may not say"
BLOCKED = "The model never uses or suggests these words: they may insult, or they say things about people that no picture can show. The list contains offensive words."

PICTURES = "What happens to your pictures"
PICTURES_TEXT = "They are captioned on this server and kept in memory while the page is open; they are never stored or shared. The model does not learn from them. When you rate a sentence, these are stored: the sentence, your rating, your remark if you write one, the time, which model it was, and, for one of the sample pictures, its name. Everybody who uses this app can read them; nothing says who you are. In a review session, these are stored as well: the names that the group and the raters choose, how sure the model was and its warnings, and a code that recognises an uploaded picture when it is uploaded again. All of that, and the remarks, can be seen by whoever has its link, and by whoever runs this app."

DATA = "Data and licence"
DATA_TEXT = """
- **Training data:** Flickr8k (M. Hodosh, P. Young and J. Hockenmaier, 2013): photos from Flickr, each with five sentences by crowd workers. The photos belong to the people who took them and were given for research and education; none of them is part of the model.{pretrained}
- **How the photos were divided:** {split}. It learned from the training pictures only.
- **Licence of app and model:** Apache-2.0.
"""
PRETRAINED = " Before that, the part that looks at the picture was trained on ImageNet, a collection of over a million photos, to name what each of them shows."

MODEL = "The model that is used"
SOURCE = "From {source}. {reason}"
DETAILS = "Details"
CHECKSUM = "Checksum, the SHA-256 of its manifest.json:"
NOT_INSTALLED = "(not installed)"
