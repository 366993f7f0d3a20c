"""Scripts that need torch or torchvision are not collected."""

collect_ignore_glob = ["make_*.py"]
