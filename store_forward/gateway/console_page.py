"""The operator's page: a shell without data that fetches ``/console/rows`` with the token.

The token is kept in the page's memory only: it is gone with the tab.
"""

from __future__ import annotations

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Outpost gateway</title>
<link rel="stylesheet" href="/console/console.css">
<script src="/console/console.js" defer></script>
</head>
<body>
<header>
<h1>Outpost gateway</h1>
<form id="login">
<label>Operator token <input id="token" type="password" autocomplete="off"></label>
<button>Show</button>
</form>
<p id="state" role="status"></p>
</header>
<main id="rows"></main>
</body>
</html>
"""

STYLE = """
:root { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; color: #16202c; }
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
"""

SCRIPT = """
"use strict";
const state = document.getElementById("state");
const main = document.getElementById("rows");
let token = "";
let timer = 0;

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

function table(rows) {
  if (rows.length === 0) {
    const none = element("p", "none");
    none.className = "empty";
    return none;
  }
  const made = element("table");
  const head = made.createTHead().insertRow();
  const columns = Object.keys(rows[0]);
  for (const column of columns) head.append(element("th", column.replaceAll("_", " ")));
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const column of columns) {
      const value = row[column];
      line.append(element("td", column.endsWith("_fen") ? yuan(value) : value));
    }
  }
  return made;
}

async function show() {
  clearTimeout(timer);
  try {
    const answer = await fetch("/console/rows", { headers: { Authorization: `Bearer ${token}` } });
    if (answer.status === 401) { state.textContent = "The token is not right."; return; }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const all = await answer.json();
    main.replaceChildren(...Object.entries(all).map(([name, value]) => {
      const part = element("section");
      part.append(element("h2", name.replaceAll("_", " ")), table(asRows(name, value)));
      return part;
    }));
    state.textContent = `As of ${new Date().toLocaleTimeString()}`;
  } catch (fault) {
    state.textContent = `The gateway does not answer: ${fault.message}`;
  }
  timer = setTimeout(show, 5000);
}

document.getElementById("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = document.getElementById("token").value;
  show();
});
"""
