"""Routes of the audit record."""

from flask import Response, current_app

from gateway.core.audit import AuditRecord
from gateway.core.clock import now
from gateway.core.exporting import MEDIA_TYPES
from gateway.core.http.answers import answer, page_of
from gateway.core.http.room import Room, ok, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page, PageQuery

from . import export, service, service_verify
from .models import AuditCheckpoint
from .schemas import AuditOut, AuditQuery, CheckpointOut, ExportQuery, PublicKey, Verification, VerifyQuery
from .signer import Signer

room = Room("audit", __name__, title="Audit")


def signer() -> Signer:
    """The signer of this gateway."""
    return current_app.extensions["audit_signer"]  # type: ignore[no-any-return]


@room.get("/audit", responses={200: Page[AuditOut]}, summary="Who did what, and what was decided")
def list_audit(query: AuditQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, AuditRecord.id, query)
    return page_of(AuditOut, paged)


@room.get("/audit/<uuid:id>", responses={200: AuditOut}, summary="One audit record")
def get_audit(path: IdPath) -> Response:
    return answer(AuditOut.model_validate(service.get(work(), path.id)))


@room.get("/audit/verify", responses={200: Verification}, summary="Check the hash chain and its checkpoints")
def verify_audit(query: VerifyQuery) -> Response:
    sessions = current_app.extensions["gateway_sessions"]
    return answer(service_verify.verify(work(), sessions, signer(), query.since))


@room.get(
    "/audit/export",
    responses={200: ok("application/x-ndjson", "text/csv")},
    summary="Audit records as a file, oldest first",
)
def export_audit(query: ExportQuery) -> Response:
    batches = service.export(work(), current_app.extensions["gateway_sessions"], query)
    name = f"audit-{now():%Y-%m-%d}.{query.format}"
    return Response(
        export.lines(batches, query.format),
        content_type=MEDIA_TYPES[query.format],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


@room.get("/audit/checkpoints", responses={200: Page[CheckpointOut]}, summary="Signed checkpoints of the chain")
def list_checkpoints(query: PageQuery) -> Response:
    found = service.checkpoints(work())
    paged = listed(work().session, found, AuditCheckpoint.id, query)
    return page_of(CheckpointOut, paged)


@room.get("/audit/key", responses={200: PublicKey}, summary="The public key that checkpoints are signed with")
def get_key() -> Response:
    return answer(service.public_key(work(), signer()))
