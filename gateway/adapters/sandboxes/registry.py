"""Every kind of sandbox, in order of preference, and the choice of the first that works here."""

from gateway.adapters.sandboxes.base import Sandbox, SandboxUnavailable
from gateway.adapters.sandboxes.kinds.bubblewrap import Bubblewrap

KINDS: dict[str, type[Sandbox]] = {Bubblewrap.kind: Bubblewrap}


async def choose() -> Sandbox:
    """Return the first kind that works on this machine; there is never an unprotected one.

    Raises SandboxUnavailable with the reasons and remedies of all when none does.
    """
    refusals = []
    for kind in KINDS.values():
        answer = await kind.available()
        if answer.ok:
            return kind()
        refusals.append(answer)
    raise SandboxUnavailable(
        " ".join(refusal.reason for refusal in refusals), " ".join(refusal.remedy for refusal in refusals)
    )
