"""What rows of several rooms have in common: a version, a sealed secret."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from .clock import now
from .secrets.envelope import Sealed


class VersionedRow:
    """Counts its changes: of two who change one version, the second is refused. Clients are told it in the ETag."""

    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


class SecretHolder:
    """The three columns of a secret, all null where there is none; `envelope.place_of` tells what follows from them."""

    secret_ciphertext: Mapped[bytes | None] = mapped_column(LargeBinary)
    secret_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    secret_kid: Mapped[str | None] = mapped_column(ForeignKey("master_keys.kid", ondelete="RESTRICT"))

    @property
    def sealed(self) -> Sealed | None:
        """The secret as it is stored."""
        if self.secret_kid is None or self.secret_key is None or self.secret_ciphertext is None:
            return None
        return Sealed(self.secret_kid, self.secret_key, self.secret_ciphertext)

    @sealed.setter
    def sealed(self, sealed: Sealed | None) -> None:
        self.secret_kid = sealed.kid if sealed is not None else None
        self.secret_key = sealed.wrapped_key if sealed is not None else None
        self.secret_ciphertext = sealed.ciphertext if sealed is not None else None
