// The first screen: both trained networks compute here, on the same image and under the same masks.
const SIDE = 28, stored = data.networks;
const images = new Uint8Array(await inflate(stored.images));
const networks = await Promise.all(["no_dropout", "dropout"].map(async (name) => {
  const { weights } = stored.networks[name], { scale, whole } = weights[2];
  const bytes = new Int8Array(await inflate(whole));
  weights[2] = new Float32Array(bytes).map((value, i) => value * scale[i % scale.length]);
  return { name, weights, panel: document.querySelector(`.${name}`), offKey: `off_${name}` };
}));
const UNITS = networks[0].weights[3].length, IMAGES = images.length / SIDE ** 2;

function computeUnits([kernel, bias, dense, denseBias], pixels) {
  const units = Float32Array.from(denseBias), filters = bias.length, pooled = (SIDE - 2) / 2;
  for (let y = 0; y < pooled; y++) for (let x = 0; x < pooled; x++) for (let f = 0; f < filters; f++) {
    let most = 0; // ReLU and pooling
    for (let k = 0; k < 4; k++) {
      let sum = bias[f];
      const corner = (2 * y + (k >> 1)) * SIDE + 2 * x + (k & 1);
      for (let w = 0; w < 9; w++) {
        sum += pixels[corner + Math.floor(w / 3) * SIDE + w % 3] / 255 * kernel[w * filters + f];
      }
      most = Math.max(most, sum);
    }
    const row = ((y * pooled + x) * filters + f) * UNITS;
    if (most) for (let u = 0; u < UNITS; u++) units[u] += most * dense[row + u];
  }
  return units.map((value) => Math.max(value, 0));
}
function computeProbabilities([, , , , output, bias], units) {
  const logits = bias.map((start, c) => units.reduce((sum, unit, u) => sum + unit * output[u * bias.length + c], start));
  const most = Math.max(...logits), powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}
// What each unit is multiplied by in each mask. By Mulberry32, from the seed in the address.
function makeMasks(count, rate) {
  let seed = number("seed", 1, 0, 2 ** 31);
  const random = () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const one = () => Array.from({ length: UNITS }, () => (random() >= rate ? 1 / (1 - rate) : 0));
  return Array.from({ length: count }, one);
}
const best = (values) => values.indexOf(Math.max(...values));
const percent = (p) => (100 * p).toFixed(1);

