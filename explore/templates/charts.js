// What the page was given, its state in the address, and charts as SVG.
const $ = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

async function inflate(text) {
  const packed = await fetch(`data:;base64,${text}`);
  return new Response(packed.body.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}
const data = JSON.parse(new TextDecoder().decode(await inflate($("data").textContent)));
const say = (name, values) => data.say[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);

// ---- All that a reader has set is in the address, behind the #; a section alone is `at`.
const hash = () => location.hash.slice(1);
const state = new URLSearchParams(hash().includes("=") ? hash() : { at: hash() });
function save(values) {
  for (const [key, value] of Object.entries(values)) state.set(key, value ?? "");
  for (const [key, value] of [...state]) if (value === "") state.delete(key);
  history.replaceState(null, "", `#${state}`);
  $("language").hash = state;
  const part = new URLSearchParams([...state, ["embed", $("part").value]]);
  const source = `${location.href.split("#")[0]}#${part}`.replaceAll("&", "&amp;");
  $("embed").value = `<iframe src="${source}" width="100%" height="640" title="${document.title}"></iframe>`;
}
addEventListener("hashchange", () => (hash().includes("=") ? location.reload() : save({ at: hash() })));
// A number of the address within its limits; `otherwise` where there is none, whatever somebody wrote.
function number(key, otherwise, low, high) {
  const found = Number.parseFloat(state.get(key));
  return clamp(Number.isNaN(found) ? otherwise : found, low, high);
}
const numbers = (key) => (state.get(key) ?? "").split("_").filter(Boolean).map(Number);

// A button that takes one step after the other, until it is pressed again or a step gives no time to the next.
function addPlayer(button, status, begin, step) { // returns what pauses it
  const label = button.textContent;
  let timer;
  function pause() {
    if (!timer) return;
    timer = clearTimeout(timer);
    button.textContent = label;
    status.ariaLive = "polite";
    save({}); // only at the end, since browsers limit how often
  }
  function play() {
    const wait = step();
    timer = setTimeout(wait ? play : pause, wait);
  }
  button.onclick = () => {
    if (timer) return pause();
    begin();
    button.textContent = data.say.pause;
    status.ariaLive = "off"; // too fast to be read out
    return play();
  };
  return pause;
}

// Call `draw` with the place of a pressed pointer, as shares of the element, or of the chart in it.
function onDrag(element, draw) {
  const act = ({ clientX, clientY }, begins) => {
    const box = (element.querySelector("rect") ?? element).getBoundingClientRect();
    draw(clamp((clientX - box.left) / box.width, 0, 1), clamp((clientY - box.top) / box.height, 0, 1), begins);
  };
  element.onpointerdown = (event) => {
    element.setPointerCapture(event.pointerId);
    act(event, true);
  };
  element.onpointermove = (event) => { if (event.buttons) act(event, false); };
  element.onpointerup = () => save({}); // in the address when it ends
}

// ---- Charts: what is drawn, by id. An axis has a `domain`; x has a `title`, and y may have `log`.
const charts = {};
const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [46, 12, 8, 44, 300];
function scale({ domain: [low, high], log }, length) { // pixels of a value
  const f = log ? (value) => Math.log(Math.max(value, low / 1000)) : (value) => value;
  return (value) => length * (f(value) - f(low)) / (f(high) - f(low));
}
function findTicks({ domain: [low, high], log }) {
  const power = 10 ** Math.floor(Math.log10((high - low) / 5));
  const step = power * [1, 2, 5, 10].find((each) => each * power >= (high - low) / 5);
  const first = Math.ceil(low / step);
  const digits = high / low < 20 ? [1, 2, 3, 5, 7] : [1, 2, 5];
  const found = log
    ? [-4, -3, -2, -1, 0, 1, 2].flatMap((exponent) => digits.map((digit) => digit * 10 ** exponent))
    : Array.from({ length: 12 }, (_, i) => (first + i) * step);
  return found.map((value) => Number(value.toPrecision(3))).filter((value) => value >= low && value <= high);
}
function paint(element) {
  const spec = charts[element.id.split("-")[0]], width = element.clientWidth;
  if (!spec || !width || spec.painted === width) return; // not yet drawn, hidden, or drawn already
  spec.painted = width;
  const [right, bottom] = [width - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
  const [across, fromBottom] = [scale(spec.x, right), scale(spec.y, bottom)];
  const down = (value) => clamp(bottom - fromBottom(value), -999, 999);
  const label = (value) => (value > 999 ? value.toLocaleString("en") : String(value).replace("-", "−"));
  const shapes = spec.marks.filter(({ points }) => points.length).map(({ kind, of, points }) => {
    const back = kind === "band" ? points.map(([x, , high]) => [x, high]).reverse() : [];
    const outline = [...points, ...back].map(([x, y]) => `${across(x).toFixed(1)} ${down(y).toFixed(1)}`);
    return `<path class="${kind} ${of}" d="M${outline.join("L")}"/>`;
  });
  const rows = findTicks(spec.y).map((value) => {
    const y = TOP + down(value);
    return `<path class="rule" d="M${LEFT} ${y}h${right}"/><text class="y" x="${LEFT - 8}" y="${y + 4}">${label(value)}</text>`;
  });
  const [first, last] = spec.x.domain, quarters = [0, 1, 2, 3, 4].map((q) => Math.max(first, Math.round(last * q / 4)));
  const columns = quarters.map((value) => `<text x="${LEFT + across(value)}" y="${HEIGHT - 24}">${label(value)}</text>`);
  const keys = spec.legend.map((name) => `<span><i class="line ${name}"></i>${data.say.legend[name]}</span>`);
  element.innerHTML = `<p class="legend" aria-hidden="true">${keys.join("")}</p>
    <svg viewBox="0 0 ${width} ${HEIGHT}" aria-hidden="true">${rows.join("")}${columns.join("")}
    <text x="${LEFT + right / 2}" y="${HEIGHT - 4}">${spec.x.title}</text>
    <svg x="${LEFT}" y="${TOP}" width="${right}" height="${bottom}">
    <rect width="100%" height="100%" fill="none"/>${shapes.join("")}</svg></svg>`;
}
function drawChart(id, spec) {
  charts[id] = { legend: [], ...spec };
  paint($(`${id}-chart`));
}
const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => paint(target)));
all(".chart").forEach((element) => observer.observe(element));

