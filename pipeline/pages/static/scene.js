// One scene: its renderings swapped by a slider, beside the reference, with outlines and curves.
// The state is in the address after #: d distortion, l level, m mode, z zoom, x y, roi, c, w, g.
const SVG = "http://www.w3.org/2000/svg";
const COLORS = { exposure: "#c44e52", noise: "#8172b3", blur: "#4c72b0", contrast: "#dd8452", colorfulness: "#3f9a5f", compression: "#a57c6e" };
const byId = (id) => document.getElementById(id);
const id = byId("scene").dataset.scene;
const panes = { left: byId("left"), right: byId("right") };
const pictures = new Map(); // rendering_id -> Image
const state = { d: "", l: 10, m: "single", z: 0, x: 0.5, y: 0.5, roi: "", c: "quality", w: 50, g: 8 };
let view = null;

function say(text, bad = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("bad", bad);
}

async function load() {
  const reply = await fetch(`/explore/api/scene/${encodeURIComponent(id)}`);
  const told = await reply.json();
  if (!reply.ok) return say(told.error.message, true);
  view = told;
  const names = Object.keys(view.distortions);
  state.d = names[0] ?? "";
  recall();
  if (!names.includes(state.d)) state.d = names[0] ?? "";
  chooser(names);
  outlines();
  byId("about").textContent = [view.split, view.camera, `${view.rois.length} regions`].filter(Boolean).join(", ");
  byId("raw").textContent = JSON.stringify(view.about, null, 1);
  step("before", view.before);
  step("after", view.after);
  show();
}

function step(name, scene) {
  byId(name).hidden = !scene;
  if (scene) byId(name).href = `/explore/scene/${encodeURIComponent(scene)}`;
}

function recall() {
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    if (key in state) state[key] = typeof state[key] === "number" ? Number(value) || 0 : value;
  }
}

function remember() {
  const query = new URLSearchParams({ d: state.d, l: state.l, m: state.m, c: state.c });
  if (state.z) for (const key of ["z", "x", "y"]) query.set(key, Number(state[key].toFixed(4)));
  if (state.roi) query.set("roi", state.roi);
  if (state.m === "wipe") query.set("w", state.w);
  if (state.m === "difference") query.set("g", state.g);
  history.replaceState(null, "", `#${query}`);
  for (const name of ["before", "after"]) { // the same view of the next scene, but for its regions
    query.delete("roi");
    if (byId(name).href) byId(name).href = `${byId(name).href.split("#")[0]}#${query}`;
  }
}

function chooser(names) {
  for (const name of names) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", "radio");
    button.dataset.distortion = name;
    button.textContent = name;
    button.addEventListener("click", () => { state.d = name; show(); });
    byId("distortions").append(button);
  }
}

const levels = () => view.distortions[state.d] ?? [];
const rendering = () => levels().find((row) => row.level === state.l) ?? levels()[0] ?? view.reference;

function show() {
  const rows = levels();
  const bounds = rows.map((row) => row.level);
  if (bounds.length) {
    byId("level").min = Math.min(...bounds);
    byId("level").max = Math.max(...bounds);
    state.l = Math.min(Math.max(state.l, Math.min(...bounds)), Math.max(...bounds));
  }
  byId("level").disabled = !bounds.length;
  byId("level").value = byId("at").value = state.l;
  byId("wipe").value = state.w;
  byId("gain").value = String(state.g);
  byId("color").value = state.c;
  check("#distortions button", "distortion", state.d);
  check("#modes button", "mode", state.m);
  byId("wiping").hidden = state.m !== "wipe";
  byId("gaining").hidden = state.m !== "difference";
  panes.left.hidden = state.m !== "side" || !view.reference;
  byId("panes").classList.toggle("side", state.m === "side");
  const row = rendering();
  if (!row) return say("This scene has no renderings.", true);
  byId("parameter").value = row.unit === "mixed" ? "" : `${Number(row.parameter.toPrecision(4))} ${row.unit}`;
  const told = { difference: `|rendering − reference| × ${state.g}`, wipe: `reference | ${state.d} ${row.level}` };
  byId("tag").textContent = told[state.m] ?? `${state.d} ${row.level}`;
  byId("params").textContent = pretty(row.params);
  preload(rows);
  paint();
  color();
  chosen();
  remember();
}

