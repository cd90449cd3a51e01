"""Why a run happened, and what came of it: one graph of what was written down and of what rooms know."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from gateway.core import policy, tombstones
from gateway.core.unit_of_work import Work
from gateway.core.whys import Edge, Ref, Thing, Traceable
from gateway.features.runs import service as runs

from . import queries
from .schemas import TraceEdge, TraceNode, TraceOut

Kinds = Mapping[str, Traceable]

MOST_THINGS = 200
DEEPEST = 30


def trace(work: Work, kinds: Kinds, run_id: uuid.UUID) -> TraceOut:
    """The graph around a run: all that it came of, and all that came of it and of its task. Raises NotFound."""
    run = runs.get(work, run_id)
    graph = Graph(work, kinds)
    graph.walk({Ref("runs", run.id)}, upwards=True)
    graph.walk({Ref("runs", run.id), *([Ref("tasks", run.task_id)] if run.task_id else [])}, upwards=False)
    nodes = graph.nodes()
    return TraceOut(run_id=run.id, nodes=nodes, edges=graph.edges(), is_cut=graph.is_cut)


class Graph:
    """What has been found until now."""

    def __init__(self, work: Work, kinds: Kinds) -> None:
        self._work = work
        self._kinds = kinds
        self._refs: dict[Ref, None] = {}
        self._edges: dict[tuple[Ref, Ref], Edge] = {}
        self.is_cut = False

    def walk(self, start: set[Ref], *, upwards: bool) -> None:
        """Follows edges from `start`, step by step, to causes or to effects."""
        frontier = start
        self._refs |= dict.fromkeys(sorted(start))
        for _ in range(DEEPEST):
            found: set[Ref] = set()
            for edge in self._touching(frontier, upwards=upwards):
                here, there = (edge.effect, edge.cause) if upwards else (edge.cause, edge.effect)
                if here not in frontier or here == there:
                    continue
                if there not in self._refs and len(self._refs) + len(found - self._refs.keys()) >= MOST_THINGS:
                    self.is_cut = True
                    continue
                self._edges.setdefault((edge.cause, edge.effect), edge)
                found.add(there)
            frontier = found - self._refs.keys()
            self._refs |= dict.fromkeys(sorted(frontier))
            if not frontier:
                return
        self.is_cut = True

    def nodes(self) -> list[TraceNode]:
        """The things, those that the caller may see with what is to be seen of them, causes first."""
        known: dict[Ref, Thing] = {}
        gone: dict[Ref, tombstones.Tombstone] = {}
        for kind, ids in _by_kind(self._refs).items():
            if kind in self._kinds and policy.is_in_scope(self._work.actor, self._kinds[kind].action):
                known |= {thing.ref: thing for thing in self._kinds[kind].things(self._work, ids)}
            missing = [id_ for id_ in ids if Ref(kind, id_) not in known]
            for grave in tombstones.find(self._work.session, self._work.actor, kind, missing) if missing else ():
                gone[Ref(kind, grave.id)] = grave
        order = sorted(self._refs, key=lambda ref: (known[ref].time.timestamp() if ref in known else 0.0, ref.id))
        return [_node(ref, known.get(ref), gone.get(ref)) for ref in order]

    def edges(self) -> list[TraceEdge]:
        """The edges between them."""
        return [
            TraceEdge(
                cause_kind=edge.cause.kind, cause_id=edge.cause.id, effect_kind=edge.effect.kind,
                effect_id=edge.effect.id, reason=edge.reason,
            )
            for edge in self._edges.values()
        ]  # fmt: skip

    def _touching(self, frontier: set[Ref], *, upwards: bool) -> Iterable[Edge]:
        read: Callable[..., Iterable[object]] = queries.causes_of if upwards else queries.effects_of
        written = list(read(self._work.session, [ref.id for ref in frontier], MOST_THINGS + 1))
        self.is_cut = self.is_cut or len(written) > MOST_THINGS
        yield from (_written(cause) for cause in written[:MOST_THINGS])
        by_kind = _by_kind(frontier)
        for kind in self._kinds.values():
            yield from kind.edges(self._work, by_kind)


def _written(cause: object) -> Edge:
    ends = [Ref(getattr(cause, f"{end}_kind"), getattr(cause, f"{end}_id")) for end in ("cause", "effect")]
    return Edge(ends[0], ends[1], getattr(cause, "reason"))  # noqa: B009


def _by_kind(refs: Iterable[Ref]) -> dict[str, list[uuid.UUID]]:
    found: dict[str, list[uuid.UUID]] = defaultdict(list)
    for ref in refs:
        found[ref.kind].append(ref.id)
    return found


def _node(ref: Ref, thing: Thing | None, grave: tombstones.Tombstone | None) -> TraceNode:
    return TraceNode(
        kind=ref.kind, id=ref.id, title=thing.title if thing else None, status=thing.status if thing else None,
        time=thing.time if thing else None, ended_at=thing.ended_at if thing else None,
        by=thing.by if thing else None, purged_at=grave.purged_at if grave else None,
    )  # fmt: skip
