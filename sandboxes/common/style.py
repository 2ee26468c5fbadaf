"""The look of the pages."""

CSS = """
:root{--ink:#1c2430;--soft:#667085;--line:#e3e7ee;--back:#f5f7fa;--main:#1f5fbf;--good:#12714a;--bad:#b42318}
*{box-sizing:border-box}
body{margin:0;color:var(--ink);background:var(--back);font:14px/1.55 system-ui,"PingFang SC",
"Microsoft YaHei","Noto Sans CJK SC",sans-serif}
small{color:var(--soft);font-size:12px;font-weight:400}
header{display:flex;gap:16px;align-items:center;padding:0 24px;background:#fff;
border-bottom:1px solid var(--line);flex-wrap:wrap}
header strong{font-size:16px;padding:14px 0}
.badge{background:#fff4d6;color:#7a4d00;border-radius:10px;padding:1px 9px;font-size:12px}
nav{display:flex;gap:4px;margin-left:auto}
nav a{padding:14px 12px;color:var(--ink);text-decoration:none;border-bottom:2px solid transparent}
nav a.here{border-color:var(--main);font-weight:600}
main{max-width:1360px;margin:0 auto;padding:20px 24px 60px}
section>p:last-child{margin-bottom:0}
h1{font-size:20px;margin:0 0 14px}h2{font-size:15px;margin:0 0 10px}h3{font-size:14px;margin:0 0 8px}
form+h3{margin-top:18px}
table+form{margin-top:12px}
section{background:#fff;border:1px solid var(--line);border-radius:8px;padding:16px 18px;margin-bottom:16px}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:7px 10px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:500;white-space:nowrap}
tr:last-child>td,tr:last-child>th{border-bottom:0}
tr.bad td{color:var(--bad)}
td.number{font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
form+.scroll{margin-top:14px}
code,pre,.key{font:12.5px/1.5 ui-monospace,Consolas,"DejaVu Sans Mono","Noto Sans Mono CJK SC",monospace}
code{overflow-wrap:anywhere}pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
a{color:var(--main)}
form{display:flex;flex-wrap:wrap;gap:10px;align-items:end;margin:0}
label{display:flex;flex-direction:column;gap:2px}
label:has([type=checkbox]){flex-direction:row;align-items:center}
input,select,button{font:inherit;padding:5px 9px;border:1px solid #c9d0da;border-radius:6px;background:#fff}
input,select{min-width:150px;max-width:100%;height:34px}
select{max-width:560px}
[type=checkbox]{min-width:0;height:auto}
button,summary{cursor:pointer}
button{background:var(--main);border-color:var(--main);color:#fff}
button small{color:#d7e4fa}
button.danger{background:#fff;color:var(--bad);border-color:var(--bad)}
button.danger small{color:inherit}
div.deeds{display:flex;gap:8px;flex-wrap:wrap;align-items:flex-start}
section>div.deeds:not(:empty){margin:12px 0}
td>div.deeds{min-width:180px}
.deeds button,summary{padding:3px 9px;font-size:13px;border-radius:6px;border:1px solid var(--main);
background:#fff;color:var(--main)}
.deeds button small{color:var(--soft)}
.deeds details button{background:var(--main);color:#fff}.deeds details button small{color:#d7e4fa}
summary{list-style:none;white-space:nowrap}
details[open]{border:1px solid var(--line);border-radius:8px;padding:10px;background:var(--back)}
details[open] summary{border-color:transparent;background:none;padding-left:0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:14px}
.card{border:1px solid var(--line);border-radius:8px;padding:12px 14px}
.card label{flex:1 1 45%}
.pair{display:grid;grid-template-columns:3fr 2fr;gap:16px}
@media(max-width:900px){.pair{grid-template-columns:1fr}}
.said{background:#e8f5ee;color:var(--good);border:1px solid #b7e0c9;border-radius:8px;padding:10px 14px;
margin-bottom:16px}
.said.wrong{background:#fdecea;color:var(--bad);border-color:#f3c1bc}
.said code{display:block;color:var(--soft);margin-top:2px}
.nothing{color:var(--soft);margin:0}
.pager{margin:12px 0 0;color:var(--soft)}
ul{margin:12px 0 0;padding-left:18px;color:var(--soft)}
"""