// ---- Curves of a comparison: single runs, intervals, means, and the pipeline's own run.
const sides = ["without", "with"];
function curves(comparison, measure, { place = (i) => i + 1, of = sides, until = Infinity } = {}) {
  const trace = (...lines) => lines[0].slice(0, until).map((_, i) => [place(i), ...lines.map((line) => line[i])]);
  const each = (make) => of.flatMap((side) => make(side, comparison[side]));
  return [
    ...each((side, { runs }) => runs[measure].map((run, i) => ({ kind: "line", of: `run ${side}`, seed: comparison.seeds[i], points: trace(run) }))),
    ...each((side, { bands }) => ({ kind: "band", of: side, points: trace(...bands[measure].slice(1)) })),
    ...each((side, { bands }) => ({ kind: "line", of: side, points: trace(bands[measure][0]) })),
    ...each((side, { own }) => (own ? [{ kind: "line", of: `own ${side}`, points: trace(own[measure]) }] : [])),
  ];
}
const byEpoch = ({ epochs }) => ({ title: data.say.epoch, domain: [1, epochs] });
const legendOf = ({ with: { own } }) => [...sides, ...(own ? ["own"] : [])];

// ---- The numbers of a chart, as a file.
function download(id) {
  const { marks, header = ["line", "seed", JSON.stringify(charts[id].x.title), "value", "high"] } = charts[id];
  const rows = marks.flatMap(({ kind, of, seed = "", points }) => points.map((point) => [`${kind} ${of}`, seed, ...point]));
  const link = document.createElement("a"), lines = [header, ...rows].map((row) => `${row.join(",")}\n`);
  link.href = URL.createObjectURL(new Blob(lines, { type: "text/csv" }));
  link.download = `${id}.csv`;
  link.click();
}
for (const button of all("[data-csv]")) button.onclick = () => download(button.dataset.csv);
