"""The operator's page: a shell without data that fetches ``/console/rows`` with the token.

The token is kept in the page's memory only: it is gone with the tab.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from store_forward.gateway.console_words import NOTES, REFUSALS, SECTIONS, VERDICTS

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def _options(words: Mapping[str, str]) -> str:
    return "".join(
        f'<option value="{escape(code)}">{escape(text)}</option>\n' for code, text in words.items()
    )


def _choices(words: Mapping[str, str]) -> str:
    return "".join(
        f'<label><input type="radio" name="verdict" value="{escape(code)}" required>'
        f" {escape(text)}</label>\n"
        for code, text in words.items()
    )


HTML = f"""<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Outpost 网关</title>
<link rel="stylesheet" href="/console/console.css">
<script src="/console/console.js" defer></script>
</head>
<body>
<header>
<h1>Outpost 网关</h1>
<form id="login">
<label>操作员口令 <input id="token" type="password" autocomplete="off"></label>
<button>查看</button>
</form>
<p id="state" role="status"></p>
</header>
<main id="rows"></main>
<dialog id="decision" aria-labelledby="decision-title">
<form id="verdict">
<h2 id="decision-title">处理事项</h2>
<dl id="case"></dl>
<fieldset>
<legend>处理结果</legend>
{_choices(VERDICTS)}</fieldset>
<label>处理方式
<select id="note" required>
<option value="">请选择</option>
{_options(NOTES)}</select></label>
<label>经办人工号
<input id="by" required maxlength="64" pattern="[A-Za-z0-9._:\\-]+" autocomplete="off"></label>
<p>确认后由网关签名并下发自助机，不可更改。</p>
<p id="refusal" role="alert"></p>
<p><button id="confirm">确认处理</button> <button id="cancel" type="button">取消</button></p>
</form>
</dialog>
</body>
</html>
"""

STYLE = """
:root { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; color: #16202c; }
[hidden] { display: none !important; }
body { margin: 0; background: #f4f6f8; }
header { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: center;
  padding: 1rem 2rem; background: #fff; border-bottom: 1px solid #d5dce3; }
h1 { font-size: 1.25rem; margin: 0; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
main { padding: 0 2rem 3rem; }
section { overflow-x: auto; }
table { border-collapse: collapse; background: #fff; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .75rem; border: 1px solid #d5dce3; text-align: left; white-space: nowrap; }
th { background: #eaeff3; font-weight: 600; }
.empty { color: #5a6876; }
dialog { max-width: 34rem; border: 1px solid #8a97a4; border-radius: .5rem; padding: 1rem 1.5rem; }
dialog h2 { margin-top: 0; font-size: 1.15rem; }
dialog label { display: block; margin: .5rem 0; }
dialog fieldset { border: 1px solid #d5dce3; }
dl { display: grid; grid-template-columns: max-content auto; gap: .25rem 1rem; }
dt { color: #5a6876; }
dd { margin: 0; overflow-wrap: anywhere; }
#refusal { color: #a3121f; min-height: 1.5em; }
"""

_WORDS = json.dumps(
    {"sections": SECTIONS, "refusals": REFUSALS}, ensure_ascii=False, sort_keys=True
)

SCRIPT = (
    f'"use strict";\nconst words = {_WORDS};\n'
    + """
const state = document.getElementById("state");
const main = document.getElementById("rows");
const dialog = document.getElementById("decision");
const verdictForm = document.getElementById("verdict");
const refusal = document.getElementById("refusal");
let token = "";
let timer = 0;
let chosen = null;

function element(name, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text === null ? "" : String(text);
  return made;
}

function yuan(fen) { return (fen / 100).toFixed(2); }

function asRows(name, value) {
  if (Array.isArray(value)) return value;
  const label = name === "ledger" ? "account" : "schedule";
  return Object.entries(value).map(([key, number]) =>
    name === "ledger" ? { [label]: key, yuan: yuan(number) } : { [label]: key, free: number });
}

function cell(row, column) {
  if (column !== "verdicts") {
    return element("td", column.endsWith("_fen") ? yuan(row[column]) : row[column]);
  }
  const made = element("td");
  if (row.verdicts.length > 0) {
    const button = element("button", "处理");
    button.type = "button";
    button.addEventListener("click", () => ask(row));
    made.append(button);
  }
  return made;
}

function table(rows) {
  if (rows.length === 0) {
    const none = element("p", "无");
    none.className = "empty";
    return none;
  }
  const made = element("table");
  const head = made.createTHead().insertRow();
  const columns = Object.keys(rows[0]);
  for (const column of columns) head.append(element("th", column.replaceAll("_", " ")));
  const body = made.createTBody();
  for (const row of rows) body.insertRow().append(...columns.map((column) => cell(row, column)));
  return made;
}

async function show() {
  clearTimeout(timer);
  try {
    const answer = await fetch("/console/rows", { headers: { Authorization: `Bearer ${token}` } });
    if (answer.status === 401) { state.textContent = words.refusals.operator_token; return; }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const all = await answer.json();
    main.replaceChildren(...Object.entries(all).map(([name, value]) => {
      const part = element("section");
      const title = `${words.sections[name] ?? ""} ${name.replaceAll("_", " ")}`;
      part.append(element("h2", title.trim()), table(asRows(name, value)));
      return part;
    }));
    state.textContent = `更新时间 ${new Date().toLocaleTimeString()}`;
  } catch (fault) {
    state.textContent = `网关无应答：${fault.message}`;
  }
  timer = setTimeout(show, 5000);
}

function ask(row) {
  chosen = row;
  const facts = [["事项", row.meaning], ["自助机", row.device], ["凭条号", row.slip_code],
    ["订单", row.order_id], ["涉及金额", row.amount_fen ? `${yuan(row.amount_fen)} 元` : null],
    ["发生时间", row.opened_at], ["编号", row.case_id]];
  document.getElementById("case").replaceChildren(...facts
    .filter(([, value]) => value)
    .flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  for (const choice of verdictForm.elements.verdict) {
    choice.checked = false;
    choice.disabled = !row.verdicts.includes(choice.value);
    choice.parentElement.hidden = choice.disabled;
  }
  document.getElementById("note").value = "";
  refusal.textContent = "";
  dialog.showModal();
}

async function decide() {
  const confirm = document.getElementById("confirm");
  confirm.disabled = true;
  refusal.textContent = "";
  try {
    const answer = await fetch(`/v1/cases/${encodeURIComponent(chosen.case_id)}/resolve`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({
        device: chosen.device,
        verdict: verdictForm.elements.verdict.value,
        by: document.getElementById("by").value,
        note: document.getElementById("note").value,
      }),
    });
    if (answer.ok) {
      dialog.close();
      await show();
      return;
    }
    const problem = await answer.json();
    refusal.textContent = words.refusals[problem.code] ?? `处理未成功：${problem.code}`;
  } catch (fault) {
    refusal.textContent = `网关无应答，请重试：${fault.message}`;
  } finally {
    confirm.disabled = false;
  }
}

verdictForm.addEventListener("submit", (event) => {
  event.preventDefault();
  decide();
});

document.getElementById("cancel").addEventListener("click", () => dialog.close());

document.getElementById("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = document.getElementById("token").value;
  show();
});
"""
)
