// The explanation of a failure, and the log around the anomaly.
const PARTS = { fault: ["⚡", "a fault"], claim: ["✔", "somebody is told that it is done"], fact: ["✘", "what contradicts that"], work: ["", "work"] };

function why() {
  const place = body("why");
  const { told } = data;
  if (!told) {
    const held = facts.outcome === "hold";
    place.append(empty(held ? "Nothing failed, so there is nothing to explain." : facts.outcome === "violated" ? "The failure was not explained when this report was made; `stormglass explain` does." : "Nothing failed; see the verdicts for what could not be told."));
    byId("why").querySelector("h2").textContent = held ? "Explanation" : "Why it failed";
    return;
  }
  place.append(el("div", { class: "fact-line" }, el("b", {}, `${told.signature}: `), told.fact,
    el("span", { class: "soft" }, told.standing)));
  place.append(el("p", {}, el("b", {}, "In short. "), told.short));
  for (const line of told.against) place.append(el("p", { class: "lead" }, line));
  const story = el("ol", { class: "story" });
  told.story.forEach((beat, nth) => {
    if (told.left_out && nth === Math.floor(told.story.length / 3)) {
      story.append(el("li", {}, el("span"), el("span", { class: "dot" }, "…"), el("span", { class: "gap" }, `${some(told.left_out, "step is", "steps are")} left out; \`stormglass shrink\` makes the story short`)));
    }
    story.append(el("li", { id: `beat-${nth}` }, whenButton(beat.at), el("span", { class: `dot ${beat.part}`, title: PARTS[beat.part][1] }, PARTS[beat.part][0] || "·"), el("span", {}, el("span", { class: "who" }, beat.who), " ", beat.what)));
  });
  const legend = el("div", { class: "keys" }, ["fault", "claim", "fact"].map((part) => el("span", {}, el("b", {}, PARTS[part][0]), PARTS[part][1])));
  const diagram = el("div", { class: "diagram", tabindex: "0" });
  // Made by this program from its own words, all of them escaped; there is no script in it.
  diagram.innerHTML = told.diagram;
  const took = el("ul", { class: "verdict-list" }, needs(told));
  const prevents = el("ul", { class: "verdict-list" }, remedies(told));
  place.append(el("div", { class: "why" },
    el("div", {}, el("h3", {}, "What happened"), legend, story),
    el("div", {}, el("h3", {}, "What it took"), took, el("h3", {}, "What prevents it"), prevents)));
  place.append(el("h3", {}, "The same as a sequence"), diagram);
  const heads = diagram.querySelector(".seq-heads");
  diagram.addEventListener("scroll", () => heads.setAttribute("transform", `translate(0 ${diagram.scrollTop})`));
}

function needs(told) {
  const item = (sign, className, ...text) => el("li", {}, el("span", { class: `mark ${className}` }, sign), ...text);
  const rows = [];
  let others = 0;
  for (const [text, came, other] of told.faults) {
    if (came === "same") { others += 1; continue; }
    const then = came === "none" ? "all holds" : came === "other" ? `${other} comes up instead` : "nothing can be told";
    rows.push(item(came === "unknown" ? "?" : "⚡", came === "unknown" ? "no" : "must", el("code", {}, text), el("div", { class: "soft" }, `${came === "unknown" ? "" : "Necessary: "}without it, ${then}.`)));
  }
  if (!rows.length && told.faults.length) rows.push(item("○", "no", "No fault by itself: the failure comes up without any one of them."));
  else if (others) rows.push(item("○", "no", `${some(others, "other fault was", "other faults were")} not necessary.`));
  const [came, other] = told.without_faults;
  const none = { same: "It comes up without any fault at all.", none: "Without any fault, all holds.", other: `Without any fault, ${other} comes up.`, unknown: "Without any fault, nothing can be told." };
  rows.push(item(came === "same" ? "✘" : "·", came === "same" ? "must" : "no", none[came]));
  return rows;
}

function remedies(told) {
  const item = (sign, className, change, text) => el("li", {}, el("span", { class: `mark ${className}` }, sign), el("code", {}, change), el("div", { class: "soft" }, text));
  const same = told.faults.length ? "The same faults do no harm" : "It does not come up";
  const figure = (it) => (it.figure ? ` The figure is then ${it.figure} at most.` : "");
  const rows = told.remedies.filter((it) => it.helps).map((it) => item("✔", "yes", it.change, `${same}, verified with ${some(it.seeds - it.unknown, "seed")}: ${it.because}.${figure(it)}`));
  rows.push(...told.remedies.filter((it) => !it.failed && !it.helps && it.figure).map((it) => item("○", "no", it.change, `Too little to rely on.${figure(it)}`)));
  rows.push(...told.remedies.filter((it) => it.failed).map((it) => item("○", "no", it.change, `Not enough by itself: it still failed with ${it.failed} of ${some(it.seeds, "seed")}.`)));
  if (!rows.some((row) => row.querySelector(".yes"))) rows.unshift(el("li", {}, el("span", { class: "mark no" }, "?"), told.permitted ? "None of the settings that were tried." : "None of the settings that were tried; this may be a bug of the system."));
  return rows;
}

