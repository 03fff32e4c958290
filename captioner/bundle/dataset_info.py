"""The datasets that a model may have learned from, and what the model card says of each."""

from __future__ import annotations

from dataclasses import dataclass

from captioner.bundle.schema import DatasetStatistics


@dataclass(frozen=True)
class DatasetInfo:
    """Photographs from Flickr, each with five captions by crowd workers."""

    name: str  # as ``schema.DatasetName``
    hub_name: str  # of a copy on the Hub, which the model card names
    authors: str
    publication: str
    official_split: str
    subject: str  # of most pictures
    limits: str  # what it has not seen
    terms: str  # of the photographs


FLICKR8K = DatasetInfo(
    "Flickr8k",
    "jxie/flickr8k",
    "M. Hodosh, P. Young and J. Hockenmaier, 2013",
    "M. Hodosh, P. Young and J. Hockenmaier, *Framing Image Description as a Ranking Task*, JAIR 47\n(2013)",
    "the authors' own lists of 6,000 training, 1,000 development and 1,000 test pictures",
    "people and dogs",
    """\
- It learnt to write from a few thousand photographs, mostly of people and dogs outdoors. Drawings,
  screenshots, food, medical pictures and much else get a fluent sentence that is wrong.""",
    """\
The training photographs belong to their owners on Flickr and were given for non-commercial research and
education.""",
)
FLICKR30K = DatasetInfo(
    "Flickr30k",
    "nlphuji/flickr30k",
    "P. Young, A. Lai, M. Hodosh and J. Hockenmaier, 2014",
    "P. Young, A. Lai, M. Hodosh and J. Hockenmaier, *From Image Descriptions to Visual Denotations*,\n"
    "TACL 2 (2014)",
    "Karpathy's lists of 29,000 training, 1,014 development and 1,000 test pictures",
    "people and what they do",
    """\
- It learnt to write from 30,000 photographs, mostly of people and what they do. Drawings, screenshots, food,
  medical pictures and much else get a fluent sentence that is wrong.""",
    FLICKR8K.terms,
)
COCO = DatasetInfo(
    "COCO",
    "HuggingFaceM4/COCO",
    "X. Chen and others, 2015",
    "X. Chen and others, *Microsoft COCO Captions: Data Collection and Evaluation Server*,\n"
    "arXiv:1504.00325 (2015)",
    "Karpathy's lists of 113,287 training, 5,000 development and 5,000 test pictures",
    "everyday scenes",
    """\
- It learnt to write from photographs of everyday scenes. Drawings, screenshots, medical pictures and much
  else get a fluent sentence that is wrong.""",
    """\
The training photographs belong to their owners on Flickr, and Flickr's terms of use apply to them; some
owners forbid commercial use.""",
)
DATASETS = {info.name: info for info in (FLICKR8K, FLICKR30K, COCO)}


def of(statistics: DatasetStatistics | None) -> DatasetInfo:
    """Of dataset.json; bundles without that file are of Flickr8k."""
    return DATASETS[statistics.name] if statistics else FLICKR8K
