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
  const { words, charts, comparisons, ...data } = JSON.parse(await unpacked("data"));

  // ---- Charts: the same specifications that were drawn into the page, as wide as there is room.
  const script = document.createElement("script");
  script.textContent = await unpacked("vega");
  document.head.append(script);
  async function draw(id, spec) {
    const options = { actions: false, renderer: "svg", mode: "vega-lite", tooltip: false };
    const { view } = await window.vegaEmbed(`#chart-${id}`, { ...spec, width: "container" }, options);
    return view;
  }
  for (const id of ["training", "validation", "sizes", "rates"]) await draw(id, charts[id]);

  // ---- Guess: a line for each choice, or drawn by hand; then what was measured.
  {
    show("guesses", "guessing");
    $("solution").hidden = true;
    const rows = comparisons[data.guess].lines.val_loss;
    const [without, measured] = rows.filter((row) => row.seed === null).map((row) => row.value);
    const lowest = Math.min(...without);
    const turn = without.indexOf(lowest);
    const end = without.length - 1;
    const after = {
      fall: (i) => lowest * (1 - 0.35 * (i - turn) / (end - turn)),
      level: () => lowest,
      half: (i) => (lowest + without[i]) / 2,
      same: (i) => without[i],
    };
    const view = await draw("guess", { ...charts.guess, height: 320 });
    const buttons = [...document.querySelectorAll("[data-guess]")];
    let line = []; // a value for each epoch, or a gap
    function redraw(pressed) {
      buttons.forEach((button) => button.setAttribute("aria-pressed", button === pressed));
      const points = line.map((value, i) => ({ network: words.guess, epoch: i + 1, value }));
      view.data("guess", points.filter((point) => point)).run();
    }
    redraw();
    for (const button of buttons) {
      button.addEventListener("click", () => {
        line = without.map((value, i) => (i <= turn ? value : after[button.dataset.guess](i)));
        redraw(button);
      });
    }
    const chart = $("chart-guess");
    function pen(event) {
      if (!event.buttons) return;
      const plot = chart.querySelector(".role-frame.root .background").getBoundingClientRect();
      const epoch = Math.round(view.scale("x").invert((event.clientX - plot.left) / plot.width * view.width()));
      const value = view.scale("y").invert((event.clientY - plot.top) / plot.height * view.height());
      if (epoch < 1 || epoch > without.length) return;
      line[epoch - 1] = Math.max(0, value);
      redraw();
    }
    chart.addEventListener("pointerdown", (event) => { line = []; event.preventDefault(); pen(event); });
    chart.addEventListener("pointermove", pen);
    $("reveal").addEventListener("click", () => {
      view.data("curves", rows).run();
      const [guess, dropout, none] = [line, measured, without].map((values) => values[end]?.toFixed(2) ?? "?");
      $("guessed").textContent = say("guess_end", { guess, with: dropout, without: none });
    });
  }

  // ---- Knobs: the choice decides verdict, chart, and the pairs below.
  let current, tally;
  const radios = (name) => [...document.querySelectorAll(`#knobs [name=${name}]`)];
  const is = (comparison, name, radio) => String(comparison[name]) === radio.value;
  async function choose(comparison) {
    current = comparison;
    tally = { n: 0, wrong: 0, equal: 0, right: 0 };
    for (const name of data.knobs) {
      const others = data.knobs.filter((knob) => knob !== name);
      for (const radio of radios(name)) {
        radio.checked = is(current, name, radio);
        const there = comparisons.some((other) =>
          is(other, name, radio) && others.every((knob) => other[knob] === current[knob]));
        radio.parentElement.classList.toggle("far", !there);
      }
    }
    const [verdict, pairs] = $("texts").content.children[comparisons.indexOf(current)].children;
    $("verdict").replaceChildren(verdict.cloneNode(true));
    $("pairs-text").textContent = pairs.textContent;
    $("drawn").textContent = "";
    $("grid").setAttribute("aria-label", pairs.textContent);
    $("grid").style.setProperty("--columns", current.seeds.length);
    $("grid").replaceChildren(...current.pairs.flat().map((kind) => Object.assign(document.createElement("i"), { className: kind })));
    await drawKnobs();
  }
  async function drawKnobs() {
    const column = radios("measure").find((radio) => radio.checked).value;
    const spec = { ...structuredClone(charts.knobs), height: 320 };
    spec.data.values = current.lines[column];
    spec.encoding.y.title = words[column];
    spec.encoding.x.scale.domain[1] = current.lines[column][0].epoch.length;
    const caption = `${current.title}: ${words[column]}`;
    $("chart-knobs").setAttribute("aria-label", caption);
    $("chart-knobs").parentElement.querySelector("figcaption").textContent = caption;
    await draw("knobs", spec);
  }
  for (const name of data.knobs) {
    for (const radio of radios(name)) {
      radio.addEventListener("change", () => {
        const alike = (other) => data.knobs.filter((knob) => other[knob] === current[knob]).length;
        const there = comparisons.filter((other) => is(other, name, radio));
        choose(there.reduce((best, other) => (alike(other) > alike(best) ? other : best)));
      });
    }
  }
  for (const radio of radios("measure")) radio.addEventListener("change", drawKnobs);

  // ---- Pairs of runs: drawn by lot from all that there are.
  function drawPairs(count) {
    const { seeds, accuracy, pairs } = current;
    const lot = () => Math.floor(Math.random() * seeds.length);
    let a, b;
    for (let i = 0; i < count; i++) {
      [a, b] = [lot(), lot()];
      tally.n += 1;
      tally[pairs[a][b]] += 1;
    }
    [...$("grid").children].forEach((cell, i) => cell.classList.toggle("now", i === a * seeds.length + b));
    const pair = say("pair", {
      a: seeds[a], x: accuracy.without[a], b: seeds[b], y: accuracy.with[b], judged: words[`pair_${pairs[a][b]}`],
    });
    $("drawn").textContent = `${pair} ${say("tally", tally)}`;
  }
  $("draw").addEventListener("click", () => drawPairs(1));
  $("draw100").addEventListener("click", () => drawPairs(100));
  show("knobs", "drawing");
  await choose(comparisons[data.start]);

  // ---- Inside: the network itself.
  const network = JSON.parse($("network").textContent);
  const images = await inflate(network.images);
  const bytes = await inflate(network.weights); // the low ones of all weights, then the high ones
  let start = 0;
  const weights = network.shapes.map((shape, layer) => {
    const size = shape.reduce((a, b) => a * b);
    const part = Float32Array.from({ length: size }, (_, i) => {
      const [low, high] = [bytes[start + i], bytes[bytes.length / 2 + start + i]];
      return (((low | (high << 8)) << 16) >> 16) * network.scales[layer];
    });
    start += size;
    return part;
  });

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
  const drop = () => { mask = newMask(); };
  const vote = () => { masks = Array.from({ length: data.masks }, newMask); };

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
  function tell() { // what the masks make of it
    const empty = pixels.every((value) => value === 0);
    const most = Math.max(...units, 1e-9);
    [...$("units").children].forEach((rect, u) => {
      rect.classList.toggle("gone", !mask[u]);
      rect.style.setProperty("--level", units[u] / most);
    });
    const full = probabilitiesOf(units), one = probabilitiesOf(masked(mask));
    const each = masks.map((other) => probabilitiesOf(masked(other)));
    const mean = full.map((_, c) => each.reduce((sum, p) => sum + p[c], 0) / each.length);
    const votes = full.map((_, c) => each.filter((p) => best(p) === c).length);
    const percent = (p) => (100 * p).toFixed(1);
    [...$("votes").rows].forEach((row, c) => {
      [full, one, mean].forEach((p, column) => {
        row.cells[column + 1].textContent = empty ? "" : percent(p[c]);
        row.cells[column + 1].style.setProperty("--p", empty ? "0%" : `${percent(p[c])}%`);
      });
      row.cells[4].textContent = empty ? "" : votes[c];
    });
    const p = (probabilities) => percent(Math.max(...probabilities));
    $("says").textContent = empty ? words.nothing : say("says", {
      full: best(full), full_p: p(full), one: best(one), one_p: p(one), mean: best(mean), mean_p: p(mean),
      votes: votes[best(mean)], units: units.length, dropped: mask.filter((kept) => !kept).length,
    });
  }
  function choosePicture(image) {
    pixels = images.slice(784 * image, 784 * (image + 1));
    drawn = false;
    look();
  }
  $("image").addEventListener("change", () => choosePicture(Number($("image").value)));
  $("clear").addEventListener("click", () => { pixels.fill(0); drawn = true; look(); });
  $("drop").addEventListener("click", () => { drop(); tell(); });
  $("vote").addEventListener("click", () => { vote(); tell(); });
  $("rate").addEventListener("input", () => {
    rate = Number($("rate").value);
    $("rate-value").textContent = rate;
    drop();
    vote();
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
  vote();
  choosePicture(data.image);
  document.documentElement.dataset.ready = "";
})();
