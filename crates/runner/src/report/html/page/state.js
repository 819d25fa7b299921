// The state of the cluster at an instant, as Kafka's tools would show it; and the list of events.
const stateTimes = unsteps(data.states.at);
const stateRows = {
  partitions: data.states.partitions.map((it) => ({
    leader: unsteps(it.leader), epoch: unsteps(it.epoch), inSync: unsteps(it.in_sync), mark: unsteps(it.high_watermark),
    replicas: it.replicas.map((one) => ({ broker: one.broker, end: unsteps(one.end), synced: unsteps(one.synced), mark: unsteps(one.high_watermark) })),
  })),
  brokers: data.states.brokers.map(([broker, row]) => [broker, unsteps(row)]),
  committed: data.states.committed.map((group) => new Map(group.map(([partition, row]) => [partition, unsteps(row)]))),
};
const whyAt = new Map(data.states.why);

/** The last instant that was looked at, at or before another. */
function lookAt(micros) {
  let [low, high] = [0, stateTimes.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (stateTimes[middle] <= micros) low = middle; else high = middle - 1;
  }
  return low;
}

function state() {
  const place = body("state");
  const moments = [...whyAt.keys()].sort((a, b) => a - b);
  place.append(el("p", { class: "lead" }, `The world was run again and looked at ${count(stateTimes.length)} times, at equal distances and right after ${some(moments.length, "thing that happened", "things that happened")}. What stands here was read from controller, brokers and disks.`));
  const slider = el("input", { type: "range", min: 0, max: stateTimes.length - 1, step: 1, value: 0, "aria-label": "instant" });
  const output = el("output", {});
  const said = el("p", { class: "soft" });
  const show = el("div", {});
  const go = (nth) => mark.set(stateTimes[Math.max(0, Math.min(nth, stateTimes.length - 1))]);
  const jump = (step) => {
    const now = +slider.value;
    const next = step > 0 ? moments.find((at) => at > now) : moments.findLast((at) => at < now);
    if (next !== undefined) go(next);
  };
  const button = (text, title, act) => el("button", { class: "button", type: "button", title, onclick: act }, text);
  place.append(el("div", { class: "slider" }, button("◀", "what happened before", () => jump(-1)), button("▶", "what happens next", () => jump(1)), slider, output));
  const ticks = el("div", { class: "ticks", "aria-hidden": "true" });
  for (const at of moments) {
    const one = el("i", { title: whyAt.get(at) });
    one.style.left = `calc(8px + (100% - 16px) * ${at / Math.max(1, stateTimes.length - 1)})`;
    ticks.append(one);
  }
  const bar = el("div", { class: "slider" }, el("span"), el("span"), ticks, el("span"));
  bar.style.visibility = "visible";
  place.append(said, show);
  slider.after(ticks);
  place.querySelector(".slider").append(ticks);
  ticks.style.gridColumn = "3";
  slider.addEventListener("input", () => go(+slider.value));
  mark.heard.push((micros) => {
    const nth = lookAt(micros);
    slider.value = nth;
    output.textContent = clock(stateTimes[nth]);
    const before = whyAt.get(nth);
    const newest = data.events.list.findLast(([at]) => at <= stateTimes[nth]);
    said.textContent = before ? `Right after: ${before}.` : newest ? `Last before: ${processName(newest[1])} ${newest[3]} at ${clock(newest[0])}.` : "Nothing has happened yet.";
    show.replaceChildren(brokersAt(nth), topicsAt(nth), ...lanes.groups.map((group, at) => groupAt(nth, group, at)));
    const link = byId("jump");
    link.textContent = `State at ${clock(stateTimes[nth])} ↓`;
    link.hidden = onScreen;
  });
  let onScreen = false;
  new IntersectionObserver((seen) => { onScreen = seen[0].isIntersecting; byId("jump").hidden = onScreen || mark.at === null; }).observe(byId("state"));
}

function brokersAt(nth) {
  const at = stateTimes[nth];
  const chips = stateRows.brokers.map(([broker, row]) => {
    const process = lanes.processes.findIndex((it) => it.broker === broker);
    const held = lifeAt(process, at) === "paused";
    const [text, how] = held ? ["held up", "warn"] : [["down", "bad"], ["starting or fenced", "warn"], ["serving", "good"], ["stopping", "warn"]][row[nth]];
    const leads = stateRows.partitions.filter((it, place) => own(place) && it.leader[nth] === broker).length;
    return el("span", { class: `chip ${how}` }, el("i"), el("b", {}, `broker-${broker}`), `${text}, leads ${leads}`);
  });
  const others = lanes.processes.map((process, place) => {
    if (!["controller", "producer", "member", "application"].includes(process.role)) return null;
    const life = lifeAt(place, at);
    return el("span", { class: `chip ${life === "up" ? "good" : life === "absent" ? "" : life === "paused" ? "warn" : "bad"}` }, el("i"), el("b", {}, process.name), LIVES[life]);
  });
  return el("div", { class: "chips" }, chips, others);
}

const shown = (offset) => (offset < 0 ? "–" : count(offset));

