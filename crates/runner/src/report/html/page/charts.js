// Charts over time: one axis, one zoom, one cursor and one marked instant for all of them.
const charts = [];
const view = { min: 0, max: ENDS };

/** Room for labels on the left, the same for all charts, so that instants stand above one another. */
const labelWidth = () => (innerWidth < 640 ? 86 : 132);
const RIGHT = 12;

function zoom(min, max) {
  view.min = Math.max(0, min);
  view.max = Math.min(ENDS, max);
  if (view.max - view.min < 1e-4) { view.min = 0; view.max = ENDS; }
  for (const chart of charts) if (!chart.still) chart.plot?.setScale("x", { min: view.min, max: view.max });
  const whole = view.min <= 0 && view.max >= ENDS;
  for (const button of document.querySelectorAll(".unzoom")) button.hidden = whole;
}

const ratio = () => uPlot.pxRatio;

const patterns = new Map();
/** Slanted lines of a colour, for what is more than a colour can say. */
function hatch(context, colour, wide = 4) {
  const key = `${colour}/${wide}/${ratio()}`;
  if (!patterns.has(key)) {
    const size = Math.round(wide * 2 * ratio());
    const tile = el("canvas", { width: size, height: size });
    const pen = tile.getContext("2d");
    pen.strokeStyle = colour;
    pen.lineWidth = 1.2 * ratio();
    pen.beginPath();
    for (const shift of [-size, 0, size]) { pen.moveTo(shift, size); pen.lineTo(shift + size, 0); }
    pen.stroke();
    patterns.set(key, tile);
  }
  return context.createPattern(patterns.get(key), "repeat");
}

/** When at least one fault was on, and those of an instant. */
const faultTimes = { long: [], short: [] };
for (const { from, to } of lanes.faults.filter((fault) => fault.from !== null).sort((a, b) => a.from - b.from)) {
  const last = faultTimes.long[faultTimes.long.length - 1];
  if (to === null || to <= from) faultTimes.short.push(from);
  else if (last && from <= last[1]) last[1] = Math.max(last[1], to);
  else faultTimes.long.push([from, to]);
}

/** Shades the time of faults behind what is drawn next. */
function shadeFaults(plot) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const x = (micros) => plot.valToPos(seconds(micros), "x", true);
  ctx.fillStyle = css("--shade");
  for (const [from, to] of faultTimes.long) ctx.fillRect(x(from), bbox.top, Math.max(1, x(to) - x(from)), bbox.height);
  for (const at of faultTimes.short) line(plot, at, css("--fault"), [3, 3]);
  ctx.restore();
}

function line(plot, micros, colour, dash, wide = 1) {
  const { ctx, bbox } = plot;
  const at = Math.round(plot.valToPos(seconds(micros), "x", true)) + 0.5;
  if (at < bbox.left - 1 || at > bbox.left + bbox.width + 1) return;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = wide * ratio();
  ctx.setLineDash(dash.map((length) => length * ratio()));
  ctx.beginPath();
  ctx.moveTo(at, bbox.top);
  ctx.lineTo(at, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

/** The end of the storm, and the marked instant, in front of everything. */
function drawInstants(plot) {
  if (facts.healed !== null) line(plot, facts.healed, css("--good"), [2, 3]);
  if (mark.at !== null) line(plot, mark.at, css("--accent"), [], 1.6);
}

const xAxis = (top) => ({
  side: top ? 0 : 2,
  stroke: css("--soft"),
  font: "11px system-ui, sans-serif",
  size: 26,
  gap: 4,
  space: 74,
  grid: { stroke: css("--grid"), width: 1 },
  ticks: { show: false },
  values: (plot, splits) => splits.map((at) => tick(at, splits.length > 1 ? splits[1] - splits[0] : 1)),
});

/** A chart over time in a host; `make` gives uPlot's options anew for each theme. */
function timeChart(host, make, chartData) {
  const chart = { host, make, data: chartData, plot: null };
  charts.push(chart);
  return chart;
}

function build(chart) {
  chart.plot?.destroy();
  const options = chart.make();
  const { hooks = {}, axes, scales = {}, cursor = {}, ...rest } = options;
  const common = { width: Math.max(220, chart.host.clientWidth), padding: [6, RIGHT, 0, 0], ...rest };
  if (chart.still) {
    chart.plot = new uPlot({ ...common, cursor, scales, axes }, chart.data(), chart.host);
    return;
  }
  chart.plot = new uPlot({
    ...common,
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: 5 },
      sync: { key: "time", scales: ["x", null], setSeries: false, filters: { pub: (type) => type === "mousemove", sub: (type) => type === "mousemove" } },
      ...cursor,
    },
    scales: { x: { time: false, range: () => [view.min, view.max] }, ...scales },
    axes,
    hooks: {
      ...hooks,
      drawAxes: [...(hooks.drawAxes ?? []), ...(hooks.unshaded ? [] : [shadeFaults])],
      draw: [...(hooks.draw ?? []), drawInstants],
      setSelect: [(plot) => {
        const { left, width } = plot.select;
        if (width < 4) return;
        const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        zoom(from, to);
      }],
      ready: [(plot) => {
        let pressed = null;
        plot.over.addEventListener("mousedown", (event) => (pressed = event.clientX));
        plot.over.addEventListener("click", (event) => {
          if (pressed !== null && Math.abs(event.clientX - pressed) > 4) return;
          mark.set(plot.posToVal(event.offsetX, "x") * 1e6);
        });
        plot.over.addEventListener("dblclick", () => zoom(0, ENDS));
      }, ...(hooks.ready ?? [])],
    },
  }, chart.data(), chart.host);
}

