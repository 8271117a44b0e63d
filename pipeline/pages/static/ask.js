// Ask: a photograph, regions pointed at, masks at once and then answers. No other host is called.
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
const stage = byId("stage"), photo = byId("photo"), marks = byId("marks"), answers = byId("answers");
const colors = byId("tools").dataset.colors.split(" ");
let opened = null; // {id, name, width, height}
let regions = []; // {prompt, color, number, path, answer, element}
let current = null;
let found = []; // objects of the photograph
let mode = "new";
let cross = null; // where the keyboard points, in pixels of the photograph
let counted = 0;

async function call(path, options) {
  const reply = await fetch(path, options);
  if (!reply.ok) {
    const told = await reply.json().catch(() => null);
    throw new Error(told?.error?.message ?? `the server answered ${reply.status}`);
  }
  return reply;
}
const post = (path, values) => call(`/ask/api/photos/${opened.id}/${path}`, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(values),
});

function say(text, bad = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("bad", bad);
}

async function open(file) {
  say(`Opening ${file.name}…`);
  try {
    const query = new URLSearchParams({ name: file.name });
    const reply = await call(`/ask/api/photos?${query}`, { method: "POST", body: file });
    opened = await reply.json();
  } catch (error) {
    return say(error.message, true);
  }
  regions = []; current = null; found = []; cross = null; counted = 0;
  answers.replaceChildren();
  photo.src = `/ask/api/photos/${opened.id}/picture.jpg`;
  photo.alt = opened.name;
  await photo.decode().catch(() => {});
  stage.querySelector(".empty").hidden = true;
  photo.hidden = false;
  stage.style.setProperty("--ratio", opened.width / opened.height);
  stage.classList.add("filled");
  marks.setAttribute("viewBox", `0 0 ${opened.width} ${opened.height}`);
  choose("new");
  say(`${opened.name}, ${opened.width} × ${opened.height}. Click a region, or drag a box around it.`);
  draw();
}

function at(event) {
  const box = photo.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * opened.width;
  const y = (event.clientY - box.top) / box.height * opened.height;
  return [Math.min(Math.max(x, 0), opened.width - 1), Math.min(Math.max(y, 0), opened.height - 1)]
    .map((v) => Math.round(v * 10) / 10);
}

function point(place, how) {
  if (how === "add" && current?.prompt.add) {
    return ask(current, { add: [...current.prompt.add, place], remove: current.prompt.remove });
  }
  if (how === "remove") {
    if (!current?.prompt.add) return say("Point at a region first; then take a part of it away.", true);
    return ask(current, { add: current.prompt.add, remove: [...current.prompt.remove, place] });
  }
  return ask(null, { add: [place], remove: [] });
}

async function ask(region, prompt) {
  say("Looking for the region…");
  let mask;
  try {
    mask = await (await post("mask", prompt)).json();
  } catch (error) {
    return say(error.message, true);
  }
  if (region === null) {
    region = { number: ++counted, color: colors[(counted - 1) % colors.length] };
    region.element = card(region);
    regions.push(region);
  }
  Object.assign(region, { prompt, asked: mask.asked, path: mask.path, share: mask.share, answer: null });
  select(region);
  fill(region);
  say(`${mask.asked}: ${(100 * mask.share).toFixed(1)} % of the photograph.`);
  try {
    const answer = await (await post("answer", prompt)).json();
    if (region.prompt === prompt) region.answer = answer;
  } catch (error) {
    region.failed = error.message;
    say(error.message, true);
  }
  fill(region);
}

function card(region) {
  const element = byId("card").content.firstElementChild.cloneNode(true);
  const swatch = element.querySelector(".swatch");
  swatch.textContent = region.number;
  swatch.style.background = region.color;
  element.addEventListener("click", () => select(region));
  element.addEventListener("focus", () => select(region));
  element.querySelector(".close").addEventListener("click", (event) => {
    event.stopPropagation();
    regions = regions.filter((one) => one !== region);
    element.remove();
    select(regions.at(-1) ?? null);
  });
  answers.append(element);
  return element;
}

