"""What is mounted where."""

from __future__ import annotations

urlpatterns: list[object] = []