// ---- What is looked at: an image of the data set, or none (-1), and strokes of points on it.
const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"; // half pixels
const readPoints = (text) => text.match(/../g).map((pair) => [...pair].map((letter) => LETTERS.indexOf(letter) / 2));
const readStrokes = () => (state.get("draw") ?? "").split(".").filter((text) => text.length > 1).map(readPoints);
const chosenImage = () => number("image", stored.start, -1, IMAGES - 1);
function paintImage(canvas, strokes, { scale = 1, x = 0, y = 0 } = {}) { // returns the pixels
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const picture = context.createImageData(SIDE, SIDE), first = SIDE * SIDE * chosenImage();
  for (let i = 0; i < SIDE * SIDE; i++) {
    const value = images[first + i] ?? 0;
    picture.data.set([value, value, value, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
  context.setTransform(scale, 0, 0, scale, x, y);
  Object.assign(context, { strokeStyle: "#fff", lineWidth: 2.4 / scale, lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(stroke[0][0] + 0.01, stroke[0][1]); // so that a point is seen
    for (const point of stroke) context.lineTo(...point);
    context.stroke();
  }
  context.resetTransform();
  return context.getImageData(0, 0, SIDE, SIDE).data.filter((_, i) => i % 4 === 0);
}
// As MNIST's digits were made: scaled into a box of 20 x 20 pixels, then centred by mass.
function fitDrawing(canvas, strokes) {
  const points = strokes.flat(), [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const size = Math.max(Math.max(...xs) - left, Math.max(...ys) - top);
  const scale = size < 1 ? 1 : 17.6 / size; // the pen is 2.4 pixels wide
  const fit = { scale, x: 5.2 - scale * left, y: 5.2 - scale * top };
  let mass = 0, right = 0, down = 0;
  paintImage(canvas, strokes, fit).forEach((value, i) => {
    mass += value;
    right += value * (i % SIDE + 0.5);
    down += value * (Math.floor(i / SIDE) + 0.5);
  });
  return { scale, x: fit.x + Math.round(SIDE / 2 - right / mass), y: fit.y + Math.round(SIDE / 2 - down / mass) };
}

// ---- What the networks answer, and what is shown of it: all follows from the state.
const digit = $("digit"), seen = $("seen").firstChild;
const cursor = { x: 14, y: 14 }; // of the keyboard
function look() {
  const strokes = readStrokes(), rate = number("drop", stored.rate, 0, 0.9);
  const masks = makeMasks(number("masks", 0, 0, stored.masks), rate);
  $("drop").value = $("drop").nextElementSibling.textContent = rate;
  paintImage(digit, strokes);
  digit.getContext("2d").fillStyle = cursor.down ? "#e69f00" : "#56b4e9";
  if (cursor.shown) digit.getContext("2d").fillRect(cursor.x, cursor.y, 1, 1);
  const pixels = paintImage(seen, strokes, strokes.length && chosenImage() < 0 ? fitDrawing(seen, strokes) : {});
  $("seen").hidden = !strokes.length;
  for (const network of networks) {
    respond(network, pixels, masks);
    show(network, masks, !pixels.some(Boolean));
  }
  $("says").textContent = pixels.some(Boolean) ? describe(masks.length).join(data.say.space) : say("empty");
}
function respond(network, pixels, masks) {
  const { weights } = network, units = computeUnits(weights, pixels);
  const off = numbers(network.offKey).filter((u) => u in units); // an address may name others
  const strongest = [...units.keys()].sort((a, b) => units[b] - units[a]).slice(0, number("strongest", 0, 0, UNITS));
  const gone = new Set([...off, ...strongest].filter((u) => off.includes(u) !== strongest.includes(u)));
  const left = units.map((unit, u) => (gone.has(u) ? 0 : unit));
  const each = [units, left].map((found) => computeProbabilities(weights, found));
  each.push(...masks.map((mask) => computeProbabilities(weights, left.map((unit, u) => unit * mask[u]))));
  const voters = each.slice(2);
  Object.assign(network, { units, gone, before: each[0], now: each.at(-1), whole: best(each[0]) });
  network.mean = network.now.map((_, c) => voters.reduce((sum, p) => sum + p[c], 0) / voters.length);
  network.votes = network.now.map((_, c) => voters.filter((p) => best(p) === c).length);
  const voted = masks.length === stored.masks; // until then the answer is the last mask's
  network.digit = best(voted ? network.votes : network.now);
  network.share = (voted ? network.mean : network.now)[network.digit];
}
function show({ panel, units, gone, digit: now, whole, ...found }, masks, empty) {
  const most = Math.max(...units, 1e-9), changed = !empty && now !== whole;
  panel.querySelectorAll("circle").forEach((circle, u) => {
    circle.style.setProperty("--level", units[u] / most);
    circle.setAttribute("class", gone.has(u) ? "off" : masks.at(-1)?.[u] === 0 ? "dropped" : "");
  });
  [...panel.querySelector("tbody").rows].forEach(({ cells }, c) => {
    const texts = [percent(found.now[c]), ...(masks.length ? [percent(found.mean[c]), found.votes[c]] : ["", ""])];
    texts.forEach((text, i) => { cells[i + 1].textContent = empty ? "" : text; });
    cells[1].style.setProperty("--p", empty ? "0%" : `${texts[0]}%`);
  });
  const [big, share, was] = panel.querySelector(".answer").children;
  big.textContent = empty ? "?" : now;
  share.textContent = empty ? "" : say("percent", { p: percent(found.share) });
  was.textContent = changed ? say("was", { digit: whole }) : "";
  panel.classList.toggle("changed", changed);
}
function describe(masks) {
  const parts = [], [a, b] = networks, which = ({ name }) => data.say.which[name];
  parts.push(say("says", { a: a.digit, a_p: percent(a.share), b: b.digit, b_p: percent(b.share) }));
  if (a.gone.size + b.gone.size) {
    const kept = networks.filter(({ digit: now, whole }) => now === whole);
    parts.push(say("off", { a_off: a.gone.size, b_off: b.gone.size, units: UNITS }));
    parts.push(say(["none", "survives", "both"][kept.length], { which: which(kept[0] ?? a) }));
  }
  if (masks > 1) {
    const [x, y] = [best(a.votes), best(b.votes)];
    parts.push(say("voted", { masks, a: x, a_votes: a.votes[x], b: y, b_votes: b.votes[y] }));
  }
  for (const network of masks < 50 ? [] : networks) {
    const { whole, before, votes } = network;
    if (before[whole] < 0.99 || votes[whole] >= 0.75 * masks) continue;
    parts.push(say("unsure", { which: which(network), digit: whole, p: percent(before[whole]), votes: votes[whole], masks }));
  }
  return parts;
}
function set(values) {
  save(values);
  look();
}

// ---- Buttons. One plays masks, one after the other; of the others, what each sets.
const countMasks = (otherwise) => number("masks", otherwise, 0, stored.masks);
const pause = addPlayer($("play"), $("says"), () => {
  if (countMasks(stored.masks) === stored.masks) save({ masks: 0, seed: newSeed() });
}, () => {
  const count = countMasks(0) + 1;
  state.set("masks", count);
  look();
  return count < stored.masks && (count < 8 ? 600 : count < 40 ? 120 : 30);
});
const newSeed = () => Math.floor(Math.random() * 1e6);
const buttons = {
  vote: () => ({ masks: stored.masks, seed: newSeed() }),
  strongest: () => ({ masks: null, strongest: number("strongest", 0, 0, UNITS) + stored.strongest }),
  all: () => ({ masks: null, seed: null, strongest: null, off_no_dropout: null, off_dropout: null }),
  next: () => ({ image: (chosenImage() + 1) % IMAGES, draw: null }),
  clear: () => ({ image: -1, draw: null }),
};
for (const [id, choose] of Object.entries(buttons)) $(id).onclick = () => { pause(); set(choose()); };
$("drop").oninput = () => set({ drop: $("drop").value });

// ---- Units are clicked, or chosen by the arrow keys. The pen is moved by a pointer or by them.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] };
function onKeys(element, act) { // with a step to the right and down, and whether it was the space bar
  element.onkeydown = (event) => {
    if (!ARROWS[event.key]) return;
    event.preventDefault();
    act(...ARROWS[event.key], event.key === " ");
  };
}
for (const { panel, offKey } of networks) {
  const dots = panel.querySelector(".units"), circles = [...dots.children];
  let chosen = 0;
  const toggle = (u) => {
    const off = numbers(offKey);
    set({ [offKey]: (off.includes(u) ? off.filter((other) => other !== u) : [...off, u]).join("_") });
  };
  dots.onclick = ({ target }) => { if (target !== dots) toggle(circles.indexOf(target)); };
  dots.onblur = () => circles[chosen].removeAttribute("data-chosen");
  onKeys(dots, (right, down, space) => { // the first key shows which unit is chosen
    const step = circles[chosen].hasAttribute("data-chosen") ? right + 16 * down : 0;
    dots.onblur();
    if (space) toggle(chosen);
    chosen = clamp(chosen + step, 0, UNITS - 1);
    circles[chosen].setAttribute("data-chosen", "");
    const unit = circles[chosen].classList.contains("off") ? "switched" : "on";
    dots.setAttribute("aria-label", say("unit", { unit: chosen + 1, state: data.say[unit] }));
  });
}
function drawStroke(point, begins) { // in pixels
  const strokes = readStrokes(), last = strokes.at(-1)?.at(-1);
  if (begins) strokes.push([point]);
  else if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= 0.7) strokes.at(-1).push(point);
  const parts = strokes.map((stroke) => stroke.flat().map((value) => LETTERS[2 * value]).join(""));
  state.set("draw", parts.join("."));
  look();
}
onDrag(digit, (right, down, begins) => {
  pause();
  drawStroke([right, down].map((share) => Math.round(share * 2 * SIDE) / 2), begins);
});
digit.onblur = () => { Object.assign(cursor, { shown: false, down: false }); look(); };
onKeys(digit, (right, down, space) => {
  Object.assign(cursor, { shown: true, x: clamp(cursor.x + right, 0, SIDE - 1), y: clamp(cursor.y + down, 0, SIDE - 1) });
  if (space) cursor.down = !cursor.down;
  if (cursor.down) drawStroke([cursor.x + 0.5, cursor.y + 0.5], space);
  set({});
});
look();
await new Promise((painted) => { setTimeout(painted); }); // the first screen is live before the rest is drawn