function check(selector, key, value) {
  for (const button of document.querySelectorAll(selector)) {
    button.setAttribute("aria-checked", String(button.dataset[key] === value));
  }
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 1); } catch { return text; }
}

// Pictures: all levels of the distortion in view are fetched, the nearest first.
function picture(row) {
  if (!pictures.has(row.rendering_id)) {
    const image = new Image();
    image.onload = () => { if (needed(row)) paint(); };
    image.onerror = () => { if (needed(row)) say(`${row.rendering_id} cannot be shown`, true); };
    image.src = `/explore/api/image/${encodeURIComponent(id)}/${encodeURIComponent(row.rendering_id)}?v=${row.version}`;
    pictures.set(row.rendering_id, image);
  }
  return pictures.get(row.rendering_id);
}
const needed = (row) => row === rendering() || row === view.reference;
function preload(rows) {
  const kept = new Set([...rows, view.reference].map((row) => row?.rendering_id));
  for (const key of pictures.keys()) if (!kept.has(key) && pictures.size > 66) pictures.delete(key);
  if (view.reference) picture(view.reference);
  for (const row of [...rows].sort((a, b) => Math.abs(a.level - state.l) - Math.abs(b.level - state.l))) picture(row);
}
const ready = (image) => image.complete && image.naturalWidth > 0;

function paint() {
  const row = rendering(), image = picture(row);
  const reference = view.reference ? picture(view.reference) : null;
  const pair = ["wipe", "difference"].includes(state.m) && reference;
  if (!ready(image) || (pair && !ready(reference))) return say(`Loading ${row.rendering_id}…`);
  say("");
  if (!panes.left.hidden && ready(reference)) put(panes.left, reference);
  const context = put(panes.right, image);
  if (pair && state.m === "wipe") wipe(context, reference);
  if (pair && state.m === "difference") difference(context, reference);
  place();
}

function put(pane, image) {
  const canvas = pane.querySelector("canvas");
  if (canvas.width !== image.naturalWidth || canvas.height !== image.naturalHeight) {
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    pane.querySelector("svg").setAttribute("viewBox", `0 0 ${canvas.width} ${canvas.height}`);
  }
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context;
}

function wipe(context, reference) {
  const { width, height } = context.canvas, edge = Math.round(width * state.w / 100);
  if (edge) context.drawImage(reference, 0, 0, edge, height, 0, 0, edge, height);
  context.fillStyle = "#fff";
  context.fillRect(edge - 1, 0, 2, height);
}

function difference(context, reference) {
  const { width, height } = context.canvas;
  const mine = context.getImageData(0, 0, width, height);
  context.drawImage(reference, 0, 0, width, height);
  const other = context.getImageData(0, 0, width, height).data;
  for (let i = 0; i < mine.data.length; i += 1) {
    if (i % 4 !== 3) mine.data[i] = Math.abs(mine.data[i] - other[i]) * state.g; // clamped
  }
  context.putImageData(mine, 0, 0);
}

