// ---- Guess: a line for each choice, or drawn by hand; then what was measured.
const [guessed, start] = [data.comparisons[data.guess], data.comparisons[data.start]];
const losses = guessed.without.bands.val_loss[0], lowest = Math.min(...losses), turn = losses.indexOf(lowest);
const after = { // the lowest loss, by epoch and choice
  fall: (i) => lowest * (1 - 0.35 * (i - turn) / (losses.length - 1 - turn)),
  level: () => lowest,
  half: (i) => (lowest + losses[i]) / 2,
  same: (i) => losses[i],
};
function readGuess() { // a value for each epoch, or none
  const stored = state.get("guess") ?? "", choice = after[stored];
  if (choice) return losses.map((value, i) => (i <= turn ? value : choice(i)));
  return stored.split("_").map((value) => (value ? Number(value) : undefined));
}
function drawGuess() {
  const seen = state.has("seen"), line = readGuess(), of = seen ? sides : ["without"];
  const points = line.map((value, i) => [i + 1, value]).filter(([, value]) => value !== undefined);
  const y = { domain: [0, 1.1 * Math.max(...guessed.without.bands.val_loss[2])] };
  const marks = [...curves(guessed, "val_loss", { of }), { kind: "line", of: "guess", points }];
  drawChart("guess", { x: byEpoch(guessed), y, marks, legend: [...of, ...(points.length ? ["guess"] : [])] });
  for (const button of all("[data-guess]")) button.ariaPressed = button.dataset.guess === state.get("guess");
  const [mine, measured, without] = [line, guessed.with.bands.val_loss[0], losses].map((values) => values[losses.length - 1]?.toFixed(2) ?? "?");
  $("guessed").textContent = seen ? say("guessed", { guess: mine, with: measured, without }) : "";
}
function setGuess(values) {
  save(values);
  drawGuess();
}
function drawLine(event) {
  const [epoch, value] = locate("guess", event), line = event.type === "pointerdown" ? [] : readGuess();
  line[Math.round(epoch) - 1] = value.toFixed(3);
  state.set("guess", Array.from(line, (each) => each ?? "").join("_"));
  drawGuess();
}
for (const button of all("[data-guess]")) button.onclick = () => setGuess({ guess: button.dataset.guess });
$("reveal").onclick = () => setGuess({ seen: 1 });
$("guess-chart").onpointerdown = (event) => { event.preventDefault(); drawLine(event); };
$("guess-chart").onpointermove = (event) => { if (event.buttons) drawLine(event); };
$("guess-chart").onpointerup = () => save({});
drawGuess();

// ---- The story: both losses, epoch by epoch.
const range = $("epoch"), rises = start.without.bands.val_loss[0];
const bottomOf = (values) => values.indexOf(Math.min(...values)) + 1;
function tell(epoch) {
  range.value = range.nextElementSibling.textContent = epoch;
  for (const [id, measure] of [["training", "loss"], ["validation", "val_loss"]]) {
    const highest = Math.max(...sides.flatMap((side) => start[side].runs[measure].flat()));
    const marks = curves(start, measure, { until: epoch });
    drawChart(id, { x: byEpoch(start), y: { domain: [0, 1.02 * highest] }, marks, legend: legendOf(start) });
  }
  $("epoch-says").textContent = say(epoch > bottomOf(rises) + 1 ? "late" : "early", { epoch, turn: bottomOf(rises) });
}
function keepEpoch() {
  save({ epoch: range.value === range.max ? null : range.value });
}
let running;
range.max = start.epochs;
range.oninput = () => {
  clearInterval(running);
  tell(Number(range.value));
  keepEpoch();
};
$("tell").onclick = () => {
  clearInterval(running);
  tell(1);
  running = setInterval(() => {
    tell(Number(range.value) + 1);
    if (range.value !== range.max) return;
    clearInterval(running);
    keepEpoch();
  }, 350);
};
tell(number("epoch", start.epochs, 1, start.epochs));