function fill(region) {
  const element = region.element, answer = region.answer?.answer;
  element.querySelector(".asked").textContent = region.asked;
  element.querySelector(".wait").hidden = Boolean(answer);
  element.querySelector(".wait").textContent = region.failed ?? "Asking…";
  element.querySelector(".said").hidden = !answer;
  if (answer) {
    element.querySelector(".sentence").textContent = answer.sentences.join(" ");
    scale(element.querySelector(".quality"), "Quality", answer.quality);
    scale(element.querySelector(".importance"), "Importance", answer.importance);
    const named = answer.distortions.map((d) =>
      [d.severity ? `${d.severity} ${d.name}` : d.name, d.probability, d.said]);
    const without = ["without", answer.without, !named.some((row) => row[2])];
    bars(element.querySelector(".distortions"), "Distortion named first", [without, ...named]);
  }
  byId("copy").disabled = byId("download").disabled = !regions.some((r) => r.answer);
}

function scale(element, name, said) {
  const rows = Object.entries(said.probabilities).map(([word, p]) => [word, p, word === said.word]);
  bars(element, `${name}: ${said.word}, ${said.score.toFixed(2)} of 4`, rows);
}

function bars(element, title, rows) {
  const heading = document.createElement("h3");
  heading.textContent = title;
  element.replaceChildren(heading);
  for (const [name, share, chosen] of rows) {
    const [label, track, value] = ["name", "track", "value"].map((kind) => {
      const part = document.createElement("span");
      part.className = kind;
      part.classList.toggle("chosen", chosen);
      element.append(part);
      return part;
    });
    label.textContent = name;
    value.textContent = `${Math.round(100 * share)} %`;
    const fill = document.createElement("span");
    fill.className = "fill";
    fill.style.width = `${100 * share}%`;
    track.append(fill);
  }
}

function select(region) {
  current = region;
  for (const one of regions) one.element.classList.toggle("current", one === region);
  byId("copy").disabled = byId("download").disabled = !regions.some((r) => r.answer);
  draw();
}

function shape(name, attributes, parent = marks) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

function draw(box = null) {
  if (!opened) return;
  marks.replaceChildren();
  const unit = opened.width / Math.max(photo.clientWidth, 1);
  for (const region of regions) {
    shape("path", { d: region.path, class: "halo" });
    const kind = region === current ? "region current" : "region";
    shape("path", { d: region.path, class: kind, stroke: region.color, fill: region.color });
  }
  for (const region of regions) {
    const dot = { r: 6 * unit, stroke: "#fff", "stroke-width": 2 * unit };
    for (const [x, y] of region.prompt.add ?? []) shape("circle", { cx: x, cy: y, fill: region.color, ...dot });
    for (const [x, y] of region.prompt.remove ?? []) shape("circle", { cx: x, cy: y, fill: "#000", ...dot });
  }
  if (mode === "objects") found.forEach((one, number) => {
    const path = shape("path", { d: one.path, class: "pick", tabindex: "0", role: "button" });
    path.setAttribute("aria-label", `object ${number + 1} ${one.class_name ?? ""}`);
    const pick = (event) => { event.stopPropagation(); ask(null, { object: number }); };
    path.addEventListener("click", pick);
    path.addEventListener("keydown", (event) => { if (event.key === "Enter") pick(event); });
  });
  if (box) shape("rect", { x: box[0], y: box[1], width: box[2], height: box[3], fill: "none", stroke: "#fff", "stroke-width": 2 * unit, "stroke-dasharray": `${6 * unit}` });
  if (cross) {
    const [x, y] = cross, arm = 14 * unit;
    shape("path", { d: `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`, stroke: "#fff", fill: "none", "stroke-width": 3 });
    shape("path", { d: `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`, stroke: "#000", fill: "none", "stroke-width": 1 });
  }
}