const buildAll = () => { patterns.clear(); charts.forEach(build); };

function fit() {
  for (const chart of charts) {
    const width = Math.max(220, chart.host.clientWidth);
    if (chart.plot && Math.abs(chart.plot.width - width) > 1) build(chart);
  }
}

mark.heard.push(() => charts.forEach((chart) => chart.plot?.redraw(false, false)));

const isTenfold = (value) => value !== null && Number.isInteger(+Math.log10(value).toFixed(6));

const yAxis = (title, values, log) => ({
  stroke: css("--soft"),
  font: "11px system-ui, sans-serif",
  size: labelWidth() - (title ? 18 : 0),
  gap: 6,
  label: title,
  labelSize: title ? 18 : 0,
  labelFont: "11px system-ui, sans-serif",
  grid: { stroke: css("--grid"), width: 1, ...(log ? { filter: (plot, splits) => splits.map((value) => (isTenfold(value) ? value : null)) } : {}) },
  ticks: { show: false },
  values: values ?? ((plot, splits) => splits.map((value) => (value === null ? "" : short(value)))),
});

/** Lines over time. `series` are `{ label, colour(), data, dash, width, step, value }`. */
function lineChart(host, { height = 190, title, series, x, min = 0, log = false, values, legend }) {
  const draw = () => ({
    height: innerWidth < 640 ? Math.min(height, 170) : height,
    scales: { y: log ? { distr: 3, log: 10 } : { range: (plot, low, high) => [Math.min(min, low ?? 0), high === null || high <= min ? min + 1 : high + (high - min) * 0.06] } },
    axes: [xAxis(false), yAxis(title, values, log)],
    legend: { live: true, ...legend },
    series: [
      { label: "at", value: (plot, at) => (at === null || at === undefined ? "–" : clock(at * 1e6)) },
      ...series.map((one) => ({
        label: one.label,
        stroke: one.colour(),
        width: one.width ?? 1.5,
        dash: one.dash,
        points: one.points ? { size: 4 } : { show: false },
        spanGaps: one.gaps ?? false,
        show: one.show ?? true,
        paths: one.step ? uPlot.paths.stepped({ align: 1 }) : undefined,
        value: (plot, value) => (value === null || value === undefined ? "–" : (one.value ?? short)(value)),
      })),
    ],
  });
  return timeChart(host, draw, () => [x, ...series.map((one) => one.data)]);
}

/** A titled place for a chart, with what its colours mean. */
function panel(parent, title, note, ...extra) {
  const host = el("div", { class: "host" });
  parent.append(el("div", { class: "panel" }, el("h3", {}, title, note ? el("span", { class: "soft" }, note) : null), ...extra, host));
  return host;
}

const key = (colour, text, striped) => {
  const sample = el("i", {});
  sample.style.background = striped ? `repeating-linear-gradient(135deg, ${colour} 0 2px, transparent 2px 5px)` : colour;
  if (striped) sample.style.borderColor = colour;
  return el("span", {}, sample, text);
};

const unzoomButton = () => el("button", { class: "button unzoom", type: "button", hidden: true, onclick: () => zoom(0, ENDS) }, "Whole run");
