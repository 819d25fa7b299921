// Lanes: rows of stretches of time, drawn by hooks of a chart, so that they share its axis, zoom and cursor.
const ROW = 21;
const HEADING = 24;
/** No more rows than this: a canvas has an end. */
const MOST_ROWS = 240;

/**
 * Rows of stretches, made anew for each theme. A row is `{ name, stretches, ticks }` or `{ heading }`; a stretch is
 * `{ from, to, fill, striped, edge, label, tip }` with times in microseconds; a tick is `{ at, colour, tip }`.
 */
function laneChart(host, makeRows, { lines = [] } = {}) {
  const all = makeRows();
  const shown = all.slice(0, MOST_ROWS);
  if (all.length > shown.length) {
    host.before(el("p", { class: "soft small" }, `${all.length - shown.length} more rows are not drawn.`));
  }
  host.classList.add("lanes");
  const tops = [];
  let height = lines.length ? 17 : 4;
  for (const row of shown) { tops.push(height); height += row.heading ? HEADING : ROW; }
  height += 3;
  const labels = el("div", { class: "labels" });
  shown.forEach((row, nth) => {
    const label = el("div", { class: row.heading ? "head" : null, title: row.title ?? row.name, "data-row": row.name }, row.heading ?? row.name);
    label.style.top = `${tops[nth] + 32}px`;
    label.style.height = `${row.heading ? HEADING : ROW}px`;
    labels.append(label);
  });
  host.append(labels);
  const rowAt = (y) => { let found = -1; tops.forEach((top, nth) => { if (y >= top) found = nth; }); return found; };
  const make = () => {
    const rows = makeRows().slice(0, MOST_ROWS);
    labels.style.width = `${labelWidth() - 8}px`;
    return {
      height: height + 32,
      scales: { y: { range: [0, 1] } },
      axes: [xAxis(true), { show: true, size: labelWidth(), values: () => [], splits: () => [], grid: { show: false }, ticks: { show: false } }],
      legend: { show: false },
      cursor: { points: { show: false } },
      series: [{}, { points: { show: false }, stroke: "transparent" }],
      hooks: {
        unshaded: true,
        draw: [(plot) => drawRows(plot, rows, tops, lines)],
        ready: [(plot) => {
          plot.over.addEventListener("mousemove", (event) => {
            const at = plot.posToVal(event.offsetX, "x") * 1e6;
            const row = rows[rowAt(event.offsetY)];
            const near = (plot.posToVal(5, "x") - plot.posToVal(0, "x")) * 1e6;
            const dot = row?.ticks?.find((it) => Math.abs(it.at - at) < near);
            const found = dot ?? row?.stretches?.findLast((it) => it.from - near / 3 <= at && at <= Math.max(it.to, it.from + near));
            if (found?.tip) tip.show(event, found.tip); else if (row?.name) tip.show(event, [row.name, clock(at)]); else tip.hide();
          });
          plot.over.addEventListener("mouseleave", () => tip.hide());
        }],
      },
    };
  };
  return timeChart(host, make, () => [[0, ENDS], [null, null]]);
}

function drawRows(plot, rows, tops, lines) {
  const { ctx, bbox } = plot;
  const scale = ratio();
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const x = (micros) => plot.valToPos(seconds(micros), "x", true);
  const grid = css("--grid");
  shadeFaults(plot);
  ctx.textAlign = "left";
  rows.forEach((row, nth) => {
    if (row.heading) return;
    const top = bbox.top + (tops[nth] + 2) * scale;
    const height = (ROW - 4) * scale;
    ctx.fillStyle = grid;
    ctx.fillRect(bbox.left, top + height + 1.5 * scale, bbox.width, scale / 2);
    for (const stretch of row.stretches ?? []) drawStretch(ctx, bbox, stretch, x(stretch.from), x(stretch.to), top, height);
    for (const dot of row.ticks ?? []) {
      ctx.fillStyle = dot.colour;
      ctx.fillRect(x(dot.at) - scale, top - scale, 2 * scale, height + 2 * scale);
    }
  });
  ctx.restore();
  let free = -Infinity;
  for (const one of lines) {
    line(plot, one.at, css("--soft"), [2, 2]);
    const at = x(one.at);
    if (!one.label || at < bbox.left || at < free || at > bbox.left + bbox.width) continue;
    ctx.save();
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.font = `${10 * scale}px system-ui, sans-serif`;
    const wide = ctx.measureText(one.label).width;
    ctx.fillStyle = css("--card");
    ctx.fillRect(at + 2 * scale, bbox.top, wide + 4 * scale, 11 * scale);
    ctx.fillStyle = css("--soft");
    ctx.fillText(one.label, at + 4 * scale, bbox.top + 9 * scale);
    ctx.restore();
    free = at + wide + 10 * scale;
  }
}

function drawStretch(ctx, bbox, stretch, from, to, top, height) {
  if (to < bbox.left || from > bbox.left + bbox.width) return;
  const scale = ratio();
  const left = Math.max(from, bbox.left - 4);
  const right = Math.max(Math.min(to, bbox.left + bbox.width + 4), left + 1.5 * scale);
  const middle = stretch.thin ? height * 0.3 : 0;
  ctx.fillStyle = stretch.fill;
  ctx.globalAlpha = stretch.alpha ?? 1;
  ctx.fillRect(left, top + middle, right - left, height - 2 * middle);
  ctx.globalAlpha = 1;
  if (stretch.striped) {
    ctx.fillStyle = hatch(ctx, stretch.striped);
    ctx.fillRect(left, top, right - left, height);
  }
  if (stretch.edge) {
    ctx.strokeStyle = stretch.edge;
    ctx.lineWidth = scale;
    ctx.strokeRect(left + scale / 2, top + scale / 2, right - left - scale, height - scale);
  }
  // The edge between stretches of one colour.
  ctx.fillStyle = css("--card");
  ctx.fillRect(right - scale, top, scale, height);
  if (!stretch.label || right - left < 20 * scale) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, right - left - 2 * scale, height);
  ctx.clip();
  ctx.font = `${11 * scale}px system-ui, sans-serif`;
  ctx.fillStyle = stretch.ink ?? (stretch.fill.startsWith("#") && !stretch.alpha ? inkOn(stretch.fill) : css("--ink"));
  ctx.textBaseline = "middle";
  const words = [].concat(stretch.label);
  const fits = words.find((text) => ctx.measureText(text).width < right - left - 8 * scale);
  if (fits) ctx.fillText(fits, left + 5 * scale, top + height / 2 + scale / 2);
  ctx.restore();
}
