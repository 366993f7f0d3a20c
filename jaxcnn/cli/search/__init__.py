# The parts of `jaxcnn search`: build, query and eval, and what they share.