const OPERATIONS = { appends: "appends", acked: "has its ack", polled: "polls", processed: "processed", commits: "commits", cuts: "truncates", lost: "loses", final: "final log", disk: "disk" };

function grid() {
  const place = body("grid");
  const { grid: it } = data;
  if (!it) {
    place.append(empty("There is no anomaly in a partition, so there is no log to look at."));
    return;
  }
  place.append(el("p", { class: "lead" }, el("b", {}, it.partition), it.group ? ` as ${it.group} sees it` : "", ": each row is an offset, each column what somebody did to it or saw there, in the order of time. ", it.detail, "."));
  place.append(el("div", { class: "keys" },
    legendCell("named", "v1.7", "the record concerned, where it belongs"), legendCell("differs", "v1.7", "not what the final log holds there"), legendCell("cut", "✂", "taken from a log"), legendCell("position", "▸", "next to be read, as committed")));
  const named = new Set(it.named);
  const cells = it.columns.map((column) => new Map(column.cells.map(([offset, value, how]) => [offset, [value, how]])));
  const head = it.columns.map((column) => el("th", { class: column.what === "final" || column.what === "disk" ? "final" : null, title: `${column.who} ${OPERATIONS[column.what]} ${column.note} at ${clock(column.at)}` },
    el("span", { class: "what" }, column.who), el("span", {}, column.what === "final" ? "at the end" : OPERATIONS[column.what]),
    column.what === "final" || column.what === "disk" ? null : el("span", { class: "at" }, clock(column.at)),
    column.what === "final" || !column.note ? null : el("span", { class: "note" }, column.note)));
  const rows = [];
  it.offsets.forEach((offset, nth) => {
    if (nth && it.offsets[nth - 1] !== offset - 1) rows.push(el("tr", { class: "gap" }, el("th", { class: "offset" }, "⋮"), it.columns.map(() => el("td", {}, ""))));
    rows.push(el("tr", { class: named.has(offset) ? "named" : null }, el("th", { class: "offset" }, String(offset)), it.columns.map((column, at) => gridCell(column, cells[at].get(offset), offset))));
  });
  place.append(el("div", { class: "scroll" }, el("table", { class: "matrix" }, el("thead", {}, el("tr", {}, el("th", { class: "offset" }, "offset"), head)), el("tbody", {}, rows))));
  const used = new Set(it.columns.flatMap((column) => column.cells.map(([, value]) => value.match(/^v(\d+)\./)?.[1])).filter(Boolean));
  const names = [...used].map(Number).sort((a, b) => a - b).map((source) => `v${source} is ${facts.sources[source]}`);
  if (names.length) place.append(el("p", { class: "soft small" }, `A record is named after the life of the producer that sent it: ${names.join(", ")}; the number counts its records in this partition.`));
  if (it.left_out) place.append(el("p", { class: "soft small" }, `${some(it.left_out, "operation", "operations")} on these offsets ${it.left_out === 1 ? "is" : "are"} not shown.`));
}

function legendCell(how, text, means) {
  const cell = el("td", { class: how }, text);
  return el("span", {}, el("table", { class: "matrix" }, el("tbody", {}, el("tr", {}, cell))), means);
}

function gridCell(column, cell, offset) {
  const final = column.what === "final" ? "final-col" : null;
  if (!cell) return el("td", { class: final }, "");
  const [value, how] = cell;
  const source = value.match(/^v(\d+)\.(\d+)/);
  const full = source ? `${facts.sources[+source[1]]}:${source[2]}` : "";
  const says = { same: "as in the final log", named: "the record concerned", differs: "the final log holds another record here", gone: "the final log holds nothing here", cut: "taken away", position: column.note }[how];
  const sign = how === "differs" || how === "gone" ? "✘ " : "";
  return el("td", { class: [how, final].filter(Boolean).join(" "), title: `offset ${offset}: ${full} ${says}` }, how === "cut" ? "✂" : how === "position" ? (column.note.startsWith("next") ? "▸" : "▸✘") : sign + value);
}
