// The verdicts, the figures, and what was run.
function badge(status) {
  return el("span", { class: `badge ${status}` }, `${SIGNS[status]} ${WORDS[status]}`);
}

function summary() {
  byId("run").append(el("b", { title: facts.scenario }, facts.scenario), el("span", { class: "soft small" }, `seed ${facts.seed}`), badge(facts.outcome));
  const place = body("summary");
  if (facts.about) place.append(el("p", { class: "about" }, facts.about));
  place.append(
    el("div", { class: "facts" },
      el("span", {}, "seed ", el("b", {}, String(facts.seed))),
      el("span", {}, "digest ", el("b", { class: "mono" }, facts.digest)),
      el("span", {}, el("b", {}, clock(facts.ends)), " of virtual time"),
      el("span", {}, el("b", {}, count(facts.events)), " events"),
      el("span", {}, some(lanes.faults.length, "fault")),
      el("span", {}, `Stormglass ${data.version}`)),
  );
  const copy = el("button", { class: "button", type: "button", onclick: () => {
    const done = () => { copy.textContent = "Copied"; setTimeout(() => (copy.textContent = "Copy"), 1500); };
    navigator.clipboard?.writeText(facts.repro).then(done, () => getSelection().selectAllChildren(command));
  } }, "Copy");
  const command = el("code", {}, facts.repro);
  place.append(el("div", { class: "repro" }, command, copy));
  if (facts.cut_off) place.append(el("p", { class: "fact-line" }, facts.cut_off));
  const worst = (verdict) => ["violated", "undecided", "hold", "vacuous"].indexOf(verdict.status);
  const order = facts.verdicts.map((verdict, nth) => [verdict, nth]).sort((a, b) => worst(a[0]) - worst(b[0]) || a[1] - b[1]);
  place.append(el("div", { class: "verdicts" }, order.map(([verdict]) => verdictCard(verdict)), facts.bounds.map(boundCard)));
  figures(place);
}

function verdictCard(verdict) {
  const { status, kind, total } = verdict;
  const more = total > 1 ? ` (1 of ${count(total)})` : "";
  const details = [
    el("div", {}, kind ? el("b", {}, `${kind}: `) : null, verdict.detail, more),
    status === "violated" ? el("div", { class: "promise" }, verdict.permitted ? `Not promised: ${verdict.permitted}.` : "The configuration promises that this does not happen.") : null,
    verdict.breaches ? el("div", { class: "promise" }, `Seen from inside as well: ${some(verdict.breaches, "breach", "breaches")}.`) : null,
  ];
  if (verdict.witness.length) {
    const list = verdict.witness.map(([at, who, what]) => el("li", {}, whenButton(at), el("b", {}, who), el("span", {}, what)));
    details.push(el("details", { open: status === "violated" && verdict.asked }, el("summary", {}, some(verdict.witness.length, "event shows", "events show"), " it"), el("ul", { class: "witness" }, list)));
  }
  return el("div", { class: `verdict ${status}`, id: `verdict-${verdict.invariant}` },
    el("span", { class: "sign", "aria-hidden": "true" }, SIGNS[status]),
    el("div", {}, el("span", { class: "name" }, verdict.invariant), el("span", { class: "word" }, WORDS[status], verdict.asked ? "" : " · not asked for")),
    el("div", {}, el("div", { class: "promise" }, verdict.promise), details));
}

function boundCard(bound) {
  const status = bound.kept ? "hold" : "violated";
  return el("div", { class: `verdict ${status}` }, el("span", { class: "sign" }, SIGNS[status]), el("div", {}, el("span", { class: "name" }, "bound"), el("span", { class: "word" }, bound.kept ? "kept" : "exceeded")), el("div", { class: "mono" }, bound.said));
}

function figures(place) {
  const it = facts.records;
  const tile = (name, number, bad) => el("div", { class: bad && number ? "tile bad" : "tile" }, el("b", {}, typeof number === "number" ? count(number) : number), el("span", {}, name));
  place.append(el("h3", {}, "Records"), el("div", { class: "tiles" },
    tile("sent", it.sent), tile("acknowledged", it.acked), tile("failed", it.failed + it.refused), tile("outcome unknown", it.unknown),
    tile("in the log", it.committed), tile("lost", it.lost, true), tile("stored twice", it.duplicated, true),
    tile("processed", it.processed), tile("processed again", it.redelivered)));
  const latency = (name, four) => [name, ...(four ? four.map(span) : ["–", "–", "–", "–"])];
  const rows = [latency("send to ack", it.ack_latency), ...facts.groups.map((group) => latency(`send to processed by ${group.name}`, group.end_to_end))];
  const two = el("div", { class: "two" });
  two.append(el("div", {}, el("h3", {}, "Latency"), table(["", "#median", "#95 %", "#99 %", "#largest"], rows)));
  if (facts.groups.length) {
    const groups = facts.groups.map((group) => [group.name, group.members, group.rebalances, group.lag_max, group.lag_end, span(group.unowned_ms * 1000), group.redelivered]);
    two.append(el("div", {}, el("h3", {}, "Groups"), table(["group", "#members", "#rebalances", "#lag, most", "#at the end", "#unowned", "#processed again"], groups)));
  }
  const topics = facts.topics.map((topic) => [topic.name, topic.records, `${(topic.fullest / 10).toFixed(1)} %`, span(topic.unavailable_ms * 1000), span(topic.unavailable_max_ms * 1000)]);
  if (topics.length) two.append(el("div", {}, el("h3", {}, "Topics"), table(["topic", "#records", "#fullest partition", "#without a leader", "#worst partition"], topics)));
  if (lanes.faults.length) {
    const faults = [...lanes.faults].sort((a, b) => (a.from ?? Infinity) - (b.from ?? Infinity)).slice(0, 60).map((fault) => [
      fault.from === null ? "never" : whenButton(fault.from), fault.what, processName(fault.whom),
      fault.to !== null && fault.from !== null ? span(fault.to - fault.from) : "–",
      fault.needed === null || fault.needed === undefined ? "–" : fault.needed ? "yes" : "no"]);
    const head = ["#struck", "fault", "whom", "#lasted", "needed for the failure"];
    two.append(el("div", {}, el("h3", {}, "Faults"), table(data.told ? head : head.slice(0, 4), data.told ? faults : faults.map((row) => row.slice(0, 4)))));
  }
  place.append(two);
  if (facts.marks.length) {
    place.append(el("details", { class: "more" }, el("summary", {}, `${some(facts.marks.length, "rare branch", "rare branches")} taken`), el("p", { class: "mono small soft" }, facts.marks.join("  "))));
  }
}

function scenarioText() {
  const place = body("scenario");
  place.append(el("p", { class: "lead mono" }, facts.path));
  const lines = facts.text.replace(/\n$/, "").split("\n").map((text, nth) => el("span", { id: `line-${nth + 1}` }, text || " "));
  place.append(el("pre", { class: "source" }, lines));
}
