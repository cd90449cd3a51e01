#!/usr/bin/env bash
# Makes dist/user-api-gateway-VERSION.dmg on macOS: bash packaging/macos/build.sh [PYTHON]
# Signed by the identity that CODESIGN_IDENTITY names; without one, ad hoc, for this machine alone.
set -euo pipefail
cd "$(dirname "$0")/../.."

"${1:-python3}" packaging/bootstrap.py package
bin=build/venv/bin
"$bin/python" packaging/assets.py
"$bin/pyinstaller" --noconfirm --log-level ERROR --distpath build/selfcontained --workpath build/pyinstaller \
    packaging/selfcontained/gateway.spec

app="build/selfcontained/User API Gateway.app"
codesign --force --deep --options runtime --entitlements packaging/macos/entitlements.plist \
    --sign "${CODESIGN_IDENTITY:--}" "$app"

version=$("$bin/python" -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')
mkdir -p dist
image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT
cp -R "$app" "$image/"
ln -s /Applications "$image/Applications"
hdiutil create -quiet -ov -volname "User API Gateway" -srcfolder "$image" "dist/user-api-gateway-$version.dmg"
echo "dist/user-api-gateway-$version.dmg"
