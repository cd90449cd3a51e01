; The installer for one user, without administrator's rights; Version is given by build.ps1.
[Setup]
AppId=org.userapigateway.Gateway
AppName=User API Gateway
AppVersion={#Version}
AppPublisher=The User API Gateway authors
DefaultDirName={autopf}\User API Gateway
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
DisableProgramGroupPage=yes
ChangesEnvironment=yes
CloseApplications=yes
Compression=lzma2
SolidCompression=yes
LicenseFile=..\..\LICENSE
SetupIconFile=..\icons\user-api-gateway.ico
UninstallDisplayIcon={app}\user-api-gateway-window.exe
OutputDir=..\..\dist
OutputBaseFilename=user-api-gateway-{#Version}

[Files]
Source: "..\..\build\selfcontained\user-api-gateway\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[InstallDelete]
; What an earlier version had and this one has not.
Type: filesandordirs; Name: "{app}\_internal"

[Icons]
Name: "{autoprograms}\User API Gateway"; Filename: "{app}\user-api-gateway-window.exe"

[Tasks]
Name: path; Description: "Add the command user-api-gateway to the search path"; Flags: unchecked

[Registry]
Root: HKCU; Subkey: "Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path; \
  Check: not InPath

[Run]
Filename: "{app}\user-api-gateway-window.exe"; Description: "Open User API Gateway"; Flags: nowait postinstall skipifsilent

[Code]
{ Where the program's folder stands in a search path: its semicolon in `;PATH;`, 0 where it is not. }
function PlaceIn(Path: String): Integer;
begin
  Result := Pos(';' + Uppercase(ExpandConstant('{app}')) + ';', ';' + Uppercase(Path) + ';');
end;

function InPath: Boolean;
var
  Path: String;
begin
  Result := RegQueryStringValue(HKCU, 'Environment', 'Path', Path) and (PlaceIn(Path) > 0);
end;

{ The entry in Path is a part of a value that is others' too, so [Registry] cannot take it back. }
procedure CurUninstallStepChanged(CurUninstallStep: TUninstallStep);
var
  Path: String;
  Place: Integer;
begin
  if (CurUninstallStep <> usUninstall) or not RegQueryStringValue(HKCU, 'Environment', 'Path', Path) then
    exit;
  Place := PlaceIn(Path);
  if Place > 0 then
  begin
    Path := ';' + Path;
    Delete(Path, Place, Length(ExpandConstant('{app}')) + 1);
    Delete(Path, 1, 1);
    RegWriteExpandStringValue(HKCU, 'Environment', 'Path', Path);
  end;
end;
