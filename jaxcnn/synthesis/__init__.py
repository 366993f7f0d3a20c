"""Images made through a network: one engine, `optimize`, and each technique a page on it.

Images are floating-point (N, H, W, C) in [0, 1]; `transform`, e.g. `meta.transforms` of
`load_pretrained`, tells how the network wants them.
"""

from jaxcnn.synthesis.attacks import Attacked as Attacked
from jaxcnn.synthesis.attacks import fgsm as fgsm
from jaxcnn.synthesis.attacks import iterative as iterative
from jaxcnn.synthesis.attacks import pgd as pgd
from jaxcnn.synthesis.colors import recolored as recolored
from jaxcnn.synthesis.colors import with_colors_of as with_colors_of
from jaxcnn.synthesis.dream import dream as dream
from jaxcnn.synthesis.engine import Frame as Frame
from jaxcnn.synthesis.engine import Synthesis as Synthesis
from jaxcnn.synthesis.engine import optimize as optimize
from jaxcnn.synthesis.fool import fool as fool
from jaxcnn.synthesis.fourier import Fourier as Fourier
from jaxcnn.synthesis.invert import caricature as caricature
from jaxcnn.synthesis.invert import invert as invert
from jaxcnn.synthesis.looks import Looks as Looks
from jaxcnn.synthesis.matching import Along as Along
from jaxcnn.synthesis.matching import Match as Match
from jaxcnn.synthesis.matching import MatchGram as MatchGram
from jaxcnn.synthesis.matching import gram as gram
from jaxcnn.synthesis.pixels import Ball as Ball
from jaxcnn.synthesis.pixels import Parametrisation as Parametrisation
from jaxcnn.synthesis.pixels import Pixels as Pixels
from jaxcnn.synthesis.pixels import Shared as Shared
from jaxcnn.synthesis.presets import Preset as Preset
from jaxcnn.synthesis.presets import preset as preset
from jaxcnn.synthesis.priors import Norm as Norm
from jaxcnn.synthesis.priors import TotalVariation as TotalVariation
from jaxcnn.synthesis.robustness import robust_accuracy as robust_accuracy
from jaxcnn.synthesis.style import style_transfer as style_transfer
from jaxcnn.synthesis.style import texture as texture
from jaxcnn.synthesis.szegedy import nearest_adversary as nearest_adversary
from jaxcnn.synthesis.terms import CrossEntropy as CrossEntropy
from jaxcnn.synthesis.terms import Distance as Distance
from jaxcnn.synthesis.terms import Margin as Margin
from jaxcnn.synthesis.terms import Maximize as Maximize
from jaxcnn.synthesis.terms import Term as Term
from jaxcnn.synthesis.universal import Universal as Universal
from jaxcnn.synthesis.universal import universal as universal
from jaxcnn.synthesis.visualize import class_model as class_model
from jaxcnn.synthesis.visualize import visualize as visualize
