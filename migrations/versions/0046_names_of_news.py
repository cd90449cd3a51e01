"""The notification of new events says what they are called, so that nobody reads what they do not listen to."""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

APPEND = """
CREATE OR REPLACE FUNCTION event_append(given jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    added bigint := jsonb_array_length(given);
    newest bigint;
BEGIN
    UPDATE event_head SET seq = seq + added WHERE id = 1 RETURNING seq INTO STRICT newest;
    INSERT INTO events (seq, id, name, time, actor, owner_id, task_id, run_id, project_id, tags, data)
    SELECT newest - added + event.position, event.id, event.name, event.time, event.actor, event.owner_id,
           event.task_id, event.run_id, event.project_id, event.tags, event.data
      FROM ROWS FROM (
               jsonb_to_recordset(given)
                   AS (id uuid, name text, time timestamptz, actor text, owner_id uuid, task_id uuid, run_id uuid,
                       project_id uuid, tags text[], data jsonb)
           ) WITH ORDINALITY
             AS event (id, name, time, actor, owner_id, task_id, run_id, project_id, tags, data, position);
    PERFORM pg_notify('gateway_events', {payload});
END $$;
"""

NUMBER = "newest::text"
NUMBER_AND_NAMES = """left(newest || ' ' || (
        SELECT string_agg(DISTINCT told->>'name', ' ') FROM jsonb_array_elements(given) told), 1900)"""
"""Up to what PostgreSQL sends, 8,000 bytes, whatever letters names have. It is a hint only: what is cut off is found
all the same."""


def upgrade() -> None:
    op.execute(APPEND.format(payload=NUMBER_AND_NAMES))


def downgrade() -> None:
    op.execute(APPEND.format(payload=NUMBER))
