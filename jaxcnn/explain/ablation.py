"""How much the score falls when a part of the image is covered."""

import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.explain.chunks import Progress
from jaxcnn.explain.document import documented
from jaxcnn.explain.network import baseline_of, examine
from jaxcnn.explain.segments import labels_of, paint
from jaxcnn.explain.shown import shown_scores
from jaxcnn.taps.target import Target
from jaxcnn.typing import Array, Variables


@documented("(2, 32, 32)", "segments=4")
def feature_ablation(
    model: nn.Module,
    variables: Variables,
    x: Array,
    target: int | Array | str | Target,
    *,
    segments: int | Array = 8,
    baseline: float | Array = 0.0,
    chunk: int = 32,
    progress: Progress = None,
) -> Array:
    r"""Return :math:`s(x) - s(x_{\setminus j})`, part j covered, at the pixels of the part.

    Returns:
      Maps (N, H, W); positive where the image speaks for the target.

    Source: Zeiler & Fergus 2013, section 4.2, with parts of any shape; so named by Captum.
    """
    report = Report("feature_ablation", x)
    report.count("chunk", chunk)
    labels, count = labels_of(report, x, segments)
    cover = baseline_of(report, x, baseline)
    network = examine(report, model, variables, x, target, 4)
    all_but_one = ~jnp.eye(count, dtype=bool)
    whole, _, rest = shown_scores(network, x, cover, labels, all_but_one, chunk, progress)
    return paint((whole[None] - rest).T.astype(x.dtype), labels)