// Zoom: both panes in step. x and y are the centre as shares of the image; z 0 is to fit.
function place() {
  for (const pane of Object.values(panes)) {
    if (pane.hidden) continue;
    const canvas = pane.querySelector("canvas"), layer = pane.querySelector(".layer");
    const fit = Math.min(pane.clientWidth / canvas.width, pane.clientHeight / canvas.height);
    const scale = state.z ? state.z / devicePixelRatio : fit;
    const [w, h] = [canvas.width * scale, canvas.height * scale];
    layer.style.width = `${canvas.width}px`;
    layer.style.height = `${canvas.height}px`;
    const left = w <= pane.clientWidth ? (pane.clientWidth - w) / 2 : pane.clientWidth / 2 - state.x * w;
    const top = h <= pane.clientHeight ? (pane.clientHeight - h) / 2 : pane.clientHeight / 2 - state.y * h;
    layer.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    layer.classList.toggle("sharp", scale * devicePixelRatio >= 1);
    pane.classList.toggle("zoomed", state.z > 0);
  }
}
function zoom(to) {
  const pane = panes.right, canvas = pane.querySelector("canvas");
  const fit = Math.min(pane.clientWidth / canvas.width, pane.clientHeight / canvas.height) * devicePixelRatio;
  state.z = to === 0 || to <= fit * 1.001 ? (to === 1 ? 1 : 0) : Math.min(to, 16);
  if (!state.z) state.x = state.y = 0.5;
  place();
  remember();
}
function nowZoom() {
  const canvas = panes.right.querySelector("canvas");
  return state.z || Math.min(panes.right.clientWidth / canvas.width, panes.right.clientHeight / canvas.height) * devicePixelRatio;
}
function pan(dx, dy, pane) {
  const canvas = pane.querySelector("canvas"), scale = state.z / devicePixelRatio;
  state.x = Math.min(Math.max(state.x - dx / (canvas.width * scale), 0), 1);
  state.y = Math.min(Math.max(state.y - dy / (canvas.height * scale), 0), 1);
  place();
}

// Regions.
function outlines() {
  const largest = [...view.rois].sort((a, b) => b.area - a.area); // small ones on top
  for (const pane of Object.values(panes)) {
    for (const roi of largest) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", roi.path);
      path.dataset.roi = roi.roi_id;
      path.addEventListener("pointermove", (event) => tip(event, roi));
      path.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
      pane.querySelector("svg").append(path);
    }
  }
  for (const roi of view.rois) {
    const row = byId("rois").querySelector("tbody").insertRow();
    row.dataset.roi = roi.roi_id;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = short(roi);
    row.insertCell().append(button);
    row.insertCell().textContent = roi.class_name ?? roi.kind;
    for (const kind of ["number", "number", ""]) row.insertCell().className = kind;
    row.addEventListener("click", () => pick(roi.roi_id));
  }
}
const short = (roi) => roi.roi_id.slice(view.scene_id.length + 1);
const said = (roi, row = rendering()) => view.said[row.rendering_id]?.[roi.roi_id];
const word = (what, score) => {
  const level = Math.ceil(5 * score / view.tops[what] - 1e-9) - 1; // eq. 1
  return Math.min(Math.max(level, 0), 4);
};
const what = () => (state.c === "importance" ? "importance" : "quality");
const score = (label) => label?.[what() === "quality" ? 0 : 1];

function color() {
  const shown = view.reference && state.m === "side" ? { left: view.reference, right: rendering() } : { right: rendering() };
  for (const [name, row] of Object.entries(shown)) {
    panes[name].querySelector("svg").toggleAttribute("hidden", state.c === "none");
    for (const path of panes[name].querySelectorAll("path")) {
      const roi = view.rois.find((one) => one.roi_id === path.dataset.roi);
      const label = said(roi, row);
      const kind = label ? `w${word(what(), score(label))}` : "wnone";
      path.setAttribute("class", `${kind} ${roi.kind} ${roi.roi_id === state.roi ? "chosen" : ""}`);
    }
  }
  for (const row of byId("rois").querySelectorAll("tbody tr")) {
    const label = said(view.rois.find((one) => one.roi_id === row.dataset.roi));
    row.classList.toggle("chosen", row.dataset.roi === state.roi);
    row.cells[2].textContent = label ? label[0].toFixed(3) : "";
    row.cells[3].textContent = label ? label[1].toFixed(4) : "";
    row.cells[4].textContent = label ? label[2] : "";
  }
  const words = view.words[what()].map((name, n) => entry(name, `w${n}`));
  byId("legend").replaceChildren(...(state.c === "none" ? [] : words));
}

