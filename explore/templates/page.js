// ---- Guess: a line for each choice, or drawn by hand; then what was measured.
const share = (comparison) => ({ title: data.say.share, domain: [0, 1], ticks: [0, 0.25, 0.5, 0.75, 1].map((v) => [v, `${100 * v}`]), place: (i) => i / (comparison.epochs - 1) });
const byEpoch = ({ epochs }) => ({ title: data.say.epoch, domain: [1, epochs], ticks: [1, 2, 3, 4].map((q) => Math.round(epochs * q / 4)).concat(1).map((v) => [v, `${v}`]), place: (i) => i + 1 });
{
  const comparison = data.comparisons[data.guess], { bands } = comparison;
  const [without, measured] = sides.map((side) => bands.val_loss[side][0]);
  const lowest = Math.min(...without), turn = without.indexOf(lowest), end = without.length - 1;
  const after = {
    fall: (i) => lowest * (1 - 0.35 * (i - turn) / (end - turn)),
    level: () => lowest,
    half: (i) => (lowest + without[i]) / 2,
    same: (i) => without[i],
  };
  const guess = chart("guess", 320), buttons = [...document.querySelectorAll("[data-guess]")];
  const y = { title: data.axes.val_loss, domain: [0, 1.1 * Math.max(...bands.val_loss.without[2])] };
  const choice = (name) => without.map((value, i) => (i <= turn ? value : after[name](i)));
  let line = [], picked = null, seen = state.has("seen"); // a value for each epoch, or a gap
  const stored = state.get("guess") ?? "";
  if (after[stored]) [picked, line] = [stored, choice(stored)];
  else if (stored) line = stored.split(",").map((value) => (value === "" ? undefined : Number(value)));
  function redraw() {
    buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.guess === picked));
    const points = line.map((value, i) => [i + 1, value]).filter(([, value]) => value !== undefined);
    guess.draw({
      x: byEpoch(comparison), y, legend: ["without", ...(seen ? ["with"] : []), ...(points.length ? ["guess"] : [])],
      marks: [...curves(comparison, "val_loss", { of: seen ? sides : ["without"] }), { kind: "line", of: "guess", points }],
    });
    const [mine, dropout, none] = [line, measured, without].map((values) => values[end]?.toFixed(2) ?? "?");
    $("guessed").textContent = seen ? say("guessed", { guess: mine, with: dropout, without: none }) : "";
  }
  const keep = () => { redraw(); save({ guess: picked ?? Array.from(line, (value) => value?.toFixed(3) ?? "").join(","), seen: seen ? 1 : null }); };
  for (const button of buttons) {
    button.addEventListener("click", () => { picked = button.dataset.guess; line = choice(picked); keep(); });
  }
  function pen(event) {
    if (!event.buttons) return;
    const [epoch, value] = guess.at(event);
    line[Math.round(epoch) - 1] = value;
    redraw();
  }
  const element = $("chart-guess");
  element.addEventListener("pointerdown", (event) => { [line, picked] = [[], null]; event.preventDefault(); pen(event); });
  element.addEventListener("pointermove", pen);
  element.addEventListener("pointerup", keep);
  $("reveal").addEventListener("click", () => { seen = true; keep(); });
  tables.guess = () => curveRows(comparison, "val_loss").filter(([side]) => seen || side !== "with");
  redraw();
}

// ---- The story: both losses, epoch by epoch.
{
  const comparison = data.comparisons[data.start], without = comparison.bands.val_loss.without[0];
  const turn = without.indexOf(Math.min(...without)) + 1, range = $("epoch");
  const charts = Object.entries({ training: "loss", validation: "val_loss" }).map(([id, measure]) => {
    tables[id] = () => curveRows(comparison, measure);
    return [chart(id, 260), measure, 1.02 * Math.max(...sides.flatMap((side) => comparison.runs[measure][side].flat()))];
  });
  range.max = comparison.epochs;
  range.value = state.get("epoch") ?? comparison.epochs;
  let running;
  function redraw() {
    const epoch = Number(range.value);
    range.nextElementSibling.textContent = epoch;
    for (const [each, measure, top] of charts) {
      each.draw({ x: byEpoch(comparison), y: { title: data.axes[measure], domain: [0, top] }, legend: sides, marks: curves(comparison, measure, { upTo: epoch }) });
    }
    $("epoch-says").textContent = say(epoch > turn + 1 ? "late" : "early", { epoch, turn });
  }
  const keep = () => save({ epoch: Number(range.value) === comparison.epochs ? null : range.value });
  const stop = () => { clearInterval(running); running = undefined; };
  range.addEventListener("input", () => { stop(); redraw(); keep(); });
  $("tell").addEventListener("click", () => {
    stop();
    range.value = 1;
    running = setInterval(() => {
      range.value = Number(range.value) + 1;
      redraw();
      if (Number(range.value) === comparison.epochs) { stop(); keep(); }
    }, 350);
    redraw();
  });
  redraw();
}

