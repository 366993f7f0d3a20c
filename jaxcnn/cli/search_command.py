"""`jaxcnn search build|query|eval`: the images of a folder that look like a given one."""

from jaxcnn.cli.search.build import build
from jaxcnn.cli.search.evaluate import evaluate
from jaxcnn.cli.search.query import query

command = {"build": build, "query": query, "eval": evaluate}
