"""Scripts that need torchvision are not collected."""

collect_ignore = ["make_blocks.py", "make_lite.py", "make_weights_files.py", "make_zoo.py"]
