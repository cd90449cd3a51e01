"""The wire's common shapes."""

from gateway.core.schemas import In, PageQuery


class Narrower(PageQuery):
    """A list's own filters."""

    name: str = ""


def test_a_request_finds_the_schema_of_its_query_made() -> None:
    assert PageQuery.model_json_schema() is PageQuery.model_json_schema()
    of_pages, narrower = (query.model_json_schema()["properties"] for query in (PageQuery, Narrower))
    assert set(narrower) - set(of_pages) == {"name"}
    assert In.model_json_schema()["additionalProperties"] is False


def test_a_schema_made_for_a_document_is_its_own() -> None:
    described = Narrower.model_json_schema(ref_template="#/components/schemas/{model}")
    assert described == Narrower.model_json_schema()
    described.clear()
    assert Narrower.model_json_schema()["title"] == "Narrower"
