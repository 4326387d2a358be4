"""Half-space trees: odd points."""

from processors.models.half_space_trees.model import HalfSpaceTrees

__all__ = ["HalfSpaceTrees"]