// ---- Gains by rate and by number of images: those of the main setting but for one parameter.
for (const [id, knob, text] of [["rates", "dropout_rate", "rate"], ["sizes", "train_samples", "images"]]) {
  const start = data.comparisons[data.start];
  const found = data.comparisons.filter((other) => data.knobs.every((name) => name === knob || other[name] === start[name])).sort((a, b) => a[knob] - b[knob]);
  const ends = [0, ...found.flatMap(({ gain }) => [gain.low, gain.high])], room = 0.05 * (Math.max(...ends) - Math.min(...ends));
  tables[id] = () => [[knob, "mean", "low", "high"], ...found.map(({ gain, ...other }) => [other[knob], gain.mean, gain.low, gain.high])];
  chart(id, 260).draw({
    x: { title: data.say[text], domain: [-0.5, found.length - 0.5], ticks: found.map((other, i) => [i, other[knob].toLocaleString("en")]) },
    y: { title: data.axes.gain, domain: [Math.min(...ends) - room, Math.max(...ends) + room] },
    marks: [{ kind: "dot", of: "with", points: found.map(({ gain }, i) => [i, gain.mean, gain.low, gain.high]) }],
  });
}

// ---- Knobs: the choice decides verdict, chart, and the pairs below.
const knobChart = chart("knobs", 380), radios = (name) => [...document.querySelectorAll(`#knobs [name=${name}]`)];
const is = (comparison, name, radio) => String(comparison[name]) === radio.value;
const SHORT = { dataset: "data", dense_units: "units", train_samples: "images", placement: "after", dropout_rate: "rate" };
// The first that agrees in most with what is asked for.
function nearest(values, among = data.comparisons) {
  const alike = (other) => data.knobs.filter((knob) => String(other[knob]) === String(values[knob])).length;
  return among.reduce((a, b) => (alike(b) > alike(a) ? b : a));
}
let current, last, tally, pair;
const measure = () => radios("measure").find((radio) => radio.checked).value;
function choose(comparison) {
  if (current && comparison !== current) last = current;
  [current, pair] = [comparison, null];
  tally = { n: 0, higher: 0, lower: 0, equal: 0 };
  for (const name of data.knobs) for (const radio of radios(name)) {
    radio.checked = is(current, name, radio);
    const there = data.comparisons.some((other) => is(other, name, radio) && data.knobs.every((knob) => knob === name || other[knob] === current[knob]));
    radio.parentElement.classList.toggle("far", !there);
  }
  const { title, figures, seeds, epochs, verdict } = current;
  const [first, second] = [say(verdict, { title }), say("gain", { ...figures, seeds: seeds.length, epochs })];
  $("verdict").className = `verdict ${verdict}`;
  $("verdict").replaceChildren(Object.assign(document.createElement("strong"), { textContent: first }), ` ${second}`);
  drawKnobs();
  drawGrid();
}
function drawKnobs() {
  const name = measure(), zoom = $("zoom").checked, x = (zoom ? byEpoch : share)(current);
  const alike = data.comparisons.filter((other) => !zoom || (other.dataset === current.dataset && other.train_samples === current.train_samples));
  const values = alike.flatMap((other) => sides.flatMap((side) => other.bands[name][side][0]));
  const floor = name.endsWith("errors") ? 0.05 : 0.001;
  const domain = zoom ? [0, 1.05 * Math.max(...values)] : [Math.max(floor, Math.min(...values)) * 0.9, Math.max(...values) * 1.1];
  const pale = last ? sides.map((side) => ({ kind: "line", of: `last ${side}`, points: last.bands[name][side][0].map((value, i) => [zoom ? i + 1 : i / (last.epochs - 1), value]) })) : [];
  knobChart.draw({ x, y: { title: data.axes[name], domain, log: !zoom }, legend: [...sides, ...(last ? ["last"] : [])], marks: [...pale, ...curves(current, name, { place: x.place })] });
  const caption = `${current.title}${data.say.colon}${data.axes[name]}`;
  $("chart-knobs").setAttribute("aria-label", caption);
  $("chart-knobs").parentElement.querySelector("figcaption span").textContent = caption;
  tables.knobs = () => curveRows(current, name);
}
function keepKnobs() {
  const start = data.comparisons[data.start];
  const set = Object.fromEntries(data.knobs.map((knob) => [SHORT[knob], current[knob] === start[knob] ? null : current[knob]]));
  save({ ...set, show: measure() === "val_loss" ? null : measure(), zoom: $("zoom").checked ? 1 : null, last: last ? data.knobs.map((knob) => last[knob]).join(",") : null, pair: null });
}
for (const name of data.knobs) for (const radio of radios(name)) {
  radio.addEventListener("change", () => {
    choose(nearest(current, data.comparisons.filter((other) => is(other, name, radio))));
    keepKnobs();
  });
}
for (const control of [...radios("measure"), $("zoom")]) control.addEventListener("change", () => { drawKnobs(); keepKnobs(); });

