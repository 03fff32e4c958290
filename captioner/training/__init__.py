"""Training with Keras 3: the only package that imports keras or tensorflow.

Axes, besides those of ``captioner``: P images of a split, K captions an image, Q = K × T queries of the
attention, E numbers of a word embedding, U units of the LSTM, M words of a batch that count in the loss.
"""
