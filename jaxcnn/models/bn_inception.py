"""BN-Inception (Ioffe & Szegedy 2015), the first network with batch normalisation."""

from jaxcnn import layers
from jaxcnn.blocks import ConvStep, inception_v2, inception_v2_reduction
from jaxcnn.models.googlenet import POOL
from jaxcnn.models.inception import Inception
from jaxcnn.models.variant import Variant

# The appendix, figure 5: blocks 3c and 4e halve the size. The paper's first convolution is
# separable with depth multiplier 8; the networks that were released have a plain one.
BN_INCEPTION = (
    ("conv1", ConvStep(64, 7, stride=2)),
    ("pool1", POOL),
    ("conv2", ConvStep(64)),
    ("conv3", ConvStep(192, 3)),
    ("pool2", POOL),
    ("inception3a", inception_v2(64, 64, 64, 64, 96, 32)),
    ("inception3b", inception_v2(64, 64, 96, 64, 96, 64)),
    ("inception3c", inception_v2_reduction(128, 160, 64, 96)),
    ("inception4a", inception_v2(224, 64, 96, 96, 128, 128)),
    ("inception4b", inception_v2(192, 96, 128, 96, 128, 128)),
    ("inception4c", inception_v2(160, 128, 160, 128, 160, 128)),
    ("inception4d", inception_v2(96, 128, 192, 160, 192, 128)),
    ("inception4e", inception_v2_reduction(128, 192, 192, 256)),
    ("inception5a", inception_v2(352, 192, 320, 160, 224, 128)),
    ("inception5b", inception_v2(352, 192, 320, 192, 224, 128, "max")),
)

VARIANTS = {
    # Batch normalisation stands for the auxiliary heads and, as section 4.2.1 says, for dropout.
    "bn_inception": Variant(
        Inception,
        11_285_224,
        "Ioffe & Szegedy 2015, appendix, figure 5",
        {"steps": BN_INCEPTION, "dropout": 0.0, "norm": layers.BatchNormConfig()},
    ),
}
