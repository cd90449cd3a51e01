"""Lists are sorted by what an index gives alone: a further order is a column without nulls, unique or with the key."""

import re

from gateway import registry
from gateway.core.database import Base
from tests.structure.test_structure import ROOT

SORTS = re.compile(r'sorts=\{"(\w+)": (\w+)\.(\w+)\}')

TIED = re.compile(r'"(\w+)": Tied\((\w+)\.(\w+)\)')


def test_every_further_order_of_a_list_has_a_unique_index_and_no_nulls() -> None:
    registry.load_tables()
    tables = {mapper.class_.__name__: mapper.class_.__table__ for mapper in Base.registry.mappers}
    found = [order for path in ROOT.glob("gateway/**/api*.py") for order in SORTS.findall(path.read_text())]
    assert len(found) > 5
    for name, model, column in found:
        described = tables[model].c[column]
        assert name == column
        assert described.unique, f"{model}.{column}"
        assert not described.nullable, f"{model}.{column}"


def test_every_order_with_ties_has_an_index_that_goes_on_with_the_key() -> None:
    registry.load_tables()
    tables = {mapper.class_.__name__: mapper.class_.__table__ for mapper in Base.registry.mappers}
    found = [order for path in ROOT.glob("gateway/**/api*.py") for order in TIED.findall(path.read_text())]
    assert len(found) == 3
    for name, model, attribute in found:
        table = tables[model]
        assert name in (attribute, f"{attribute}_s")
        assert attribute not in table.c or not table.c[attribute].nullable, f"{model}.{attribute}"
        assert f"ix_{table.name}_{attribute}_id" in {index.name for index in table.indexes}, f"{model}.{attribute}"
