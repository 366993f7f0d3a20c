# The command line: `jaxcnn COMMAND`, one file a command.
from jaxcnn.cli.main import main as main
