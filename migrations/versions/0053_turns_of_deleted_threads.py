"""A turn is refused where its thread is gone: who stores it has found the thread a while before"""

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

GO_ON = """
-- Appends what was said, and its answer, which is being written, to whatever the thread's last message is by now.
CREATE OR REPLACE FUNCTION chat_go_on(turn jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    of_thread uuid := turn->>'thread_id';
    said_id uuid := turn->>'said_id';
    moment timestamptz := turn->>'moment';
    last_id uuid;
BEGIN
    SELECT message_id INTO last_id FROM chat_threads WHERE id = of_thread FOR NO KEY UPDATE;
    {if_gone}
    UPDATE chat_threads
       SET message_id = (turn->>'answer_id')::uuid, last_activity_at = moment, updated_at = moment,
           version = version + 1
     WHERE id = of_thread;
    INSERT INTO chat_messages (id, thread_id, parent_id, role, text, content, status, model, created_at, updated_at)
    VALUES (said_id, of_thread, last_id, turn->>'role', turn->>'text', nullif(turn->'content', 'null'), 'complete',
            NULL, moment, moment),
           ((turn->>'answer_id')::uuid, of_thread, said_id, 'assistant', '', NULL, 'streaming', turn->>'model',
            moment, moment);
END $$;
"""

REFUSED = "-- Where the thread is gone, the messages' foreign key refuses them."
DROPPED = """IF NOT FOUND THEN
        RETURN;
    END IF;"""

END = """
-- Stores how an answer ended. Where it is not there, its turn is stored again first: a crash may have lost it.
CREATE OR REPLACE FUNCTION chat_end(answer jsonb, turn jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR attempt IN 1..2 LOOP
        UPDATE chat_messages
           SET text = answer->>'text', status = answer->>'status', finish_reason = answer->>'finish_reason',
               content = nullif(answer->'content', 'null'), usage = nullif(answer->'usage', 'null'),
               error = nullif(answer->'error', 'null'), updated_at = (answer->>'moment')::timestamptz
         WHERE id = (answer->>'id')::uuid AND thread_id = (answer->>'thread_id')::uuid;
        EXIT WHEN FOUND OR turn IS NULL;
        {if_gone}
        PERFORM chat_go_on(turn);
    END LOOP;
END $$;
"""

STAYS_GONE = """PERFORM FROM chat_threads WHERE id = (answer->>'thread_id')::uuid FOR NO KEY UPDATE;
        EXIT WHEN NOT FOUND;"""


def upgrade() -> None:
    op.execute(GO_ON.format(if_gone=REFUSED))
    op.execute(END.format(if_gone=STAYS_GONE))


def downgrade() -> None:
    op.execute(GO_ON.format(if_gone=DROPPED))
    op.execute(END.format(if_gone=""))
