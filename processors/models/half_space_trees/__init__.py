"""Half-space trees: how odd a point is."""

from processors.models.half_space_trees.model import HalfSpaceTrees

__all__ = ["HalfSpaceTrees"]
