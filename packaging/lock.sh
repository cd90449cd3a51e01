#!/usr/bin/env bash
# Renews the locks in requirements/ from pyproject.toml: exact versions with hashes for every platform and no
# addresses. Pins stay as they are unless asked otherwise: packaging/lock.sh PYTHON [--upgrade|--upgrade-package NAME]
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
shift

throw_away=$(mktemp -d)
trap 'rm -rf "$throw_away"' EXIT
"$python" -m venv "$throw_away"
"$throw_away/bin/pip" install --quiet --disable-pip-version-check uv

compile() {
    "$throw_away/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' "$@"
}
compile pyproject.toml -o requirements/run.txt "$@"
compile pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt "$@"
compile --group litellm -o requirements/litellm.txt "$@"
compile --group prefect -o requirements/prefect.txt "$@"
compile --group assets -o requirements/assets.txt "$@"
compile --group docs -c requirements/dev.txt -o requirements/docs.txt "$@"
compile pyproject.toml --group package -c requirements/dev.txt -o requirements/package.txt "$@"
compile --group build -c requirements/run.txt -o requirements/build.txt "$@"