// ---- Knobs: the choice decides verdict, chart, and the pairs below.
const knobs = document.forms[0], controls = knobs.elements;
// The comparison that agrees in most with what is asked for, above all in one knob.
function findNearest(values, first) {
  const agree = (other) => data.knobs.filter((knob) => String(other[knob]) === String(values[knob]));
  const score = (other) => agree(other).length + (agree(other).includes(first) ? data.knobs.length : 0);
  return data.comparisons.reduce((a, b) => (score(b) > score(a) ? b : a));
}
const current = () => findNearest({ ...start, ...Object.fromEntries(state) });
function drawKnobs() {
  const chosen = current(), measure = state.get("show") in data.say.axes ? state.get("show") : "val_loss";
  for (const name of data.knobs) for (const radio of knobs.querySelectorAll(`[name=${name}]`)) {
    const asked = { ...chosen, [name]: radio.value };
    radio.checked = radio.value === String(chosen[name]);
    radio.parentElement.classList.toggle("far", data.knobs.some((knob) => String(findNearest(asked)[knob]) !== String(asked[knob])));
  }
  controls.show.value = measure;
  const { title, figures, seeds, epochs, verdict } = chosen;
  const strong = Object.assign(document.createElement("strong"), { textContent: say(verdict, { title }) });
  $("verdict").className = `verdict ${verdict}`;
  $("verdict").replaceChildren(strong, ` ${say("gain", { ...figures, seeds: seeds.length, epochs })}`);

  const zoom = controls.zoom.checked = state.has("zoom");
  const alike = data.comparisons.filter((other) => !zoom || (other.data === chosen.data && other.images === chosen.images));
  const means = alike.flatMap((other) => sides.flatMap((side) => other[side].bands[measure][0])), highest = Math.max(...means);
  const lowest = Math.max(Math.min(...means), measure.endsWith("accuracy") ? 0.05 : 0.001);
  const place = (other) => (i) => (zoom ? i + 1 : 100 * i / (other.epochs - 1));
  const before = (state.get("last") ?? "").split("*");
  const last = before.length > 1 && findNearest(Object.fromEntries(data.knobs.map((knob, i) => [knob, before[i]])));
  const pale = last ? curves(last, measure, { place: place(last) }) : [];
  drawChart("knobs", {
    x: zoom ? byEpoch(chosen) : { title: data.say.share, domain: [0, 100], ticks: [0, 25, 50, 75, 100] },
    y: { domain: zoom ? [0, 1.05 * highest] : [0.9 * lowest, 1.1 * highest], log: !zoom },
    marks: [
      ...pale.filter(({ kind, of }) => kind === "line" && sides.includes(of)).map((mark) => ({ ...mark, of: `last ${mark.of}` })),
      ...curves(chosen, measure, { place: place(chosen) }),
    ],
    legend: [...legendOf(chosen), ...(last ? ["last"] : [])],
  });
  const caption = `${title}${data.say.colon}${data.say.axes[measure]}`;
  $("knobs-chart").ariaLabel = caption;
  $("knobs-chart").previousElementSibling.firstElementChild.textContent = caption;
  drawGrid();
}
knobs.onchange = ({ target: { name, value } }) => {
  const before = current(), changed = data.knobs.includes(name);
  const chosen = changed ? findNearest({ ...before, [name]: value }, name) : before;
  const pick = (other) => Object.fromEntries(data.knobs.map((knob) => [knob, other[knob]]));
  if (changed) save({ last: Object.values(pick(before)).join("*"), pair: null });
  tally = { n: 0, lower: 0, equal: 0, higher: 0 };
  save({ zoom: null, ...Object.fromEntries(new FormData(knobs)), ...pick(chosen) });
  drawKnobs();
};

// ---- Pairs of runs. Where a seed chooses the images, only those of the same seed.
let tally = { n: 0, lower: 0, equal: 0, higher: 0 };
const kindOf = (comparison, a, b) => ["lower", "equal", "higher"][1 + Math.sign(comparison.with.accuracy[b] - comparison.without.accuracy[a])];
const listPairs = ({ seeds, same }) => seeds.flatMap((_, a) => seeds.map((__, b) => [a, b])).filter(([a, b]) => !same || a === b);
function drawGrid() {
  const chosen = current(), pairs = listPairs(chosen), { seeds, with: dropout, without, same, title, verdict } = chosen;
  const [a, b] = numbers("pair").map((seed) => seeds.indexOf(seed)), counts = { pairs: pairs.length, lower: 0, equal: 0, higher: 0 };
  const cells = pairs.map((pair) => {
    const kind = kindOf(chosen, ...pair);
    counts[kind] += 1;
    return `<i class="${kind}${pair[0] === a && pair[1] === b ? " now" : ""}"></i>`;
  });
  const first = `${title}${data.say.colon}${say("counts", counts)}`;
  $("counts").textContent = [first, say(`truth_${verdict}`, counts), ...(same ? [data.say.same] : [])].join(data.say.space);
  $("grid").ariaLabel = first;
  $("grid").style.setProperty("--columns", seeds.length);
  $("grid").innerHTML = cells.join("");
  charts.pairs = {
    header: ["pair", "seed without", "accuracy without", "seed with", "accuracy with"],
    marks: pairs.map(([x, y]) => ({ kind: kindOf(chosen, x, y), of: "", seed: seeds[x], points: [[without.accuracy[x], seeds[y], dropout.accuracy[y]]] })),
  };
  const texts = [];
  if (seeds[a] !== undefined && seeds[b] !== undefined) {
    const figures = { a: seeds[a], x: without.accuracy[a].toFixed(2), b: seeds[b], y: dropout.accuracy[b].toFixed(2) };
    texts.push(say("pair", { ...figures, kind: data.say.kinds[kindOf(chosen, a, b)] }));
  }
  if (tally.n) texts.push(say("drawn", tally));
  $("drawn").textContent = texts.join(" ");
}
function drawPairs(count) {
  const chosen = current(), pairs = listPairs(chosen);
  for (let i = 0; i < count; i++) {
    const pair = pairs[Math.floor(Math.random() * pairs.length)];
    tally.n += 1;
    tally[kindOf(chosen, ...pair)] += 1;
    state.set("pair", pair.map((place) => chosen.seeds[place]).join("_"));
  }
  save({});
  drawGrid();
}
$("draw").onclick = () => drawPairs(1);
$("draw100").onclick = () => drawPairs(100);
drawKnobs();

// ---- To embed.
$("part").onchange = () => save({});
$("embed").onfocus = () => $("embed").select();
if (state.has("embed")) {
  document.body.classList.add("embedded");
  for (const section of all("main > section")) section.hidden = section.id !== state.get("embed");
}
$("beside").hidden = location.protocol === "file:"; // .github/workflows/pages.yml puts them there
save({});
if (state.has("at")) $(state.get("at"))?.scrollIntoView();
document.documentElement.dataset.ready = "";
