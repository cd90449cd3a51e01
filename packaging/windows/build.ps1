# Makes dist\user-api-gateway-VERSION.exe, an installer, on Windows: powershell packaging\windows\build.ps1
# Needs Python 3.11 or newer, and Inno Setup 6 (winget install JRSoftware.InnoSetup).
$ErrorActionPreference = "Stop"
$PSNativeCommandUseErrorActionPreference = $true
Set-Location (Join-Path $PSScriptRoot "..\..")

py -3 packaging\bootstrap.py package
$bin = "build\venv\Scripts"
& "$bin\python.exe" packaging\assets.py
& "$bin\pyinstaller.exe" --noconfirm --log-level ERROR --distpath build\selfcontained --workpath build\pyinstaller `
    packaging\selfcontained\gateway.spec

$version = & "$bin\python.exe" -c "import tomllib; print(tomllib.load(open('pyproject.toml', 'rb'))['project']['version'])"
$inno = Get-ChildItem "${env:ProgramFiles(x86)}\Inno Setup 6\ISCC.exe", "$env:LOCALAPPDATA\Programs\Inno Setup 6\ISCC.exe" `
    -ErrorAction SilentlyContinue | Select-Object -First 1
if (-not $inno) { throw "Inno Setup 6 is missing; install it with: winget install JRSoftware.InnoSetup" }
& $inno.FullName /Qp "/DVersion=$version" packaging\windows\installer.iss
