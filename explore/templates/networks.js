// The first screen: both trained networks compute here, on the same image and under the same masks.
async function loadNetwork(name) {
  const { shapes, dense, others } = data.networks.networks[name];
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b));
  const [values, bytes] = [new Float32Array((await inflate(others)).buffer), new Int8Array((await inflate(dense)).buffer)];
  const units = shapes[3][0];
  sizes[2] = units; // a scale per unit
  let start = 0;
  const parts = sizes.map((size) => values.subarray(start, start += size));
  const [scale, kernel] = [parts[2], new Float32Array(bytes.length)];
  for (let i = 0; i < bytes.length; i++) kernel[i] = bytes[i] * scale[i % units];
  parts[2] = kernel;
  return { name, weights: parts, off: new Set() };
}
const networks = await Promise.all(["no_dropout", "dropout"].map(loadNetwork));
const images = await inflate(data.networks.images);
const height = 28, width = 28, area = height * width;

function computeUnits([kernel, bias, dense, denseBias], pixels) {
  const filters = bias.length, units = Float32Array.from(denseBias);
  const [rows, columns] = [Math.floor((height - 2) / 2), Math.floor((width - 2) / 2)];
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) for (let f = 0; f < filters; f++) {
    let most = 0; // ReLU
    for (let k = 0; k < 4; k++) {
      let sum = bias[f];
      for (let w = 0; w < 9; w++) {
        sum += pixels[(2 * y + (k >> 1) + Math.floor(w / 3)) * width + 2 * x + (k & 1) + (w % 3)] / 255 * kernel[w * filters + f];
      }
      most = Math.max(most, sum);
    }
    if (most === 0) continue;
    const row = ((y * columns + x) * filters + f) * units.length;
    for (let u = 0; u < units.length; u++) units[u] += most * dense[row + u];
  }
  return units.map((value) => Math.max(value, 0));
}
function computeProbabilities({ weights: [, , , , output, bias] }, units) {
  const logits = Float32Array.from(bias);
  units.forEach((unit, u) => { if (unit) for (let c = 0; c < bias.length; c++) logits[c] += unit * output[u * bias.length + c]; });
  const most = Math.max(...logits), powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}
// Mulberry32: the masks follow from the seed in the address.
function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
const best = (probabilities) => probabilities.indexOf(Math.max(...probabilities));
const percent = (p) => (100 * p).toFixed(1);
const unitCount = networks[0].weights[3].length;

