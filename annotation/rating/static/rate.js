"use strict";
/* One item at a time: show, ask, send, go on. A vote is named here and kept until the server has
   acknowledged it, so that sending it twice counts once. */

const $ = (id) => document.getElementById(id);
const base = location.pathname.replace(/\/$/, "");
const pending = `vote ${base}`;
const form = $("questions");
const questions = [...document.querySelectorAll("[data-question]")];
let item = null; // what the server says comes next
let active = 0; // the marked question
let shownAt = 0;
let busy = false;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const newName = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

// ---- talking to the server --------------------------------------------------------------------

async function ask(path, body) {
  for (let tries = 0; ; tries += 1) {
    let answer;
    try {
      answer = await fetch(base + path, body === undefined ? { cache: "no-store" } : {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
      if (answer.status < 500) {
        const told = await answer.json();
        problem("");
        return answer.ok ? told : { refused: told.error.message, status: answer.status };
      }
    } catch { /* no connection: try again */ }
    problem("No connection to the study. Your last answer is kept here and sent again.");
    await wait(Math.min(1000 * 2 ** tries, 15000));
  }
}

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

async function start() {
  const kept = localStorage.getItem(pending);
  if (kept) await send(JSON.parse(kept));
  else show(await ask("/api/next"));
}

async function send(vote) {
  localStorage.setItem(pending, JSON.stringify(vote));
  const told = await ask("/api/vote", vote);
  localStorage.removeItem(pending);
  if (told.refused) {
    show(await ask("/api/next"));
    problem(told.refused);
  } else if (told.feedback) {
    feedback(told.feedback, told.next);
  } else {
    show(told.next);
  }
}

// ---- showing ----------------------------------------------------------------------------------

function show(next, answers = null) {
  if (next.refused) { note("This link does not work", next.refused, []); return; }
  item = next;
  $("undo").disabled = !next.undo;
  if (next.state === "done") {
    note("All done", "You have rated everything that was yours. Thank you. You may close the window.", []);
    where("Done", 1);
  } else if (next.state === "paused") {
    note("A pause", "The study's leader has paused your part. Your answers are kept; open your link again later.", []);
    where("Paused", 0);
  } else if (next.break && !answers) {
    const text = next.session === 1
      ? "The training is over. From here on nobody tells you what was done to a picture: say what you see."
      : "You have finished a session. Rest your eyes for some minutes. You may also close the window and go on another day.";
    note(next.session === 1 ? "Now the photographs" : "A break", text, [["Go on", () => showItem(next, null)]]);
    where(`${next.done} of ${next.total} done`, 0);
  } else {
    showItem(next, answers);
  }
}

function showItem(next, answers) {
  $("note").hidden = true;
  $("photo").hidden = form.hidden = false;
  form.reset();
  for (const [name, value] of Object.entries(answers ?? {})) {
    form.elements[name].value = String(value);
  }
  const session = next.training ? "Training" : `Session ${next.session} of ${next.sessions}`;
  where(`${session}: ${next.session_done + 1} of ${next.session_total}`, next.session_done / next.session_total);
  for (const path of ["shade", "line-dark", "line-light"]) $(path).removeAttribute("d");
  $("image").onload = () => {
    $("overlay").setAttribute("viewBox", `0 0 ${next.width} ${next.height}`);
    $("shade").setAttribute("d", `M0 0H${next.width}V${next.height}H0Z${next.outline}`);
    $("line-dark").setAttribute("d", next.outline);
    $("line-light").setAttribute("d", next.outline);
    layout();
    shownAt = performance.now();
    busy = false;
    changed();
    if (next.ahead) new Image().src = next.ahead;
  };
  $("image").onerror = () => problem("The photograph did not come. Reload the page to try again.");
  $("image").src = next.image;
  $("scroll").scrollTop = 0;
  mark(0);
  changed();
}

function where(text, share) {
  $("where").textContent = text;
  $("progress").value = share;
}

function note(title, text, buttons) {
  $("photo").hidden = form.hidden = true;
  $("note").hidden = false;
  const heading = document.createElement("h1");
  heading.textContent = title;
  const body = document.createElement("p");
  body.textContent = text;
  $("card").replaceChildren(heading, body, row(buttons));
  busy = false;
}

function row(buttons) {
  const line = document.createElement("p");
  line.className = "row";
  for (const [text, action] of buttons) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "primary";
    button.textContent = text;
    button.addEventListener("click", action);
    line.append(button);
    setTimeout(() => button.focus());
  }
  return line;
}

function feedback(rows, next) {
  note("What was done to this picture", "", [["Go on", () => show(next)]]);
  const table = document.createElement("table");
  const verdict = { right: "good", close: "", "look again": "warn" };
  const line = (cells, tag, kind = "") => {
    const tr = document.createElement("tr");
    for (const cell of cells) {
      const td = document.createElement(tag);
      td.textContent = cell;
      td.className = kind;
      tr.append(td);
    }
    table.append(tr);
  };
  line(["", "done", "you said", ""], "th");
  for (const r of rows) line([r.distortion, r.done, r.said, r.verdict], "td", verdict[r.verdict]);
  const wide = document.createElement("div");
  wide.className = "wide";
  wide.append(table);
  $("card").lastElementChild.before(wide);
}

// ---- the photograph ---------------------------------------------------------------------------

function scale() {
  const room = $("photo");
  const actual = 1 / devicePixelRatio;
  if (room.classList.contains("actual")) return actual;
  return Math.min(actual, (room.clientWidth - 4) / item.width, (room.clientHeight - 4) / item.height);
}

function layout() {
  if (!item || item.state !== "item" || form.hidden) return;
  const factor = scale();
  $("sheet").style.width = `${item.width * factor}px`;
  $("sheet").style.height = `${item.height * factor}px`;
  const [x, y, w, h] = item.box;
  $("photo").scrollLeft = (x + w / 2) * factor - $("photo").clientWidth / 2;
  $("photo").scrollTop = (y + h / 2) * factor - $("photo").clientHeight / 2;
}

function toggle(id, on) {
  const pressed = on ?? $(id).getAttribute("aria-pressed") !== "true";
  $(id).setAttribute("aria-pressed", pressed);
  return pressed;
}

const zoom = () => { $("photo").classList.toggle("actual", toggle("zoom")); layout(); };
const dim = () => { $("shade").toggleAttribute("hidden", !toggle("dim")); lines(); };
const hide = (on) => { toggle("hide", on); lines(); };

function lines() {
  const hidden = $("hide").getAttribute("aria-pressed") === "true";
  const dimmed = $("dim").getAttribute("aria-pressed") === "true";
  $("shade").style.display = dimmed && !hidden ? "" : "none";
  for (const id of ["line-dark", "line-light"]) $(id).style.display = hidden ? "none" : "";
}

// ---- the questions ----------------------------------------------------------------------------

function mark(number) {
  active = Math.max(0, Math.min(number, questions.length - 1));
  questions.forEach((question, n) => question.classList.toggle("active", n === active));
  questions[active].scrollIntoView({ block: "nearest" });
}

function answered(question) {
  return question.querySelector("input:checked") !== null;
}

function changed() {
  const left = questions.filter((question) => !answered(question)).length;
  $("send").disabled = busy || left > 0;
  $("left").textContent = left ? `${left} to answer` : "";
}

function choose(number) {
  const input = questions[active].querySelectorAll("input")[number - 1];
  if (!input) return;
  input.checked = true;
  forward();
}

function forward() {
  changed();
  const next = questions.findIndex((question, n) => n > active && !answered(question));
  if (next >= 0) mark(next);
}

form.addEventListener("change", (event) => {
  active = questions.findIndex((question) => question.contains(event.target));
  mark(active);
  forward();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (busy || item?.state !== "item" || questions.some((question) => !answered(question))) return;
  busy = true;
  changed();
  const answers = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, Number(value)]));
  send({
    vote: newName(), position: item.position, item: item.item, answers,
    seconds: Math.max(0, (performance.now() - shownAt) / 1000),
    window_width: innerWidth, window_height: innerHeight, zoom: scale() * devicePixelRatio,
  });
});

