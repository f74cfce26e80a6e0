"""Where blobs lie: filled from pack footers only (`archive.ports.BlobIndex`)."""

from __future__ import annotations

from django.db import models


class Pack(models.Model):
    name = models.BinaryField(unique=True, max_length=32)
    size = models.BigIntegerField()
    content = models.BooleanField()  # False: summaries
    condemned_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], name="pack_condemned", condition=models.Q(condemned_at__isnull=False))]

    def __str__(self) -> str:
        return bytes(self.name).hex()


class Blob(models.Model):
    blob = models.BinaryField(primary_key=True, max_length=32)
    pack = models.ForeignKey(Pack, on_delete=models.CASCADE, db_index=False, db_constraint=False)  # bulk: see contents
    ordinal = models.IntegerField()
    offset = models.BigIntegerField()
    length = models.IntegerField()
    raw_length = models.IntegerField()
    inside = models.IntegerField(default=0)  # bytes from the start of the opened group
    kind = models.SmallIntegerField()

    def __str__(self) -> str:
        return bytes(self.blob).hex()
