"""What is done with runs that exist: `python -m train VERB RUN ...`, one file a verb."""
