"""Takes out of a stylesheet what no page of ours can use: a rule stays where all classes it names are words of ours."""

import re
from collections.abc import Iterator, Set

CLASS = re.compile(r"\.((?:\\.|[\w-])+)")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
WORD = re.compile(r"[A-Za-z_][\w-]*")
NESTING = ("@media", "@supports", "@container", "@layer")


def classes(css: str) -> set[str]:
    """The classes that a stylesheet names."""
    return set(CLASS.findall(css))


def words(text: str) -> set[str]:
    """What may be a class in a module or a template; most of it is not: too much is left rather than too little."""
    return set(WORD.findall(text))


def pruned(css: str, used: Set[str]) -> str:
    """The stylesheet without the selectors that need a class which is not `used`, and without rules of those alone."""
    licences = [comment for comment in COMMENT.findall(css) if comment.startswith("/*!")]
    rules = _rules(COMMENT.sub("", css))
    return "".join([*licences, *(_rule(head.strip(), body, used) for head, body in rules)])


def _rule(head: str, body: str | None, used: Set[str]) -> str:
    if body is None:
        return f"{head};"
    if head.startswith(NESTING):
        inner = pruned(body, used)
        return f"{head}{{{inner}}}" if inner else ""
    if head.startswith("@"):
        return f"{head}{{{body}}}"
    kept = [selector for selector, bare in _selectors(head) if classes(bare) <= used]
    return f"{','.join(kept)}{{{body}}}" if kept else ""


def _selectors(head: str) -> list[tuple[str, str]]:
    """Each selector of a list, whole and without what stands in brackets: `:is()` and `:not()` need none of theirs."""
    found = [("", "")]
    depth = 0
    for letter in head:
        depth -= letter in ")]"
        whole, bare = found[-1]
        if letter == "," and not depth:
            found.append(("", ""))
        else:
            found[-1] = (whole + letter, bare if depth else bare + letter)
        depth += letter in "(["
    return found


def _rules(css: str) -> Iterator[tuple[str, str | None]]:
    """Head and body of each rule at the top; a statement such as `@charset` has no body."""
    at = 0
    while mark := re.compile("[{;]").search(css, at):
        head, end = css[at : mark.start()], mark.end()
        depth = int(mark[0] == "{")
        while depth:
            brace = re.compile("[{}]").search(css, end)
            if brace is None:
                raise ValueError(f"a block that begins with {head[:60]!r} does not end")
            depth += 1 if brace[0] == "{" else -1
            end = brace.end()
        yield head, css[mark.end() : end - 1] if mark[0] == "{" else None
        at = end