function topicsAt(nth) {
  const rows = stateRows.partitions.map((it, place) => {
    const partition = lanes.partitions[place];
    const leader = it.leader[nth];
    const end = it.replicas.find((one) => one.broker === leader)?.end[nth] ?? -1;
    const who = bits(it.inSync[nth]);
    const few = who.length < Math.min(partition.min_in_sync, partition.replication);
    const inSync = el("span", { class: few ? "cell-bad" : who.length < partition.replication ? "cell-warn" : null }, who.join(", ") || "none");
    const replicas = it.replicas.map((one, at) => {
      const behind = end >= 0 && one.end[nth] >= 0 ? end - one.end[nth] : 0;
      const text = one.end[nth] < 0 ? "nothing" : `${count(one.end[nth])}${behind ? ` (${behind > 0 ? "−" : "+"}${count(Math.abs(behind))})` : ""}`;
      return [at ? " · " : "", el("span", { class: behind ? "cell-warn" : null, title: `broker-${one.broker}: log ends at ${shown(one.end[nth])}, durable up to ${shown(one.synced[nth])}, knows the high watermark ${shown(one.mark[nth])}` }, `${one.broker}: ${text}`)];
    });
    return { internal: partition.internal, row: [partition.name, leader ? `broker-${leader}` : el("span", { class: "cell-bad" }, "none"), it.epoch[nth] < 0 ? "–" : String(it.epoch[nth]), inSync, shown(it.mark[nth]), shown(end), el("span", {}, replicas.flat())] };
  });
  const titles = ["partition", "leader", "#epoch", "in sync", "#high watermark", "#log end", "log ends of replicas"];
  const inner = rows.filter((it) => it.internal).map((it) => it.row);
  return el("div", {}, el("h3", {}, "Topics"), table(titles, rows.filter((it) => !it.internal).map((it) => it.row)),
    inner.length ? el("details", { class: "more" }, el("summary", {}, `${some(inner.length, "partition")} of Kafka’s own topics`), table(titles, inner)) : null);
}

function groupAt(nth, group, at) {
  const now = stateTimes[nth];
  const generation = group.generations.findLast(([since]) => since <= now);
  const owners = new Map(group.owners.map(([partition, tenures]) => [partition, tenures.filter((it) => it.from <= now && now < it.to).map((it) => processName(it.member))]));
  const committed = stateRows.committed[at];
  const places = [...new Set([...owners.keys(), ...committed.keys()])].filter(own).sort((a, b) => a - b);
  let total = 0;
  const rows = places.map((place) => {
    const offset = committed.get(place)?.[nth] ?? -1;
    const end = stateRows.partitions[place].mark[nth];
    const lag = end >= 0 ? end - Math.max(0, offset) : null;
    total += lag ?? 0;
    const who = owners.get(place) ?? [];
    return [lanes.partitions[place].name, who.length ? el("span", { class: who.length > 1 ? "cell-bad" : null }, who.join(" and ")) : el("span", { class: "cell-warn" }, "nobody"), shown(offset), shown(end), lag === null ? "–" : count(lag)];
  });
  const head = generation ? `generation ${generation[1]}, ${some(generation[2], "member")}, ${some(total, "record")} behind` : "has not formed yet";
  return el("div", {}, el("h3", {}, `Group ${group.name} `, el("span", { class: "soft" }, head)), rows.length ? table(["partition", "owner", "#committed", "#high watermark", "#lag"], rows) : empty("Nobody owned or committed anything in this run."));
}

function events() {
  const place = body("events");
  const { list, left_out: leftOut } = data.events;
  const kinds = [...new Set(list.map(([, , kind]) => kind))];
  const on = new Set(kinds);
  const query = el("input", { type: "search", placeholder: "Only events with these words", "aria-label": "Only events with these words" });
  const number = el("span", { class: "soft small" });
  const rows = el("tbody");
  const buttons = kinds.map((kind) => {
    const many = list.filter((it) => it[2] === kind).length;
    const button = el("button", { class: "button", type: "button", "aria-pressed": "true", onclick: () => {
      if (on.has(kind)) on.delete(kind); else on.add(kind);
      button.setAttribute("aria-pressed", String(on.has(kind)));
      fill();
    } }, `${kind} ${count(many)}`);
    return button;
  });
  let most = 300;
  const fill = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = list.filter(([at, process, kind, what]) => on.has(kind) && words.every((word) => `${clock(at)} ${processName(process)} ${kind} ${what}`.toLowerCase().includes(word)));
    rows.replaceChildren(...fits.slice(0, most).map(([at, process, kind, what]) => el("tr", { class: `kind-${kind}` }, el("td", {}, whenButton(at)), el("td", {}, kind), el("td", {}, processName(process)), el("td", {}, what))));
    if (fits.length > most) rows.append(el("tr", {}, el("td", {}), el("td", {}), el("td", {}), el("td", {}, el("button", { class: "when", type: "button", onclick: () => { most = Infinity; fill(); } }, `Show the other ${count(fits.length - most)}`))));
    number.textContent = `${count(fits.length)} of ${count(list.length)}`;
  };
  query.addEventListener("input", () => { most = 300; fill(); });
  const find = el("div", { class: "grow" }, query);
  find.style.minWidth = "180px";
  place.append(el("p", { class: "lead" }, "Everything but the daily work of sending, polling and committing that succeeded.", leftOut ? ` ${count(leftOut)} more of kinds that came too often are left out; \`--trace\` writes them all.` : ""));
  place.append(el("div", { class: "bar" }, buttons, find, number), el("div", { class: "events-table", tabindex: "0" }, el("table", {}, rows)));
  if (!list.length) place.append(empty("Nothing out of the ordinary happened."));
  fill();
}