async function choose(name) {
  mode = name;
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-checked", String(button.dataset.mode === name));
  }
  stage.classList.toggle("drawing", name === "box");
  if (name === "objects" && opened && !found.length) {
    say("Looking for objects…");
    try {
      found = await (await call(`/ask/api/photos/${opened.id}/objects`)).json();
      say(found.length ? `${found.length} objects found: click one.` : "No object found; click a region instead.", !found.length);
    } catch (error) {
      say(error.message, true);
    }
  }
  draw();
}

let from = null;
stage.addEventListener("pointerdown", (event) => {
  if (!opened || event.button || event.target.classList.contains("pick")) return;
  from = { place: at(event), x: event.clientX, y: event.clientY, touch: event.pointerType === "touch" };
  stage.setPointerCapture(event.pointerId);
});
const dragged = (event) => from && (!from.touch || mode === "box")
  && Math.hypot(event.clientX - from.x, event.clientY - from.y) > 6;
const boxTo = (event) => {
  const [x, y] = at(event), [u, v] = from.place;
  return [Math.min(x, u), Math.min(y, v), Math.abs(x - u), Math.abs(y - v)];
};
stage.addEventListener("pointermove", (event) => { if (dragged(event)) draw(boxTo(event)); });
stage.addEventListener("pointercancel", () => { from = null; });
stage.addEventListener("pointerup", (event) => {
  if (!from) return;
  const box = dragged(event) ? boxTo(event) : null, place = from.place;
  from = null;
  if (box) return ask(null, { box });
  if (mode === "box") return say("Drag a box around the region.", true);
  if (mode === "objects") return;
  point(place, event.shiftKey ? "add" : event.altKey ? "remove" : mode);
});

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
stage.addEventListener("keydown", (event) => {
  if (!opened || event.target !== stage) return;
  if (STEPS[event.key]) {
    const step = opened.width / (event.shiftKey ? 200 : 40);
    cross ??= [opened.width / 2, opened.height / 2];
    cross = [cross[0] + STEPS[event.key][0] * step, cross[1] + STEPS[event.key][1] * step];
    cross = [Math.min(Math.max(cross[0], 0), opened.width - 1), Math.min(Math.max(cross[1], 0), opened.height - 1)];
    event.preventDefault();
    draw();
  } else if (event.key === "Enter" && cross) {
    point([...cross], mode);
  }
});
const KEYS = { n: "new", a: "add", r: "remove", b: "box", o: "objects" };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (KEYS[event.key]) choose(KEYS[event.key]);
  if (event.key === "Delete" && current) current.element.querySelector(".close").click();
});
for (const button of document.querySelectorAll("[data-mode]")) {
  button.addEventListener("click", () => choose(button.dataset.mode));
}

byId("file").addEventListener("change", (event) => { if (event.target.files[0]) open(event.target.files[0]); event.target.value = ""; });
document.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("over"); });
document.addEventListener("dragleave", () => stage.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  stage.classList.remove("over");
  const file = event.dataTransfer.files[0];
  if (file) open(file); else say("That is no file.", true);
});
document.addEventListener("paste", (event) => { const file = event.clipboardData?.files[0]; if (file) open(file); });
new ResizeObserver(() => draw()).observe(stage);

byId("copy").addEventListener("click", async () => {
  const { name, width, height } = opened;
  const text = JSON.stringify({ photo: name, width, height, regions: regions.map((r) => r.answer).filter(Boolean) }, null, 1);
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    say("The browser keeps its clipboard closed.", true);
  }
});
byId("download").addEventListener("click", async () => {
  say("Drawing…");
  try {
    const asked = regions.filter((r) => r.answer).map((r) => r.prompt);
    const content = await (await post("figure.png", { regions: asked })).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content);
    link.download = `${opened.name.replace(/\.[^.]*$/, "")}-answers.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    say("Downloaded.");
  } catch (error) {
    say(error.message, true);
  }
});
