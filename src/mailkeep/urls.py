"""What is mounted where."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("mailkeep.web.urls"))]
handler404 = "mailkeep.web.problems.not_found"
