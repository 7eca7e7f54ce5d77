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
  return stored.split("_").map(Number.parseFloat).map((value) => (Number.isNaN(value) ? undefined : value));
}
function drawGuess() {
  const seen = state.has("seen"), line = readGuess(), of = seen ? sides : ["without"];
  const points = line.map((value, i) => [i + 1, value]).filter(([, value]) => value !== undefined);
  const y = { domain: [0, 1.1 * Math.max(...guessed.without.bands.val_loss[2])] };
  const marks = [...curves(guessed, "val_loss", { of }), { kind: "line", of: "guess", points }];
  drawChart("guess", { x: byEpoch(guessed), y, marks, legend: [...of, ...(points.length ? ["guess"] : [])] });
  for (const button of all("[data-guess]")) button.ariaPressed = button.dataset.guess === state.get("guess");
  const [mine, measured, without] = [line, guessed.with.bands.val_loss[0], losses].map((values) => values[losses.length - 1]?.toFixed(2));
  const texts = [...(mine ? [say("mine", { guess: mine })] : []), say("guessed", { with: measured, without })];
  $("guessed").textContent = seen ? texts.join(data.say.space) : "";
}
function setGuess(values) {
  save(values);
  drawGuess();
}
for (const button of all("[data-guess]")) button.onclick = () => setGuess({ guess: button.dataset.guess });
$("reveal").onclick = () => setGuess({ seen: 1 });
onDrag($("guess-chart"), (right, down, begins) => {
  const line = begins ? [] : readGuess();
  line[Math.round(right * (losses.length - 1))] = ((1 - down) * charts.guess.y.domain[1]).toFixed(3);
  state.set("guess", Array.from(line, (each) => each ?? "").join("_"));
  drawGuess();
});
drawGuess();

// ---- The story: both losses, epoch by epoch.
const range = $("epoch"), rises = start.without.bands.val_loss[0].indexOf(Math.min(...start.without.bands.val_loss[0])) + 1;
function tell(epoch) {
  reached = range.value = range.nextElementSibling.textContent = epoch;
  for (const [id, measure] of [["training", "loss"], ["validation", "val_loss"]]) {
    const highest = Math.max(...sides.flatMap((side) => start[side].runs[measure].flat()));
    const marks = curves(start, measure, { until: epoch });
    drawChart(id, { x: byEpoch(start), y: { domain: [0, 1.02 * highest] }, marks, legend: legendOf(start) });
  }
  $("epoch-says").textContent = say(epoch > rises + 1 ? "late" : "early", { epoch, turn: rises });
  save({ epoch: epoch === start.epochs ? null : epoch });
}
let reached;
const stop = addPlayer($("tell"), $("epoch-says"), () => {
  if (reached >= start.epochs) reached = 0;
}, () => {
  tell(reached + 1);
  return reached < start.epochs && 350;
});
range.max = start.epochs;
range.oninput = () => {
  stop();
  tell(Number(range.value));
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
// What the address asks for, but for what nothing has.
const isThere = ([knob, value]) => data.comparisons.some((other) => String(other[knob]) === value);
const current = () => findNearest({ ...start, ...Object.fromEntries([...state].filter(isThere)) });
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
  $("verdict").replaceChildren(strong, data.say.space, say("gain", { ...figures, seeds: seeds.length, epochs }));

  const zoom = controls.zoom.checked = state.has("zoom");
  const before = (state.get("last") ?? "").split("*");
  const last = before.length > 1 && findNearest(Object.fromEntries(data.knobs.map((knob, i) => [knob, before[i]])));
  // The axis is that of all settings with these images, or with those of the last setting.
  const shown = last && !zoom ? [chosen, last] : [chosen];
  const alike = data.comparisons.filter((other) => shown.some((each) => other.data === each.data && other.images === each.images));
  const means = alike.flatMap((other) => sides.flatMap((side) => other[side].bands[measure][0])), highest = Math.max(...means);
  const lowest = Math.max(Math.min(...means), measure.endsWith("accuracy") ? 0.05 : 0.001);
  const place = (other) => (i) => (zoom ? i + 1 : 100 * i / (other.epochs - 1));
  const pale = last ? curves(last, measure, { place: place(last) }) : [];
  drawChart("knobs", {
    x: zoom ? byEpoch(chosen) : { title: data.say.share, domain: [0, 100] },
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
  tally = {};
  save({ zoom: null, ...Object.fromEntries(new FormData(knobs)), ...pick(chosen) });
  drawKnobs();
};

// ---- Pairs of runs. Where a seed chooses the images, only those of the same seed.
let tally = {};
function listPairs({ seeds, same, with: { accuracy }, without }) {
  const pairs = seeds.flatMap((_, a) => seeds.map((__, b) => [a, b])).filter(([a, b]) => !same || a === b);
  const compare = (a, b) => ["lower", "equal", "higher"][1 + Math.sign(accuracy[b] - without.accuracy[a])];
  return pairs.map(([a, b]) => ({ kind: compare(a, b), of: "", seed: seeds[a], points: [[without.accuracy[a], seeds[b], accuracy[b]]] }));
}
function drawGrid() {
  const { seeds, same, title, verdict } = current(), pairs = listPairs(current());
  const [a, b] = numbers("pair"), drawn = pairs.find(({ seed, points }) => seed === a && points[0][1] === b);
  const counts = { pairs: pairs.length, lower: 0, equal: 0, higher: 0 };
  for (const { kind } of pairs) counts[kind] += 1;
  const first = `${title}${data.say.colon}${say("counts", counts)}`;
  $("counts").textContent = [first, say(`truth_${verdict}`, counts), ...(same ? [data.say.same] : [])].join(data.say.space);
  $("grid").ariaLabel = first;
  $("grid").style.setProperty("--columns", seeds.length);
  $("grid").innerHTML = pairs.map((pair) => `<i class="${pair.kind}${pair === drawn ? " now" : ""}"></i>`).join("");
  charts.pairs = { header: ["pair", "seed without", "accuracy without", "seed with", "accuracy with"], marks: pairs };
  $("drawn").textContent = "";
  if (!drawn) return;
  const [x, y] = [drawn.points[0][0], drawn.points[0][2]].map((accuracy) => accuracy.toFixed(2));
  const text = say("pair", { a, x, b, y, kind: data.say.kinds[drawn.kind] });
  $("drawn").textContent = tally.n ? [text, say("drawn", tally)].join(data.say.space) : text;
}
function drawPairs(count) {
  const pairs = listPairs(current());
  tally = { n: 0, lower: 0, equal: 0, higher: 0, ...tally };
  for (let i = 0; i < count; i++) {
    const { kind, seed, points } = pairs[Math.floor(Math.random() * pairs.length)];
    tally.n += 1;
    tally[kind] += 1;
    state.set("pair", `${seed}_${points[0][1]}`);
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
