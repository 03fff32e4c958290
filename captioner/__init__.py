"""A picture goes in, a sentence comes out, and one can see why that sentence.

    picture ──images──> uint8[S, S, 3] ──encode──> float[1, R, C] ──start──> state ──┐
                                                                                     │
    sentence <──text── ids <──decoding── log_probs float[N, V], attention <──step────┘   again for every word

``encode``, ``start`` and ``step`` are the signatures of one LiteRT file (``model``), which lies in a folder
with all else that is known of it (``bundle``). ``training`` makes such folders, ``app`` shows them.

Axes: B images, N rows (beams), T words, R regions, C channels, V vocabulary, H W pixels, S side of the square
that the encoder expects. A word is a string, an id its number; regions are what the encoder saw; a step is
one word being chosen.
"""
