"""What several runs share: data with their statistics, and the recipes of papers."""
