// Lanes per process, partition leader and member; ownership over generations; in-sync replicas and high watermarks.
const own = (place) => !lanes.partitions[place].internal;

function processRow(place) {
  const process = lanes.processes[place];
  const base = process.role === "broker" ? brokerHue(process.broker) : process.role === "member" ? memberHue(place) : hue(7);
  const stretches = process.spans.map(([from, to, what]) => {
    const text = [`${process.name}: ${LIVES[what]}`, `${clock(from)} to ${clock(to)}`, `for ${span(to - from)}`];
    if (what === "up") return { from, to, fill: base, alpha: 0.34, tip: text, label: null };
    if (what === "absent") return { from, to, fill: css("--raised"), thin: true, tip: text };
    if (what === "paused") return { from, to, fill: css("--fault-soft"), striped: css("--fault"), edge: css("--fault"), ink: css("--ink"), tip: text };
    return { from, to, fill: css("--down"), striped: what === "crashed" ? css("--bad") : null, label: what === "crashed" ? ["crashed"] : ["stopped"], ink: "#ffffff", tip: text };
  });
  const ticks = thinned(process.errors).map(([at, records, said]) => ({ at, colour: css("--bad"), tip: [`${process.name}: ${some(records, "record")} not acknowledged`, said, clock(at)] }));
  return { name: process.name, stretches, ticks };
}

/** Errors that fall on one pixel are one tick. */
function thinned(errors) {
  const apart = facts.ends / 900;
  const kept = [];
  for (const [at, records, said] of errors) {
    const last = kept[kept.length - 1];
    if (last && at - last[0] < apart) last[1] += records;
    else kept.push([at, records, said]);
  }
  return kept;
}

function memberRow(place) {
  const row = processRow(place);
  const process = lanes.processes[place];
  const held = lanes.groups[process.group].owners.flatMap(([partition, tenures]) => tenures.filter((it) => it.member === place).map((it) => ({ ...it, partition })));
  const edges = [...new Set(held.flatMap((it) => [it.from, it.to]))].sort((a, b) => a - b);
  const fill = memberHue(place);
  for (let nth = 0; nth + 1 < edges.length; nth += 1) {
    const [from, to] = [edges[nth], edges[nth + 1]];
    const now = held.filter((it) => it.from <= from && to <= it.to);
    if (!now.length) continue;
    const names = now.map((it) => lanes.partitions[it.partition].name);
    row.stretches.push({ from, to, fill, label: [names.join(", "), some(now.length, "partition"), String(now.length)], tip: [`${process.name} owns ${some(now.length, "partition")}`, names.join(", "), `generation ${[...new Set(now.map((it) => it.generation))].join(", ")}`, `${clock(from)} to ${clock(to)}`] });
  }
  // What is not up lies over what it owned.
  const over = row.stretches.filter((it) => it.striped || it.ink === "#ffffff");
  row.stretches = [...row.stretches.filter((it) => !over.includes(it)), ...over];
  return row;
}

function leaderRow(place) {
  const partition = lanes.partitions[place];
  const stretches = partition.leaders.map(([from, broker, epoch, how], nth) => {
    const to = partition.leaders[nth + 1]?.[0] ?? facts.ends;
    const text = [`${partition.name}: ${broker ? `broker-${broker} leads` : "no leader"}`, `epoch ${epoch}${how === "unclean" ? ", elected uncleanly" : ""}`, `${clock(from)} to ${clock(to)}`];
    if (!broker) return { from, to, fill: css("--bad-soft"), striped: css("--bad"), edge: css("--bad"), label: ["no leader"], ink: css("--ink"), tip: text };
    return { from, to, fill: brokerHue(broker), edge: how === "unclean" ? css("--bad") : null, label: [`broker-${broker} · e${epoch}${how === "unclean" ? " ✘ unclean" : ""}`, `${broker} · e${epoch}`, String(broker)], tip: text };
  });
  // A leader that is down leads in name only.
  for (const { from, to, fill } of [...stretches]) {
    const leader = lanes.processes.findIndex((it) => it.broker && brokerHue(it.broker) === fill && partition.leaders.some(([at, broker]) => at === from && broker === it.broker));
    if (leader < 0) continue;
    for (const [since, until, what] of lanes.processes[leader].spans) {
      if (what === "up" || what === "absent" || until <= from || since >= to) continue;
      stretches.push({ from: Math.max(from, since), to: Math.min(to, until), fill: css("--down"), striped: css("--bad"), tip: [`${partition.name}: its leader ${lanes.processes[leader].name} is ${LIVES[what]}`, `${clock(Math.max(from, since))} to ${clock(Math.min(to, until))}`] });
    }
  }
  return { name: partition.name, stretches };
}

