// The wall: scenes by pages of the list, pictures as they come into view, the filters in the address.
const byId = (id) => document.getElementById(id);
const form = byId("filters"), wall = byId("wall"), end = byId("end");
const fields = form.elements;
let following = 0; // where the list goes on; null at its end
let turn = 0; // answers to older filters are dropped
let busy = false;

function restore() {
  const asked = new URLSearchParams(location.search);
  for (const [name, value] of asked) {
    const field = fields[name];
    if (field?.tagName === "SELECT" && ![...field.options].some((o) => o.value === value)) field.add(new Option(value));
    if (field) field.value = value;
  }
  tell();
}

function tell() {
  fields.at.value = fields.level.value;
  form.querySelector(".level").hidden = !fields.distortion.value;
}

function asked() {
  const query = new URLSearchParams();
  for (const name of ["split", "camera", "distortion", "label"]) if (fields[name].value) query.set(name, fields[name].value);
  if (fields.distortion.value) query.set("level", fields.level.value);
  return query;
}

function begin() {
  turn += 1; following = 0; busy = false;
  wall.replaceChildren();
  const query = asked();
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  more();
}

async function more() {
  if (busy || following === null) return;
  busy = true;
  const mine = turn, query = asked();
  query.set("from", following);
  end.textContent = "Reading…";
  try {
    const reply = await fetch(`/explore/api/scenes?${query}`);
    const told = await reply.json();
    if (mine !== turn) return;
    if (!reply.ok) throw new Error(told.error.message);
    for (const scene of told.scenes) wall.append(tile(scene));
    following = told.next;
    end.textContent = following === null ? `${wall.childElementCount} scenes, all shown.` : `${following} of ${told.of} read.`;
  } catch (error) {
    if (mine === turn) { end.textContent = error.message; following = null; }
  }
  busy = false;
  if (near()) more();
}

const near = () => end.getBoundingClientRect().top < innerHeight + 1200;

function tile(scene) {
  const link = document.createElement("a");
  const shown = fields.distortion.value ? `${fields.distortion.value}-${fields.level.value}` : "none-0";
  const hash = fields.distortion.value ? `#d=${fields.distortion.value}&l=${fields.level.value}` : "";
  link.href = `/explore/scene/${encodeURIComponent(scene.scene_id)}${hash}`;
  const image = document.createElement("img");
  image.loading = "lazy";
  image.decoding = "async";
  image.alt = "";
  image.src = `/explore/api/thumbnail/${encodeURIComponent(scene.scene_id)}/${shown}`;
  const name = document.createElement("span"), facts = document.createElement("span");
  name.className = "name";
  name.textContent = scene.scene_id;
  facts.textContent = [scene.split, scene.camera].filter(Boolean).join(", ");
  link.append(image, name, facts);
  return link;
}

async function choices() {
  const { splits, cameras } = await (await fetch("/explore/api/choices")).json();
  for (const [name, values] of [["split", splits], ["camera", cameras]]) {
    const there = new Set([...fields[name].options].map((o) => o.value));
    for (const value of values) if (!there.has(value)) fields[name].add(new Option(value));
  }
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => tell());
form.addEventListener("change", () => { tell(); begin(); });
addEventListener("scroll", () => { if (near()) more(); }, { passive: true });
addEventListener("resize", () => { if (near()) more(); });
restore();
begin();
choices();
