"""Routes of agents."""

from flask import Response

from gateway.core.http.answers import answer, page_of
from gateway.core.http.room import Room, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page, PageQuery

from . import service, service_questions, service_steps
from .models import AgentFinding, AgentQuestion, AgentStep
from .schemas import AnswerIn, FindingOut, QuestionOut, QuestionQuery, StepOut

room = Room("agents", __name__, title="Agents")


@room.get(
    "/tasks/<uuid:id>/findings",
    responses={200: Page[FindingOut]},
    summary="What was found about each answer, criterion by criterion, oldest first",
)
def get_findings(path: IdPath, query: PageQuery) -> Response:
    found = service.findings(work(), path.id)
    paged = listed(work().session, found, AgentFinding.id, query, oldest_first=True)
    return page_of(FindingOut, paged)


@room.get(
    "/tasks/<uuid:id>/steps",
    responses={200: Page[StepOut]},
    summary="What the agent did for a task, oldest first",
)
def get_steps(path: IdPath, query: PageQuery) -> Response:
    found = service_steps.steps(work(), path.id)
    paged = listed(work().session, found, AgentStep.id, query, oldest_first=True)
    return page_of(StepOut, paged)


@room.get("/questions", responses={200: Page[QuestionOut]}, summary="What the agent asks, newest first")
def list_questions(query: QuestionQuery) -> Response:
    found = service_questions.visible(work(), status=query.status, task_id=query.task_id)
    paged = listed(work().session, found, AgentQuestion.id, query)
    return page_of(QuestionOut, paged)


@room.get("/questions/<uuid:id>", responses={200: QuestionOut}, summary="One question")
def get_question(path: IdPath) -> Response:
    return answer(QuestionOut.model_validate(service_questions.get(work(), path.id)))


@room.post("/questions/<uuid:id>/answer", responses={200: QuestionOut}, summary="Answer a question, once")
def answer_question(path: IdPath, body: AnswerIn) -> Response:
    return answer(QuestionOut.model_validate(service_questions.answer(work(), path.id, body.answer)))