async function undo() {
  if (busy || !item?.undo) return;
  busy = true;
  const told = await ask("/api/undo", { vote: item.undo });
  busy = false;
  if (told.refused) problem(told.refused);
  else show(told.next, told.answers);
}

function help() {
  const now = item;
  note("", "", [["Back", () => { if (now.state === "item") back(); else show(now); }]]);
  $("card").prepend($("help-text").content.cloneNode(true));
}

function back() {
  $("note").hidden = true;
  $("photo").hidden = form.hidden = false;
  layout();
}

// ---- keys and buttons -------------------------------------------------------------------------

const KEYS = {
  u: undo, z: zoom, d: dim, h: () => hide(), "?": help,
  ArrowDown: () => mark(active + 1), ArrowUp: () => mark(active - 1),
  Enter: () => form.requestSubmit($("send").disabled ? undefined : $("send")),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (form.hidden) { if (event.key === "u") undo(); return; }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (/^[1-6]$/.test(key)) choose(Number(key));
  else if (key === "Enter" && event.target instanceof HTMLButtonElement && event.target.id !== "send") return;
  else if (KEYS[key]) KEYS[key]();
  else return;
  event.preventDefault();
});

for (const [id, action] of [["undo", undo], ["zoom", zoom], ["dim", dim], ["hide", () => hide()], ["help", help]]) {
  $(id).addEventListener("click", () => { action(); $(id).blur(); });
}
addEventListener("resize", layout);
lines();
start();
