"""Early stopping: when the validation split has had nothing better for too long."""

from dataclasses import dataclass


@dataclass
class Patience:
    """Counts evaluations since the best one; part of every checkpoint."""

    limit: int = 0
    """Evaluations without a better score after which the training ends; 0 = it never does."""
    best: float | None = None
    waited: int = 0
    """Evaluations since the best one."""

    def see(self, score: float) -> None:
        """Take in the score of an evaluation; higher is better, and a number that is none is not.

        >>> patience = Patience(limit=2)
        >>> for score in (0.5, 0.7, 0.7, 0.6):
        ...     patience.see(score)
        >>> patience.waited, patience.over
        (2, True)
        """
        if self.best is None or score > self.best or self.best != self.best:
            self.best, self.waited = score, 0
        else:
            self.waited += 1

    @property
    def over(self) -> bool:
        """Whether the training is to end."""
        return 0 < self.limit <= self.waited
