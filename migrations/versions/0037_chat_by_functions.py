"""Turns of a chat are stored by functions, whose plans the server keeps."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

GO_ON = """
-- Appends what was said, and its answer, which is being written, to whatever the thread's last message is by now.
CREATE FUNCTION chat_go_on(turn jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    of_thread uuid := turn->>'thread_id';
    said_id uuid := turn->>'said_id';
    moment timestamptz := turn->>'moment';
    last_id uuid;
BEGIN
    SELECT message_id INTO last_id FROM chat_threads WHERE id = of_thread FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
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

END = """
-- Stores how an answer ended. Where it is not there, its turn is stored again first: a crash may have lost it.
CREATE FUNCTION chat_end(answer jsonb, turn jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR attempt IN 1..2 LOOP
        UPDATE chat_messages
           SET text = answer->>'text', status = answer->>'status', finish_reason = answer->>'finish_reason',
               content = nullif(answer->'content', 'null'), usage = nullif(answer->'usage', 'null'),
               error = nullif(answer->'error', 'null'), updated_at = (answer->>'moment')::timestamptz
         WHERE id = (answer->>'id')::uuid AND thread_id = (answer->>'thread_id')::uuid;
        EXIT WHEN FOUND OR turn IS NULL;
        PERFORM chat_go_on(turn);
    END LOOP;
END $$;
"""

TELL = """
-- Tells an event about a message as it is now, if it is there.
CREATE FUNCTION chat_tell(event jsonb, of_message uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    about jsonb;
BEGIN
    SELECT jsonb_build_object(
               'owner_id', thread.owner_id, 'project_id', thread.project_id, 'task_id', message.task_id,
               'data', jsonb_build_object(
                   'thread_id', thread.id, 'message_id', message.id, 'role', message.role, 'status', message.status,
                   'model', message.model))
      INTO about
      FROM chat_messages message JOIN chat_threads thread ON thread.id = message.thread_id
     WHERE message.id = of_message;
    IF FOUND THEN
        PERFORM event_append(jsonb_build_array(event || about));
    END IF;
END $$;
"""


def upgrade() -> None:
    for function in (GO_ON, END, TELL):
        op.execute(function)


def downgrade() -> None:
    for function in ("chat_tell(jsonb, uuid)", "chat_end(jsonb, jsonb)", "chat_go_on(jsonb)"):
        op.execute(f"DROP FUNCTION {function}")