function entry(text, className, paint) {
  const item = document.createElement("li"), box = document.createElement("i"), name = document.createElement("span");
  if (className) item.className = className;
  if (paint) box.style.background = paint;
  name.textContent = text;
  item.append(box, name);
  return item;
}

function facts(roi) {
  const label = said(roi);
  const lines = [`${short(roi)} ${roi.class_name ?? roi.kind}, ${roi.area.toLocaleString("en")} px`];
  if (label) {
    lines.push(`quality ${label[0].toFixed(3)} (${view.words.quality[word("quality", label[0])]})`);
    lines.push(`importance ${label[1].toFixed(4)} (${view.words.importance[word("importance", label[1])]})`);
    lines.push(`label: ${label[2]}`);
  }
  return lines;
}
function tip(event, roi) {
  const box = byId("tip");
  box.textContent = facts(roi).join("\n");
  box.hidden = false;
  box.style.left = `${Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8)}px`;
  box.style.top = `${Math.min(event.clientY + 14, innerHeight - box.offsetHeight - 8)}px`;
}
function pick(roi) {
  state.roi = state.roi === roi ? "" : roi;
  color();
  chosen();
  remember();
}
function chosen() {
  const roi = view.rois.find((one) => one.roi_id === state.roi);
  byId("roi").hidden = !roi;
  if (!roi) return;
  const [first, ...others] = facts(roi);
  byId("roi").querySelector("h2").textContent = first;
  byId("roi").querySelector(".facts").textContent = others.join("; ") || "No label.";
  curve(roi);
}

