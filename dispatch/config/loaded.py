"""What was read from files, and still knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatch.config.places import Source

__all__ = ["Loaded"]


class Loaded(dict[str, Any]):
    """What files hold, merged, together with where it stands in them."""

    source: Source
