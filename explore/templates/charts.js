// What the page was given, its state in the address, and charts as SVG.
const $ = (id) => document.getElementById(id);
const say = (name, values = {}) => data.say[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);

async function inflate(text) {
  const letters = atob(text), packed = new Uint8Array(letters.length);
  for (let i = 0; i < packed.length; i++) packed[i] = letters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
const data = JSON.parse(new TextDecoder().decode(await inflate($("data").textContent)));

// ---- All that a reader has set is in the address, behind the #.
const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
if (location.hash.length > 1 && !location.hash.includes("=")) state.set("at", location.hash.slice(1));
const address = (values = state) => [...values].map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll("%2C", ",")}`).join("&");
function save(values) {
  for (const [key, value] of Object.entries(values)) {
    if (value === null || value === "") state.delete(key);
    else state.set(key, value);
  }
  history.replaceState(null, "", address() ? `#${address()}` : location.pathname + location.search);
  $("language").hash = address();
  const shared = new URLSearchParams(state);
  shared.set("embed", $("part").value);
  const source = `${location.href.split("#")[0]}#${address(shared)}`.replaceAll("&", "&amp;");
  $("embed").value = `<iframe src="${source}" width="100%" height="640" title="${document.title}"></iframe>`;
}
addEventListener("hashchange", () => {
  const hash = location.hash.slice(1);
  if (hash === address()) return;
  if (hash.includes("=")) location.reload();
  else save({ at: hash });
});

// A number of the address within its limits, whatever somebody wrote there.
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const number = (key, otherwise, low, high) => clamp(Number(state.get(key) ?? otherwise) || 0, low, high);

function download(id, rows) {
  const text = rows.map((row) => row.map((cell) => (/[",]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell)).join(",")).join("\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/csv" }));
  link.download = `${id}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}
const tables = {}; // by id, a function that gives the rows of the CSV
document.querySelectorAll("[data-csv]").forEach((button) => button.addEventListener("click", () => download(button.dataset.csv, tables[button.dataset.csv]())));

// ---- Charts. A scale has a domain, a title, perhaps `log`, and ticks as [value, label] or of its own.
function position({ domain: [low, high], log }, value) { // 0 to 1 within the domain
  const f = log ? (v) => Math.log(Math.max(v, low / 1e3)) : (v) => v;
  return (f(value) - f(low)) / (f(high) - f(low));
}
function ticksOf({ domain: [low, high], log, ticks }) {
  if (ticks) return ticks;
  const found = [];
  if (log) {
    for (let power = -5; power < 4; power++) for (const step of [1, 2, 5]) found.push(step * 10 ** power);
  } else {
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((s) => s * power >= rough);
    for (let i = Math.ceil(low / step); i * step <= high * 1.0001; i++) found.push(i * step);
  }
  return found.filter((v) => v >= low * 0.9999 && v <= high * 1.0001).map((v) => [v, String(Number(v.toPrecision(3))).replace("-", "−")]);
}
function chart(id, height = 300) {
  const element = $(`chart-${id}`), left = 58, top = 8, bottom = 46, right = 12;
  let spec, drawn;
  const width = () => Math.max(element.clientWidth, 200);
  const across = (value) => left + position(spec.x, value) * (width() - left - right);
  const down = (value) => height - bottom - position(spec.y, value) * (height - top - bottom);
  const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${across(x).toFixed(1)} ${clamp(down(y), -999, 999).toFixed(1)}`).join("");
  const shapes = {
    line: ({ points }) => `<path d="${path(points)}"/>`,
    band: ({ points }) => `<path d="${path([...points.map(([x, low]) => [x, low]), ...points.map(([x, , high]) => [x, high]).reverse()])}Z"/>`,
    dot: ({ points }) => points.map(([x, y, low, high]) => `<path d="${path([[x, low], [x, high]])}"/><circle cx="${across(x)}" cy="${down(y)}" r="5"/>`).join(""),
  };
  function redraw() {
    if (!spec || !element.clientWidth) return;
    drawn = element.clientWidth;
    const text = (x, y, label, anchor, more = "") => `<text x="${x}" y="${y}" text-anchor="${anchor}" ${more}>${label}</text>`;
    const grid = ticksOf(spec.y).map(([v, label]) => `<path class="grid${v === 0 ? " zero" : ""}" d="M${left} ${down(v)}H${width() - right}"/>${text(left - 8, down(v) + 4, label, "end")}`);
    const axis = ticksOf(spec.x).map(([v, label]) => text(across(v), height - bottom + 20, label, "middle"));
    const marks = spec.marks.map((mark) => `<g class="${mark.kind} ${mark.of}">${shapes[mark.kind](mark)}</g>`);
    const legend = (spec.legend ?? []).map((name) => `<span><svg viewBox="0 0 24 10"><path class="line ${name}" d="M0 5h24"/></svg>${data.legend[name]}</span>`);
    element.innerHTML = `<p class="legend" aria-hidden="true">${legend.join("")}</p><svg viewBox="0 0 ${width()} ${height}" aria-hidden="true"><clipPath id="clip-${id}"><rect x="${left}" y="${top}" width="${width() - left - right}" height="${height - top - bottom}"/></clipPath>`
      + `${grid.join("")}${axis.join("")}${text((left + width() - right) / 2, height - 6, spec.x.title, "middle")}`
      + `<g clip-path="url(#clip-${id})">${marks.join("")}</g>${text(0, 0, spec.y.title, "middle", `transform="translate(14 ${(top + height - bottom) / 2}) rotate(-90)"`)}</svg>`;
  }
  new ResizeObserver(() => { if (element.clientWidth !== drawn) redraw(); }).observe(element);
  return {
    draw(next) { spec = next; redraw(); },
    at(event) { // where a pointer is, in the chart's own numbers
      const box = element.lastChild.getBoundingClientRect();
      const share = (value, start, end) => clamp((value - start) / (end - start), 0, 1);
      const [x, y] = [share(event.clientX - box.left, left, width() - right), share(event.clientY - box.top, height - bottom, top)];
      return [x, y].map((s, i) => { const [low, high] = [spec.x, spec.y][i].domain; return low + s * (high - low); });
    },
  };
}
const sides = ["without", "with"];
// A comparison's marks: single runs, intervals, means; x by epoch, or whatever `place` makes of it.
function curves(comparison, measure, { place = (i) => i + 1, of = sides, upTo = Infinity } = {}) {
  const points = (values) => values.map((value, i) => [place(i), value]).filter((_, i) => i < upTo);
  const each = (make) => of.flatMap((side) => make(side, comparison.bands[measure][side]));
  return [
    ...each((side) => comparison.runs[measure][side].map((run) => ({ kind: "line", of: `run ${side}`, points: points(run) }))),
    ...each((side, [, low, high]) => ({ kind: "band", of: side, points: low.map((value, i) => [place(i), value, high[i]]).filter((_, i) => i < upTo) })),
    ...each((side, [mean]) => ({ kind: "line", of: side, points: points(mean) })),
  ];
}
function curveRows(comparison, measure) {
  const rows = sides.flatMap((side) => comparison.runs[measure][side].flatMap((run, r) => run.map((value, i) => [side, comparison.seeds[r], i + 1, value])));
  return [["Dropout", "seed", "epoch", measure], ...rows];
}
