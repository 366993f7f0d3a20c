"""Whether an explanation can be believed: measures of maps and of the methods that make them."""

from jaxcnn.explain.measures.curves import area as area
from jaxcnn.explain.measures.curves import deletion as deletion
from jaxcnn.explain.measures.curves import insertion as insertion
from jaxcnn.explain.measures.fidelity import infidelity as infidelity
from jaxcnn.explain.measures.fidelity import sensitivity_n as sensitivity_n
from jaxcnn.explain.measures.pointing import pointing_game as pointing_game
from jaxcnn.explain.measures.sanity import data_randomization as data_randomization
from jaxcnn.explain.measures.sanity import model_randomization as model_randomization
from jaxcnn.explain.measures.sanity import rank_correlation as rank_correlation
from jaxcnn.explain.measures.stability import max_sensitivity as max_sensitivity
from jaxcnn.explain.measures.table import table as table