// ---- The drawing: strokes of points, in pixels, over the image or on black.
const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"; // half pixels
const encode = (strokes) => strokes.map((stroke) => stroke.flat().map((v) => LETTERS[2 * v]).join("")).join(".");
const decode = (text) => text.split(".").map((part) => (part.match(/../g) ?? []).map((pair) => [...pair].map((c) => LETTERS.indexOf(c) / 2)));
const view = {
  image: number("image", data.networks.start, -1, data.networks.labels.length - 1),
  strokes: state.has("draw") ? decode(state.get("draw")) : [], strongest: number("strongest", 0, 0, unitCount),
  rate: number("drop", data.networks.rate, 0, 0.9), seed: number("seed", 1, 0, 2 ** 31), masks: [], random: null,
};
function ink(pixels, strokes) {
  const dot = (x, y) => {
    for (let v = Math.max(0, Math.floor(y - 2)); v < Math.min(height, y + 2); v++) for (let u = Math.max(0, Math.floor(x - 2)); u < Math.min(width, x + 2); u++) {
      const amount = 255 * clamp(1.9 - Math.hypot(u + 0.5 - x, v + 0.5 - y), 0, 1);
      pixels[width * v + u] = Math.max(pixels[width * v + u], amount);
    }
  };
  for (const stroke of strokes) stroke.forEach(([x, y], i) => {
    const [a, b] = stroke[Math.max(0, i - 1)], steps = Math.ceil(4 * Math.hypot(x - a, y - b)) || 1;
    for (let s = 1; s <= steps; s++) dot(a + s / steps * (x - a), b + s / steps * (y - b));
  });
  return pixels;
}
const base = () => (view.image < 0 ? new Uint8Array(area) : images.slice(area * view.image, area * (view.image + 1)));
// As MNIST's digits were made: scaled into a box of 20 x 20 pixels, then centred by mass.
function normalise() {
  if (!view.strokes.flat().length) return base();
  const [xs, ys] = [0, 1].map((axis) => view.strokes.flat().map((point) => point[axis]));
  const corner = [Math.min(...xs), Math.min(...ys)];
  const size = Math.max(Math.max(...xs) - corner[0], Math.max(...ys) - corner[1]);
  const scale = size < 1 ? 1 : 18 / size; // the pen is 2 pixels wide
  const into = ([x, y]) => [4 + scale * (x - corner[0]), 4 + scale * (y - corner[1])];
  const pixels = ink(base(), view.image < 0 ? view.strokes.map((stroke) => stroke.map(into)) : view.strokes);
  let mass = 0, x = 0, y = 0;
  pixels.forEach((value, i) => { mass += value; x += value * (i % width + 0.5); y += value * (Math.floor(i / width) + 0.5); });
  const [right, down] = [Math.round(width / 2 - x / mass), Math.round(height / 2 - y / mass)];
  return pixels.map((_, i) => {
    const [fromX, fromY] = [i % width - right, Math.floor(i / width) - down];
    return fromX >= 0 && fromX < width && fromY >= 0 && fromY < height ? pixels[width * fromY + fromX] : 0;
  });
}
const cursor = { x: 14, y: 14, down: false, shown: false };
function paint(canvas, pixels, mark) {
  const picture = canvas.getContext("2d").createImageData(width, height);
  pixels.forEach((value, i) => picture.data.set([value, value, value, 255], 4 * i));
  if (mark) picture.data.set(cursor.down ? [230, 159, 0, 255] : [86, 180, 233, 255], 4 * (width * cursor.y + cursor.x));
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

// ---- What the networks answer, and what is shown of it.
const panels = networks.map(({ name }) => document.querySelector(`.network.${name}`));
function look() { // a new image
  paint($("digit"), ink(base(), view.strokes), cursor.shown);
  const pixels = normalise();
  $("seen").hidden = !view.strokes.length;
  paint($("seen").firstChild, pixels);
  view.empty = pixels.every((value) => value === 0);
  for (const network of networks) {
    network.units = computeUnits(network.weights, pixels);
    network.all = computeProbabilities(network, network.units);
  }
  answer();
}
function strongestOf(network) {
  const order = [...network.units.keys()].sort((a, b) => network.units[b] - network.units[a]);
  return new Set(order.slice(0, view.strongest));
}
function answer() { // what is off may have changed
  for (const network of networks) {
    const gone = strongestOf(network);
    network.gone = new Set([...network.off, ...gone].filter((u) => network.off.has(u) !== gone.has(u)));
    const under = (mask) => network.units.map((unit, u) => (network.gone.has(u) || (mask && !mask[u]) ? 0 : mask ? unit / (1 - view.rate) : unit));
    const each = view.masks.map((mask) => computeProbabilities(network, under(mask)));
    network.now = each.at(-1) ?? computeProbabilities(network, under());
    network.mean = network.now.map((_, c) => each.reduce((sum, p) => sum + p[c], 0) / each.length);
    network.votes = network.now.map((_, c) => each.filter((p) => best(p) === c).length);
  }
  networks.forEach(show);
  tell();
}
function show(network, n) {
  const panel = panels[n], mask = view.masks.at(-1), most = Math.max(...network.units, 1e-9);
  panel.querySelectorAll("circle").forEach((circle, u) => {
    circle.style.setProperty("--level", network.units[u] / most);
    circle.setAttribute("class", network.gone.has(u) ? "off" : mask && !mask[u] ? "dropped" : "");
  });
  [...panel.querySelector("tbody").rows].forEach((row, c) => {
    const texts = [percent(network.now[c]), view.masks.length ? percent(network.mean[c]) : "", view.masks.length ? network.votes[c] : ""];
    texts.forEach((text, i) => { row.cells[i + 1].textContent = view.empty ? "" : text; });
    row.cells[1].style.setProperty("--p", view.empty ? "0%" : `${texts[0]}%`);
  });
  const [now, all] = [best(network.now), best(network.all)];
  const [digit, p, was] = panel.querySelector(".answer").children;
  digit.textContent = view.empty ? "?" : now;
  p.textContent = view.empty ? "" : say("percent", { p: percent(network.now[now]) });
  was.textContent = view.empty || now === all ? "" : say("was", { digit: all });
  panel.classList.toggle("changed", !view.empty && now !== all);
}
function tell() {
  const [a, b] = networks, n = view.masks.length, parts = [];
  const shown = (network) => [best(network.now), percent(Math.max(...network.now))];
  const [[digit, p], [other, q]] = [shown(a), shown(b)];
  parts.push(say("says", { a: digit, a_p: p, b: other, b_p: q }));
  if (a.gone.size + b.gone.size) {
    const kept = networks.filter((network) => best(network.now) === best(network.all));
    parts.push(say("off", { a_off: a.gone.size, b_off: b.gone.size, units: unitCount }));
    parts.push(kept.length === 1 ? say("survives", { which: data.say.which[kept[0].name] }) : say(kept.length ? "both" : "none"));
  }
  if (n > 1) {
    const [x, y] = [best(a.votes), best(b.votes)];
    parts.push(say("voted", { masks: n, a: x, a_votes: a.votes[x], b: y, b_votes: b.votes[y] }));
  }
  for (const network of networks) {
    const all = best(network.all), votes = network.votes[all];
    if (n >= 50 && network.all[all] >= 0.99 && votes < 0.75 * n) {
      parts.push(say("unsure", { which: data.say.which[network.name], digit: all, p: percent(network.all[all]), votes, masks: n }));
    }
  }
  $("says").textContent = view.empty ? say("empty") : parts.join(data.say.space);
}
function remember() {
  const off = (network) => [...network.off].sort((a, b) => a - b).join(",");
  save({
    image: view.image === data.networks.start ? null : view.image, draw: encode(view.strokes), strongest: view.strongest || null,
    off: off(networks[0]), off_dropout: off(networks[1]), masks: view.masks.length || null,
    seed: view.masks.length ? view.seed : null, drop: view.rate === data.networks.rate ? null : view.rate,
  });
}
const change = (redraw = answer) => { redraw(); remember(); };

// ---- Masks: the same for both networks.
let timer;
function addMasks(count) {
  for (let i = 0; i < count; i++) view.masks.push(Array.from({ length: unitCount }, () => view.random() >= view.rate));
}
function restart(seed, count = 0) {
  Object.assign(view, { seed, masks: [], random: randomFrom(seed) });
  addMasks(count);
}
function pause() {
  clearTimeout(timer);
  timer = undefined;
  $("play").textContent = $("play").dataset.play;
  $("says").setAttribute("aria-live", "polite");
}
function step() {
  addMasks(1);
  change();
  const n = view.masks.length;
  if (n < data.masks) timer = setTimeout(step, n < 8 ? 600 : n < 40 ? 120 : 30);
  else pause();
}
$("play").dataset.play = $("play").textContent;
$("play").addEventListener("click", () => {
  if (timer) return pause();
  if (view.masks.length >= data.masks || !view.masks.length) restart(Math.floor(Math.random() * 1e6));
  $("play").textContent = data.say.pause;
  $("says").setAttribute("aria-live", "off"); // too fast to be read out
  return step();
});
const stopped = (id, act) => $(id).addEventListener("click", () => { pause(); act(); });
stopped("vote", () => { restart(Math.floor(Math.random() * 1e6), data.masks); change(); });
stopped("strongest", () => { view.strongest = Math.min(view.strongest + data.strongest, unitCount); restart(view.seed); change(); });
stopped("all", () => { view.strongest = 0; networks.forEach((network) => network.off.clear()); restart(view.seed); change(); });
stopped("next", () => {
  Object.assign(view, { image: (view.image + 1) % data.networks.labels.length, strokes: [] });
  change(look);
});
stopped("clear", () => { Object.assign(view, { image: -1, strokes: [] }); change(look); });
$("drop").addEventListener("input", () => {
  view.rate = Number($("drop").value);
  $("drop").nextElementSibling.textContent = view.rate;
  restart(view.seed, view.masks.length);
  change();
});

// ---- Units: clicked, or chosen by the arrow keys.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
panels.forEach((panel, n) => {
  const dots = panel.querySelector(".units"), circles = dots.children, { off } = networks[n];
  let chosen = 0;
  const toggle = (u) => { if (!off.delete(u)) off.add(u); change(); };
  dots.addEventListener("click", (event) => { if (event.target.dataset.unit) toggle(Number(event.target.dataset.unit)); });
  dots.addEventListener("keydown", (event) => {
    const move = ARROWS[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    if (move) chosen = clamp(chosen + move[0] + 16 * move[1], 0, unitCount - 1);
    else toggle(chosen);
    [...circles].forEach((circle, u) => circle.toggleAttribute("data-chosen", u === chosen));
    dots.setAttribute("aria-label", say("unit", { unit: chosen + 1, state: networks[n].gone.has(chosen) ? say("switched") : say("on") }));
  });
  dots.addEventListener("blur", () => circles[chosen].removeAttribute("data-chosen"));
});

// ---- Drawing by pointer and by keyboard.
const paper = $("digit");
function draw(event) {
  const box = paper.getBoundingClientRect(), stroke = view.strokes.at(-1);
  const point = [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height].map((v) => Math.round(clamp(v, 0, 28) * 2) / 2);
  const [x, y] = stroke.at(-1) ?? [-9, -9];
  if (Math.hypot(point[0] - x, point[1] - y) < 0.7) return;
  stroke.push(point);
  look();
}
paper.addEventListener("pointerdown", (event) => {
  pause();
  paper.setPointerCapture(event.pointerId);
  view.strokes.push([]);
  draw(event);
});
paper.addEventListener("pointermove", (event) => { if (event.buttons) draw(event); });
paper.addEventListener("pointerup", remember);
paper.addEventListener("keydown", (event) => {
  const move = ARROWS[event.key];
  if (!move && event.key !== " ") return;
  event.preventDefault();
  if (!move) cursor.down = !cursor.down;
  if (!move && cursor.down) view.strokes.push([]);
  const [x, y] = move ?? [0, 0];
  Object.assign(cursor, { shown: true, x: clamp(cursor.x + x, 0, width - 1), y: clamp(cursor.y + y, 0, height - 1) });
  if (cursor.down) view.strokes.at(-1).push([cursor.x + 0.5, cursor.y + 0.5]);
  change(look);
});
paper.addEventListener("blur", () => { Object.assign(cursor, { shown: false, down: false }); look(); });

networks.forEach((network, n) => (state.get(["off", "off_dropout"][n]) ?? "").split(",").filter(Boolean).forEach((u) => network.off.add(Number(u))));
$("drop").value = view.rate;
$("drop").nextElementSibling.textContent = view.rate;
restart(view.seed, number("masks", 0, 0, data.masks));
look();
await new Promise((painted) => { setTimeout(painted); }); // the first screen is live before the rest is drawn
