"""Files of published weights: found, or fetched once, verified and kept."""

from jaxcnn.weights.download.cache import cache_folder as cache_folder
from jaxcnn.weights.download.locate import locate as locate