function faultRows() {
  const struck = lanes.faults.filter((fault) => fault.from !== null).sort((a, b) => a.from - b.from);
  const rows = [];
  for (const fault of struck) {
    const to = fault.to ?? fault.from;
    const label = `${fault.what}${fault.whom === null ? "" : ` ${processName(fault.whom)}`}`;
    const stretch = { from: fault.from, to, fill: css("--fault-soft"), striped: fault.needed === false ? null : css("--fault"), edge: css("--fault"), ink: css("--ink"), label: [label, fault.what], tip: [`fault: ${label}`, fault.text, to > fault.from ? `${clock(fault.from)} to ${clock(to)}` : clock(fault.from), fault.needed === true ? "necessary for the failure" : fault.needed === false ? "not necessary for the failure" : null] };
    const free = rows.find((row) => row.stretches[row.stretches.length - 1].to + facts.ends / 60 < fault.from);
    if (free) free.stretches.push(stretch);
    else if (rows.length < 8) rows.push({ name: "", title: "faults", stretches: [stretch] });
    else rows[rows.length - 1].stretches.push(stretch);
  }
  if (rows.length) rows[0].name = "faults";
  return rows;
}

function timelineRows(internal) {
  const places = (role) => lanes.processes.map((it, place) => (it.role === role ? place : -1)).filter((place) => place >= 0);
  const rows = [];
  const part = (heading, made) => { if (made.length) rows.push({ heading, name: "" }, ...made); };
  part("what went wrong", faultRows());
  part("brokers and controller", [...places("broker"), ...places("controller")].map(processRow));
  part("partition leaders", lanes.partitions.map((it, place) => place).filter((place) => internal || own(place)).map(leaderRow));
  part("producers", places("producer").map(processRow));
  part("applications", places("application").map(processRow));
  lanes.groups.forEach((group, nth) => part(`members of ${group.name}`, places("member").filter((place) => lanes.processes[place].group === nth).map(memberRow)));
  return rows;
}

function timeline() {
  const place = body("lanes");
  const internal = el("button", { class: "button", type: "button", "aria-pressed": "false" }, "Kafka’s own topics");
  place.append(el("div", { class: "bar" },
    el("div", { class: "keys grow" }, key("var(--fault)", "fault", true), key("var(--bad)", "crashed", true), key("var(--down)", "stopped"),
      key("var(--bad)", "a record not acknowledged"), el("span", {}, el("b", { class: "cell-ok" }, "┊"), "faults are over")),
    internal, unzoomButton()));
  place.append(el("p", { class: "soft small" }, "Drag to zoom all charts, double-click for the whole run, click to mark an instant and see the state then. A lane of a leader carries the colour of its broker."));
  const host = el("div", { class: "host" });
  place.append(host);
  let chart = laneChart(host, () => timelineRows(false));
  internal.addEventListener("click", () => {
    const on = internal.getAttribute("aria-pressed") !== "true";
    internal.setAttribute("aria-pressed", String(on));
    charts.splice(charts.indexOf(chart), 1);
    chart.plot.destroy();
    host.replaceChildren();
    chart = laneChart(host, () => timelineRows(on));
    build(chart);
  });
}

function owners() {
  const place = body("owners");
  if (!lanes.groups.length) { place.append(empty("There are no groups in this scenario.")); return; }
  for (const group of lanes.groups) {
    const members = [...new Set(group.owners.flatMap(([, tenures]) => tenures.map((it) => it.member)))].sort((a, b) => a - b);
    const generations = group.generations.map(([at, generation, size]) => ({ at, label: `g${generation}`, size }));
    const host = panel(place, group.name, `${some(group.generations.length, "generation")}; dashed lines are completed rebalances`, el("div", { class: "bar" },
      el("div", { class: "keys grow" }, members.map((member) => key(memberHue(member), processName(member))), key("var(--bad)", "two owners at once", true)), unzoomButton()));
    const rows = () => group.owners.map(([partition, tenures]) => {
      const stretches = tenures.map((it) => ({ from: it.from, to: it.to, fill: memberHue(it.member), label: [`${processName(it.member)} · g${it.generation}`, processName(it.member).split("-").pop()], tip: [`${lanes.partitions[partition].name}: ${processName(it.member)}`, `generation ${it.generation}, ${{ revoked: "given up", lost: "lost", died: "its owner died", held: "held to the end" }[it.end]}`, `${clock(it.from)} to ${clock(it.to)}, ${span(it.to - it.from)}`] }));
      tenures.forEach((one, nth) => tenures.slice(nth + 1).forEach((other) => {
        const [from, to] = [Math.max(one.from, other.from), Math.min(one.to, other.to)];
        if (to > from && one.member !== other.member) stretches.push({ from, to, fill: css("--bad-soft"), striped: css("--bad"), edge: css("--bad"), tip: [`${lanes.partitions[partition].name} has two owners`, `${processName(one.member)} (g${one.generation}) and ${processName(other.member)} (g${other.generation})`, `${clock(from)} to ${clock(to)}, ${span(to - from)}`] });
      }));
      return { name: lanes.partitions[partition].name, stretches };
    });
    if (group.owners.length) laneChart(host, rows, { lines: generations });
    else host.replaceWith(empty(`No partition was ever assigned in ${group.name}.`));
  }
}