// ---- Pairs of runs. Where a seed chooses the images, only those of the same seed.
const kindOf = (a, b) => ["lower", "equal", "higher"][1 + Math.sign(current.accuracy.with[b] - current.accuracy.without[a])];
const allPairs = () => current.seeds.flatMap((_, a) => current.seeds.map((__, b) => [a, b])).filter(([a, b]) => !current.same || a === b);
function drawGrid() {
  const pairs = allPairs(), kinds = pairs.map(([a, b]) => kindOf(a, b));
  const counts = Object.fromEntries(["higher", "lower", "equal"].map((kind) => [kind, kinds.filter((other) => other === kind).length]));
  const texts = [`${current.title}${data.say.colon}${say("counts", { pairs: pairs.length, ...counts })}`, say(`truth_${current.verdict}`, { pairs: pairs.length, ...counts }), ...(current.same ? [say("same")] : [])];
  $("counts").textContent = texts.join(data.say.space);
  $("grid").setAttribute("aria-label", texts[0]);
  $("grid").style.setProperty("--columns", current.seeds.length);
  $("grid").replaceChildren(...pairs.map(([a, b], i) => Object.assign(document.createElement("i"), { className: kinds[i] + (pair && pair[0] === a && pair[1] === b ? " now" : "") })));
  const { seeds, accuracy } = current;
  tables.pairs = () => [["seed without", "accuracy without", "seed with", "accuracy with"], ...pairs.map(([a, b]) => [seeds[a], accuracy.without[a], seeds[b], accuracy.with[b]])];
  if (!pair) { $("drawn").textContent = ""; return; }
  const line = say("pair", { a: seeds[pair[0]], x: accuracy.without[pair[0]].toFixed(2), b: seeds[pair[1]], y: accuracy.with[pair[1]].toFixed(2), kind: data.kinds[kindOf(...pair)] });
  $("drawn").textContent = tally.n ? `${line} ${say("drawn", tally)}` : line;
}
function drawPairs(count) {
  const pairs = allPairs();
  for (let i = 0; i < count; i++) {
    pair = pairs[Math.floor(Math.random() * pairs.length)];
    tally.n += 1;
    tally[kindOf(...pair)] += 1;
  }
  drawGrid();
  save({ pair: pair.map((place) => current.seeds[place]).join(",") });
}
$("draw").addEventListener("click", () => drawPairs(1));
$("draw100").addEventListener("click", () => drawPairs(100));

for (const radio of radios("measure")) radio.checked = radio.value === (state.get("show") ?? "val_loss");
$("zoom").checked = state.has("zoom");
const start = data.comparisons[data.start];
if (state.has("last")) {
  const values = state.get("last").split(",");
  current = nearest(Object.fromEntries(data.knobs.map((knob, i) => [knob, values[i]])));
}
choose(nearest(Object.fromEntries(data.knobs.map((knob) => [knob, state.get(SHORT[knob]) ?? start[knob]]))));
if (state.has("pair")) {
  const found = state.get("pair").split(",").map((seed) => current.seeds.indexOf(Number(seed)));
  if (found.every((place) => place >= 0)) { pair = found; drawGrid(); }
}

// ---- To embed.
$("part").addEventListener("change", () => save({}));
$("embed").addEventListener("focus", () => $("embed").select());
const embedded = state.get("embed");
if (embedded) {
  document.body.classList.add("embedded");
  document.querySelectorAll("main > section").forEach((section) => { section.hidden = section.id !== embedded; });
}
$("beside").hidden = location.protocol === "file:"; // .github/workflows/pages.yml puts them there
save({});
if (state.has("at")) $(state.get("at"))?.scrollIntoView();
document.documentElement.dataset.ready = "";
