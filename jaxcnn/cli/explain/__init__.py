# What `jaxcnn explain` shows: methods side by side, and the chapter from filters to embeddings.