// The region's score over the levels, a line a distortion.
const AREA = { left: 40, right: 352, top: 8, bottom: 172 };
function curve(roi) {
  const svg = byId("curve");
  svg.replaceChildren();
  const lines = Object.entries(view.distortions).map(([name, rows]) => [name, rows
    .map((row) => [row.level, score(said(roi, row)), row.rendering_id]).filter((p) => p[1] !== undefined)]);
  const values = lines.flatMap(([, points]) => points);
  const last = Math.max(1, ...values.map((p) => p[0]));
  const most = Math.max(what() === "quality" ? view.tops.quality : 1e-6, ...values.map((p) => p[1]));
  const least = Math.min(0, ...values.map((p) => p[1]));
  const x = (level) => AREA.left + (level - 1) / Math.max(last - 1, 1) * (AREA.right - AREA.left);
  const y = (value) => AREA.bottom - (value - least) / (most - least) * (AREA.bottom - AREA.top);
  for (const share of [0, 0.5, 1]) {
    const value = least + share * (most - least);
    mark(svg, "path", { d: `M${AREA.left} ${y(value)}H${AREA.right}`, class: "axis" });
    mark(svg, "text", { x: AREA.left - 4, y: y(value) + 4, "text-anchor": "end" }).textContent = Number(value.toPrecision(2));
  }
  for (const level of [1, 5, 10, 15, 20].filter((l) => l <= last)) {
    mark(svg, "text", { x: x(level), y: AREA.bottom + 14, "text-anchor": "middle" }).textContent = level;
  }
  mark(svg, "text", { x: AREA.right, y: AREA.bottom + 26, "text-anchor": "end" }).textContent = `${what()} by level`;
  for (const [name, points] of lines) {
    if (!points.length) continue;
    const mine = name === state.d;
    const d = "M" + points.map(([level, value]) => `${x(level).toFixed(1)} ${y(value).toFixed(1)}`).join("L");
    mark(svg, "path", { d, class: mine ? "line chosen" : "line", stroke: COLORS[name] ?? "#888", "data-line": name });
    for (const [level, value, key] of mine ? points : []) {
      const dot = mark(svg, "circle", { cx: x(level), cy: y(value), r: level === state.l ? 5 : 2.5, fill: COLORS[name] ?? "#888" });
      mark(dot, "title", {}).textContent = `${key}: ${value}`;
      dot.addEventListener("click", () => { state.l = level; show(); });
    }
  }
  byId("lines").replaceChildren(...lines.map(([name]) => {
    const item = entry(name, "", COLORS[name] ?? "#888"), button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(name === state.d));
    button.append(...item.childNodes);
    button.addEventListener("click", () => { state.d = name; show(); });
    item.append(button);
    return item;
  }));
}
function mark(parent, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

// Hands.
byId("level").addEventListener("input", (event) => { state.l = Number(event.target.value); show(); });
byId("wipe").addEventListener("input", (event) => { state.w = Number(event.target.value); show(); });
byId("gain").addEventListener("change", (event) => { state.g = Number(event.target.value); show(); });
byId("color").addEventListener("change", (event) => { state.c = event.target.value; show(); });
for (const button of document.querySelectorAll("#modes button")) {
  button.addEventListener("click", () => { state.m = button.dataset.mode; show(); });
}
byId("fit").addEventListener("click", () => zoom(0));
byId("one").addEventListener("click", () => zoom(1));
byId("in").addEventListener("click", () => zoom(nowZoom() * 1.5));
byId("out").addEventListener("click", () => zoom(nowZoom() / 1.5));
for (const pane of Object.values(panes)) {
  let held = null, moved = false;
  pane.addEventListener("pointerdown", (event) => {
    held = [event.clientX, event.clientY];
    moved = false;
    if (state.z) pane.setPointerCapture(event.pointerId);
  });
  pane.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [dx, dy] = [event.clientX - held[0], event.clientY - held[1]];
    if (!moved && Math.hypot(dx, dy) < 5) return;
    moved = true;
    if (!state.z) return;
    held = [event.clientX, event.clientY];
    pane.classList.add("held");
    pan(dx, dy, pane);
  });
  const release = (event) => {
    pane.classList.remove("held");
    const still = held && !moved;
    held = null;
    if (!still) return remember();
    const roi = document.elementsFromPoint(event.clientX, event.clientY).find((one) => one.dataset?.roi);
    if (roi) pick(roi.dataset.roi);
  };
  pane.addEventListener("pointerup", release);
  pane.addEventListener("pointercancel", () => { held = null; });
  pane.addEventListener("dblclick", () => zoom(state.z ? 0 : 1));
  pane.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !state.z) return;
    event.preventDefault();
    zoom(nowZoom() * Math.exp(-event.deltaY / 300));
  }, { passive: false });
}
new ResizeObserver(() => { if (view) place(); }).observe(byId("panes"));
addEventListener("hashchange", () => { recall(); if (view) show(); });

const MODES = ["single", "side", "wipe", "difference"];
const turned = (list, now, by) => list[(list.indexOf(now) + by + list.length) % list.length];
document.addEventListener("keydown", (event) => {
  if (!view || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  const names = Object.keys(view.distortions);
  const act = {
    ArrowLeft: () => { state.l -= 1; }, ArrowRight: () => { state.l += 1; },
    ArrowUp: () => { state.d = turned(names, state.d, -1); }, ArrowDown: () => { state.d = turned(names, state.d, 1); },
    m: () => { state.m = turned(MODES, state.m, 1); },
    c: () => { state.c = turned(["quality", "importance", "none"], state.c, 1); },
    r: () => { const ids = view.rois.map((one) => one.roi_id); state.roi = turned(ids, state.roi, 1) ?? ""; },
  }[event.key];
  if (act) { event.preventDefault(); act(); return show(); }
  if (event.key === "z") zoom(state.z ? 0 : 1);
  if (event.key === "0") zoom(0);
  if (event.key === "n" && view.after) location.assign(byId("after").href);
  if (event.key === "p" && view.before) location.assign(byId("before").href);
  if (event.key === "Escape") location.assign("/explore");
});
load();