const bits = (set) => { const found = []; for (let n = 0, left = set; left > 0; n += 1, left = Math.floor(left / 2)) if (left % 2) found.push(n); return found; };

function inSyncRow(place) {
  const partition = lanes.partitions[place];
  const stretches = partition.in_sync.map(([from, set], nth) => {
    const to = partition.in_sync[nth + 1]?.[0] ?? facts.ends;
    const who = bits(set);
    const few = who.length < Math.min(partition.min_in_sync, partition.replication);
    const full = who.length >= partition.replication;
    return { from, to, fill: css(few ? "--bad-soft" : full ? "--good-soft" : "--fault-soft"), striped: few ? css("--bad") : null, edge: few ? css("--bad") : full ? null : css("--fault"), ink: css("--ink"), label: [`${who.length} of ${partition.replication}: ${who.join(" ")}`, who.join(" "), String(who.length)], tip: [`${partition.name}: ${who.length} of ${partition.replication} in sync`, who.map((n) => `broker-${n}`).join(", ") || "none", few ? `fewer than min.insync.replicas=${partition.min_in_sync}` : full ? "all of them" : "some are missing", `${clock(from)} to ${clock(to)}`] };
  });
  return { name: partition.name, stretches };
}

function partitions() {
  const place = body("partitions");
  const ours = lanes.partitions.map((it, nth) => nth).filter(own);
  const host = panel(place, "In-sync replicas", "who has everything that is committed", el("div", { class: "bar" },
    el("div", { class: "keys grow" }, key("var(--good-soft)", "all replicas"), key("var(--fault-soft)", "some missing"), key("var(--bad)", "fewer than min.insync.replicas", true)), unzoomButton()));
  laneChart(host, () => ours.map(inSyncRow));
  const select = el("select", { "aria-label": "partition" }, lanes.partitions.map((it, nth) => el("option", { value: nth }, it.name)));
  const first = data.grid ? lanes.partitions.findIndex((it) => it.name === data.grid.partition) : 0;
  select.value = Math.max(0, first);
  place.append(el("div", { class: "bar" }, el("label", {}, "Partition ", select), unzoomButton()));
  const [offsets, behind] = [el("div"), el("div")];
  place.append(offsets, behind);
  let drawn = [];
  const draw = () => {
    drawn.forEach((chart) => { chart.plot?.destroy(); charts.splice(charts.indexOf(chart), 1); });
    offsets.replaceChildren();
    behind.replaceChildren();
    drawn = watermarks(+select.value, offsets, behind);
    return drawn;
  };
  select.addEventListener("change", () => draw().forEach(build));
  draw();
}

function watermarks(place, above, below) {
  const state = data.states.partitions[place];
  const x = stateTimes.map(seconds);
  const known = (row) => unsteps(row).map((value) => (value < 0 ? null : value));
  const replicas = state.replicas.map((it) => ({ broker: it.broker, end: known(it.end) }));
  const leaders = unsteps(state.leader);
  const ends = leaders.map((leader, nth) => replicas.find((it) => it.broker === leader)?.end[nth] ?? null);
  const mark = known(state.high_watermark);
  const lines = replicas.map((it) => ({ label: `end of log, broker-${it.broker}`, colour: () => brokerHue(it.broker), data: it.end, step: true, width: 1.4, value: count }));
  const first = lineChart(panel(above, `${lanes.partitions[place].name}: ends of logs and high watermark`, "offsets"), { height: 210, title: "offset", x, series: [...lines, { label: "high watermark", colour: () => css("--ink"), data: mark, step: true, width: 2, dash: [6, 3], value: count }] });
  const lag = replicas.map((it) => ({ label: `broker-${it.broker}`, colour: () => brokerHue(it.broker), step: true, data: it.end.map((end, nth) => (end === null || ends[nth] === null ? null : ends[nth] - end)), value: count }));
  const open = { label: "above the high watermark", colour: () => css("--ink"), dash: [6, 3], step: true, data: mark.map((at, nth) => (at === null || ends[nth] === null ? null : ends[nth] - at)), value: count };
  const second = lineChart(panel(below, "Behind the leader’s end of log", "records; below zero a replica has more than its leader"), { height: 150, title: "records", x, min: Math.min(0, ...lag.flatMap((it) => it.data.map((value) => value ?? 0))), series: [...lag, open] });
  return [first, second];
}
