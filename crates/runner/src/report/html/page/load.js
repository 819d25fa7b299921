// Throughput, lag and latency.
function flow() {
  const place = body("load");
  const { series } = data;
  const long = seconds(series.bucket);
  const x = series.sent.map((_, nth) => nth * long);
  const rate = (row) => row.map((records) => records / long);
  const lines = [
    { label: "sent", colour: () => hue(0), data: rate(series.sent), step: true },
    { label: "acknowledged", colour: () => hue(2), data: rate(series.acked), step: true },
    ...lanes.groups.map((group, nth) => ({ label: `processed by ${group.name}`, colour: () => hue(3 + nth), data: rate(series.processed[nth]), step: true, dash: [5, 3] })),
    { label: "failed", colour: () => css("--bad"), data: rate(series.failed), step: true, width: 2 },
    { label: "outcome unknown", colour: () => css("--unsure"), data: rate(series.unknown), step: true, width: 2 },
  ].filter((one) => one.label === "sent" || one.data.some(Boolean));
  const host = panel(place, "Records per second", `counted over ${span(series.bucket)}; click a name to hide or show its line`, el("div", { class: "bar" }, el("span", { class: "grow" }), unzoomButton()));
  lineChart(host, { height: 230, title: "records/s", x, series: lines });
  lanes.groups.forEach((group, nth) => lagChart(place, group, series.lag[nth]));
}

function lagChart(place, group, lag) {
  const at = unsteps(lag.at);
  if (!at.length) { place.append(el("div", { class: "panel" }, el("h3", {}, `Lag of ${group.name}`), empty("No lag was measured."))); return; }
  const rows = lag.partitions.map(([partition, row]) => ({ name: lanes.partitions[partition].name, row: unsteps(row).map((value) => (value < 0 ? null : value)) }));
  const most = (one) => Math.max(0, ...one.row.map((value) => value ?? 0));
  const worst = [...rows].sort((a, b) => most(b) - most(a)).slice(0, 6);
  const total = at.map((_, nth) => (rows.every((one) => one.row[nth] === null) ? null : rows.reduce((sum, one) => sum + (one.row[nth] ?? 0), 0)));
  const note = rows.length > worst.length ? `all partitions, and the ${worst.length} worst of ${rows.length}` : "all partitions together, and each";
  const host = panel(place, `Lag of ${group.name}`, note);
  lineChart(host, { height: 200, title: "records", x: at.map(seconds), series: [
    { label: "all", colour: () => css("--ink"), data: total, width: 2, value: count },
    ...worst.map((one, place) => ({ label: one.name, colour: () => hue(place), data: one.row, width: 1.2, value: count })),
  ] });
}

const latencyTicks = (plot, splits) => splits.map((value) => (isTenfold(value) ? span(value) : ""));

function latencies() {
  const place = body("latency");
  const kinds = [["from send to ack", data.latency.ack], ...lanes.groups.map((group, nth) => [`from send to processed by ${group.name}`, data.latency.groups[nth]])];
  const long = seconds(data.series.bucket);
  const known = kinds.filter(([, it]) => it.samples);
  if (!known.length) { place.append(empty("Nothing was acknowledged or processed.")); return; }
  for (const [name, it] of known) {
    const x = it.over_time.map((_, nth) => nth * long);
    const pick = (which) => it.over_time.map((four) => (four ? Math.max(1, four[which]) : null));
    const line = (label, which, colour, more) => ({ label, colour: () => colour(), data: pick(which), value: span, points: true, ...more });
    const host = panel(place, `Latency ${name}`, `${some(it.samples, "record")}, by the time when it ended; logarithmic`, name === known[0][0] ? el("div", { class: "bar" }, el("span", { class: "grow" }), unzoomButton()) : null);
    lineChart(host, { height: 200, title: null, x, log: true, values: latencyTicks, series: [
      line("median", 0, () => hue(0)), line("95 %", 1, () => hue(1)), line("99 %", 2, () => hue(5)), line("largest", 3, () => css("--soft"), { dash: [3, 3], width: 1 }),
    ] });
  }
  curve(place, known);
}

/** Latency by share of records: equal steps on the axis are tenfold rarer records. */
function curve(place, kinds) {
  const shares = [...new Set(kinds.flatMap(([, it]) => it.curve.map(([share]) => share)))].filter((share) => share < 100000).sort((a, b) => a - b);
  const rare = (share) => -Math.log10(1 - share / 100000);
  const x = shares.map(rare);
  const rows = kinds.map(([, it]) => { const map = new Map(it.curve); return shares.map((share) => (map.has(share) ? Math.max(1, map.get(share)) : null)); });
  const named = { 0: "0", 50000: "50 %", 90000: "90 %", 99000: "99 %", 99900: "99.9 %", 99990: "99.99 %" };
  const at = Object.keys(named).map(Number).filter((share) => shares.includes(share));
  const host = panel(place, "Share of records that were faster", "each step to the right is tenfold rarer; logarithmic");
  const make = () => ({
    height: 210,
    scales: { x: { time: false, range: () => [0, Math.max(1, ...x)] }, y: { distr: 3, log: 10 } },
    axes: [
      { ...xAxis(false), space: 30, splits: () => at.map(rare), values: () => at.map((share) => named[share]) },
      yAxis(null, latencyTicks, true),
    ],
    cursor: { y: false, drag: { x: false, y: false, setScale: false } },
    series: [
      { label: "share", value: (plot, value) => (value === null || value === undefined ? "–" : `${+((1 - 10 ** -value) * 100).toFixed(3)} %`) },
      ...kinds.map(([name], nth) => ({ label: name, stroke: hue(nth * 2), width: 2, spanGaps: true, points: { show: true, size: 5 }, value: (plot, value) => (value === null || value === undefined ? "–" : span(value)) })),
    ],
  });
  const chart = timeChart(host, make, () => [x, ...rows]);
  chart.still = true;
}
