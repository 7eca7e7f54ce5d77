// Makes the controls work. Without it the page has the same words, figures and pictures, standing still.
"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const say = (name, values) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const show = (...ids) => ids.forEach((id) => { $(id).hidden = false; });

  async function inflate(text) {
    const packed = new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
    const stream = packed.stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  const unpacked = async (id) => new TextDecoder().decode(await inflate($(id).textContent));
  const data = JSON.parse(await unpacked("data"));
  const network = JSON.parse($("network").textContent);
  const words = data.words;

  // ---- Charts: the same specifications that were drawn into the page, as wide as there is room.
  const script = document.createElement("script");
  script.textContent = await unpacked("vega");
  document.head.append(script);
  async function draw(id, spec) {
    const options = { actions: false, renderer: "svg", mode: "vega-lite", tooltip: false };
    const { view } = await window.vegaEmbed(`#chart-${id}`, { ...spec, width: "container" }, options);
    return view;
  }
  for (const id of ["training", "validation", "sizes", "rates"]) await draw(id, data.charts[id]);

  function points(comparison, column) {
    return ["without", "with"].flatMap((name) => {
      const { seeds, runs, bands } = data.settings[comparison[name]];
      const label = words[name];
      return [
        ...bands[column].map(([value, low, high], i) => ({ network: label, epoch: i + 1, seed: null, value, low, high })),
        ...runs[column].flatMap((run, r) => run.map((value, i) => ({ network: label, epoch: i + 1, seed: seeds[r], value }))),
      ];
    });
  }

  // ---- Guess: a line for each choice, or drawn by hand; then what was measured.
  {
    show("guesses", "guessing");
    $("solution").hidden = true;
    const comparison = data.comparisons[data.guess];
    const without = data.settings[comparison.without].bands.val_loss.map((band) => band[0]);
    const measured = data.settings[comparison.with].bands.val_loss.map((band) => band[0]);
    const lowest = Math.min(...without);
    const turn = without.indexOf(lowest);
    const after = {
      fall: (i) => lowest * (1 - 0.35 * (i - turn) / (without.length - 1 - turn)),
      level: () => lowest,
      half: (i) => (lowest + without[i]) / 2,
      same: (i) => without[i],
    };
    const view = await draw("guess", { ...data.charts.guess, height: 320 });
    let line = [];
    const redraw = () => {
      const values = line.flatMap((value, i) => (value === undefined ? [] : [{ network: words.guess, epoch: i + 1, value }]));
      view.data("guess", values).run();
    };
    const buttons = [...document.querySelectorAll("[data-guess]")];
    const press = (pressed) => buttons.forEach((b) => b.setAttribute("aria-pressed", String(b === pressed)));
    press(null);
    for (const button of buttons) {
      button.addEventListener("click", () => {
        line = without.map((value, i) => (i <= turn ? value : after[button.dataset.guess](i)));
        press(button);
        redraw();
      });
    }
    const chart = $("chart-guess");
    const pen = (event) => {
      if (!event.buttons) return;
      const plot = chart.querySelector(".role-frame.root .background").getBoundingClientRect();
      const part = (event.clientX - plot.left) / plot.width;
      const epoch = Math.round(view.scale("x").invert(part * view.width()));
      const value = view.scale("y").invert((event.clientY - plot.top) / plot.height * view.height());
      if (epoch < 1 || epoch > without.length) return;
      line[epoch - 1] = Math.max(0, value);
      press(null);
      redraw();
    };
    chart.addEventListener("pointerdown", (event) => { line = []; event.preventDefault(); pen(event); });
    chart.addEventListener("pointermove", pen);
    $("reveal").addEventListener("click", () => {
      view.data("curves", points(comparison, "val_loss")).run();
      const end = (values) => values[without.length - 1];
      $("guessed").textContent = say("guess_end", {
        guess: end(line) === undefined ? "?" : end(line).toFixed(2), with: end(measured).toFixed(2), without: end(without).toFixed(2),
      });
    });
  }

  // ---- Knobs: the choice decides verdict, chart, and the pairs below.
  let current = data.comparisons[data.start];
  const radios = (name) => [...document.querySelectorAll(`#knobs [name=${name}]`)];
  async function choose(comparison) {
    current = comparison;
    for (const name of data.knobs) {
      for (const radio of radios(name)) {
        radio.checked = radio.value === String(comparison[name]);
        const there = data.comparisons.some((other) =>
          data.knobs.every((knob) => String(other[knob]) === (knob === name ? radio.value : String(comparison[knob]))));
        radio.parentElement.classList.toggle("far", !there);
      }
    }
    $("verdict").innerHTML = comparison.verdict;
    pairs();
    await drawKnobs();
  }
  async function drawKnobs() {
    const column = radios("measure").find((radio) => radio.checked).value;
    const spec = structuredClone(data.charts.knobs);
    spec.height = 320;
    spec.data.values = points(current, column);
    spec.encoding.y.title = words[column];
    spec.encoding.x.scale.domain = [1, data.settings[current.without].bands[column].length];
    const caption = `${current.title}: ${words[column]}`;
    $("chart-knobs").setAttribute("aria-label", caption);
    $("chart-knobs").parentElement.querySelector("figcaption").textContent = caption;
    await draw("knobs", spec);
  }
  for (const name of data.knobs) {
    for (const radio of radios(name)) {
      radio.addEventListener("change", () => {
        const alike = (other) => data.knobs.filter((knob) => other[knob] === current[knob]).length;
        const there = data.comparisons.filter((other) => String(other[name]) === radio.value);
        choose(there.reduce((best, other) => (alike(other) > alike(best) ? other : best)));
      });
    }
  }
  for (const radio of radios("measure")) radio.addEventListener("change", drawKnobs);

  // ---- Pairs of runs: drawn by lot from all that there are.
  let tally;
  function pairs() {
    tally = { n: 0, wrong: 0, equal: 0, right: 0 };
    $("pairs-text").textContent = current.pairs;
    $("drawn").textContent = "";
    const grid = $("grid");
    grid.setAttribute("aria-label", current.pairs);
    grid.style.setProperty("--columns", current.better[0].length);
    grid.replaceChildren(...current.better.flat().map((kind) => Object.assign(document.createElement("i"), { className: kind })));
  }
  function drawPairs(count) {
    const [without, dropout] = [data.settings[current.without], data.settings[current.with]];
    let a, b;
    for (let i = 0; i < count; i++) {
      a = Math.floor(Math.random() * without.seeds.length);
      b = Math.floor(Math.random() * dropout.seeds.length);
      tally.n += 1;
      tally[current.better[a][b]] += 1;
    }
    [...$("grid").children].forEach((cell, i) => cell.classList.toggle("now", i === a * dropout.seeds.length + b));
    const pair = say("pair", {
      a: without.seeds[a], x: without.accuracy[a], b: dropout.seeds[b], y: dropout.accuracy[b], judged: words[`pair_${current.better[a][b]}`],
    });
    $("drawn").textContent = `${pair} ${say("tally", tally)}`;
  }
  $("draw").addEventListener("click", () => drawPairs(1));
  $("draw100").addEventListener("click", () => drawPairs(100));
  show("knobs", "drawing");
  await choose(current);

  // ---- Inside: the network itself.
  const weights = await (async () => {
    const bytes = await inflate(network.weights);
    const count = bytes.length / 2; // the low bytes, then the high ones
    let start = 0;
    return network.shapes.map((shape, layer) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const part = Float32Array.from({ length: size }, (_, i) => {
        const whole = ((bytes[start + i] | (bytes[count + start + i] << 8)) << 16) >> 16;
        return whole * network.scales[layer];
      });
      start += size;
      return part;
    });
  })();
  const images = await inflate(network.images);

  function unitsOf(pixels) { // what the dense layer gives for 784 pixels, 0 to 255
    const [kernel, bias, dense, denseBias] = weights;
    const filters = bias.length;
    const units = Float32Array.from(denseBias);
    for (let y = 0; y < 13; y++) for (let x = 0; x < 13; x++) for (let f = 0; f < filters; f++) {
      let most = 0; // ReLU
      for (let k = 0; k < 4; k++) {
        let sum = bias[f];
        for (let w = 0; w < 9; w++) {
          const at = (2 * y + (k >> 1) + Math.floor(w / 3)) * 28 + 2 * x + (k & 1) + (w % 3);
          sum += pixels[at] / 255 * kernel[w * filters + f];
        }
        most = Math.max(most, sum);
      }
      if (most === 0) continue;
      const row = ((y * 13 + x) * filters + f) * units.length;
      for (let u = 0; u < units.length; u++) units[u] += most * dense[row + u];
    }
    return units.map((value) => Math.max(value, 0));
  }
  function probabilitiesOf(units) {
    const [output, bias] = weights.slice(4);
    const logits = Array.from(bias, (b, c) => units.reduce((sum, unit, u) => sum + unit * output[u * bias.length + c], b));
    const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  }
  const newMask = () => Array.from({ length: weights[3].length }, () => Math.random() >= rate);
  const masked = (mask) => units.map((unit, u) => (mask[u] ? unit / (1 - rate) : 0));
  const best = (probabilities) => probabilities.indexOf(Math.max(...probabilities));

  let pixels = new Uint8Array(784), drawn = false, units, mask, masks, rate = Number($("rate").value);
  const canvas = $("digit").getContext("2d");
  const cursor = { x: 14, y: 14, down: false, shown: false };

  function paint() {
    const picture = canvas.createImageData(28, 28);
    pixels.forEach((value, i) => picture.data.set([value, value, value, 255], 4 * i));
    if (cursor.shown) picture.data.set(cursor.down ? [230, 159, 0, 255] : [86, 180, 233, 255], 4 * (28 * cursor.y + cursor.x));
    canvas.putImageData(picture, 0, 0);
  }
  function centred() { // as MNIST's images are: by the centre of mass
    let mass = 0, x = 0, y = 0;
    pixels.forEach((value, i) => { mass += value; x += value * (i % 28); y += value * Math.floor(i / 28); });
    if (!mass) return pixels;
    const [right, down] = [Math.round(13.5 - x / mass), Math.round(13.5 - y / mass)];
    return pixels.map((_, i) => {
      const [fromX, fromY] = [(i % 28) - right, Math.floor(i / 28) - down];
      return fromX >= 0 && fromX < 28 && fromY >= 0 && fromY < 28 ? pixels[28 * fromY + fromX] : 0;
    });
  }
  function look() { // a new image
    paint();
    units = unitsOf(drawn ? centred() : pixels);
    tell();
  }
  function tell(count = masks.length) { // what the first `count` masks make of it
    const empty = pixels.every((value) => value === 0);
    const most = Math.max(...units, 1e-9);
    [...$("units").children].forEach((rect, u) => {
      rect.classList.toggle("gone", !mask[u]);
      rect.style.setProperty("--level", units[u] / most);
    });
    const full = probabilitiesOf(units), one = probabilitiesOf(masked(mask));
    const each = masks.slice(0, count).map((other) => probabilitiesOf(masked(other)));
    const mean = full.map((_, c) => each.reduce((sum, p) => sum + p[c], 0) / count);
    const votes = full.map((_, c) => each.filter((p) => best(p) === c).length);
    [...$("votes").rows].forEach((row, c) => {
      [full, one, mean].forEach((p, column) => {
        const text = (100 * p[c]).toFixed(1);
        row.cells[column + 1].textContent = empty ? "" : text;
        row.cells[column + 1].style.setProperty("--p", empty ? "0%" : `${text}%`);
      });
      row.cells[4].textContent = empty ? "" : votes[c];
    });
    if (count < masks.length) return;
    const p = (probabilities) => (100 * Math.max(...probabilities)).toFixed(1);
    $("says").textContent = empty ? words.nothing : say("says", {
      full: best(full), full_p: p(full), one: best(one), one_p: p(one), mean: best(mean), mean_p: p(mean),
      votes: votes[best(mean)], units: units.length, dropped: mask.filter((kept) => !kept).length,
    });
  }
  const voteAnew = () => { masks = Array.from({ length: data.masks }, newMask); };
  const drop = () => { mask = newMask(); };
  function choosePicture(image) {
    pixels = images.slice(784 * image, 784 * (image + 1));
    drawn = false;
    look();
  }
  $("image").addEventListener("change", () => choosePicture(Number($("image").value)));
  $("clear").addEventListener("click", () => { pixels.fill(0); drawn = true; look(); });
  $("drop").addEventListener("click", () => { drop(); tell(); });
  $("vote").addEventListener("click", () => {
    voteAnew();
    let count = matchMedia("(prefers-reduced-motion: reduce)").matches ? data.masks : 0;
    const step = () => {
      count = Math.min(count + 5, data.masks);
      tell(count);
      if (count < data.masks) requestAnimationFrame(step);
    };
    step();
  });
  $("rate").addEventListener("input", () => {
    rate = Number($("rate").value);
    $("rate-value").textContent = rate;
    drop();
    voteAnew();
    tell();
  });

  // The pen is a soft dot, moved in small steps from where it was.
  function dot(x, y) {
    for (let v = 0; v < 28; v++) for (let u = 0; u < 28; u++) {
      const ink = 255 * Math.min(1, Math.max(0, 1.9 - Math.hypot(u + 0.5 - x, v + 0.5 - y)));
      pixels[28 * v + u] = Math.max(pixels[28 * v + u], ink);
    }
    drawn = true;
  }
  let last = null;
  $("digit").addEventListener("pointerdown", (event) => { last = null; $("digit").setPointerCapture(event.pointerId); stroke(event); });
  $("digit").addEventListener("pointermove", stroke);
  function stroke(event) {
    if (!event.buttons) return;
    const box = $("digit").getBoundingClientRect();
    const to = [(event.clientX - box.left) / box.width * 28, (event.clientY - box.top) / box.height * 28];
    const from = last ?? to;
    for (let s = 0; s <= 1; s += 0.125) dot(from[0] + s * (to[0] - from[0]), from[1] + s * (to[1] - from[1]));
    last = to;
    look();
  }
  $("digit").addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === " ") cursor.down = !cursor.down;
    else if (!moves[event.key]) return;
    event.preventDefault();
    const [x, y] = moves[event.key] ?? [0, 0];
    cursor.shown = true;
    cursor.x = Math.min(27, Math.max(0, cursor.x + x));
    cursor.y = Math.min(27, Math.max(0, cursor.y + y));
    if (cursor.down) dot(cursor.x + 0.5, cursor.y + 0.5);
    look();
  });
  $("digit").addEventListener("blur", () => { cursor.shown = false; cursor.down = false; paint(); });

  $("beside").hidden = location.protocol === "file:"; // .github/workflows/pages.yml puts them there
  show("digit", "images", "masks");
  document.querySelectorAll(".scripted").forEach((element) => { element.hidden = false; });
  $("image").value = data.image;
  drop();
  voteAnew();
  choosePicture(data.image);
  document.documentElement.dataset.ready = "";
})();
