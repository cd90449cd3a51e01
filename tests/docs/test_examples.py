"""What the documentation tells a reader to type is typed here, against a real gateway."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import LiveGateway
from tests.docs.pages import PAGES, ROOT, RUN, SHOWN, Page

DOCUMENTED_ADDRESS = "127.0.0.1:12080"
MARK = "=== block at line "
RUNNABLE = [page for page in PAGES if any(block.language in RUN for block in page.blocks)]


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_the_commands_of_a_page_work_in_order(page: Page, live_gateway: LiveGateway, tmp_path: Path) -> None:
    """`sh` and `python` blocks run in one shell; an `output` block is what the block before it prints, `…` any text."""
    for name in ("app.py", "packaging"):
        (tmp_path / name).symlink_to(ROOT / name)
    address = live_gateway.url.removeprefix("http://")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script_of(page).replace(DOCUMENTED_ADDRESS, address)],
        cwd=tmp_path, env=environment(live_gateway), capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    printed = {
        int(line): text for line, text in re.findall(rf"{MARK}(\d+)\n(.*?)(?={MARK}|\Z)", done.stdout, re.DOTALL)
    }
    for block, after in zip(page.blocks, page.blocks[1:], strict=False):
        if after.language == "output":
            assert fits(after.text, printed[block.line]), f"line {after.line}: not {printed[block.line]}"


def script_of(page: Page) -> str:
    """The page's runnable blocks, each announced by its line."""
    script = []
    for block in page.blocks:
        if block.language in RUN:
            script.append(f"echo '{MARK}{block.line}'")
            script.append(block.text if block.language == "sh" else f"python - <<'PYTHON'\n{block.text}PYTHON")
    return "\n".join(script)


def environment(gateway: LiveGateway) -> dict[str, str]:
    """A user's shell: `python` is the project's, the data directory the gateway's, and `TOKEN` is set."""
    return {
        **gateway.env,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GATEWAY_DATA_DIR": str(gateway.data_dir),
        "TOKEN": gateway.token,
        "NO_PROXY": "127.0.0.1",
    }


def fits(shown: str, printed: str) -> bool:
    """Whether `printed` is `shown`, where `…` stands for any text."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def test_every_fenced_block_says_what_it_is() -> None:
    """So that no example escapes these tests by a misspelt language."""
    odd = [f"{page.name}:{block.line}" for page in PAGES for block in page.blocks if block.language not in RUN + SHOWN]
    assert odd == []
