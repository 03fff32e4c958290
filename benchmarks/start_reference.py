"""A process that captions one picture with Keras: ``python -m benchmarks.start_reference FOLDER PICTURE``.

With ``--write`` it writes random weights into the folder instead, for the process that is measured to load.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks import data, keras_model
from captioner import images
from captioner.bundle import storage

WORDS = 10  # of an average caption

if __name__ == "__main__":
    folder, picture, *write = sys.argv[1:]
    paths = [f"{folder}/{part}.weights.h5" for part in ("encoder", "decoder")]
    bundle = storage.load(data.BUNDLE)
    encoder = keras_model.encoder(bundle.config)
    decoder = keras_model.Decoder(bundle.config, len(bundle.vocabulary), encoder.output_shape[1:])
    parts = (encoder, decoder.decoder)
    if write:
        for part, path in zip(parts, paths, strict=True):
            part.save_weights(path)
    else:
        for part, path in zip(parts, paths, strict=True):
            part.load_weights(path)
        square = images.square(images.read(picture), bundle.config.image_size)
        regions = encoder.predict(square[None], verbose=0)
        ids = keras_model.caption(decoder, np.asarray(regions), WORDS, bundle.config.max_words + 1)
        print(bundle.vocabulary.text(ids))
