// The search, the theme, the navigation; and the order in which the page is made.
const TITLES = { summary: "Verdicts", why: "Explanation", grid: "Log grid", lanes: "Timeline", owners: "Ownership", partitions: "Replicas", load: "Throughput, lag", latency: "Latency", state: "State", events: "Events", scenario: "Scenario" };

/** Everything that can be found: where it is, what it says, when it was, and the element to show. */
function index() {
  const found = [];
  const add = (section, text, at, target, process) => found.push({ section, text, at, target, plain: `${text} ${at === null || at === undefined ? "" : clock(at)}`.toLowerCase(), process });
  for (const it of facts.verdicts) add("summary", `${it.invariant}: ${WORDS[it.status]}. ${it.kind ?? ""} ${it.detail}`, null, `verdict-${it.invariant}`);
  for (const it of facts.bounds) add("summary", `bound: ${it.said}`);
  for (const it of facts.marks) add("summary", `rare branch ${it}`);
  for (const it of lanes.faults) add("lanes", `fault: ${it.what} ${processName(it.whom)} ${it.text}`, it.from);
  data.told?.story.forEach((beat, nth) => add("why", `${beat.who} ${beat.what}`, beat.at, `beat-${nth}`));
  for (const it of data.told?.remedies ?? []) add("why", `${it.change}: ${it.because}`);
  for (const it of data.grid?.columns ?? []) add("grid", `${it.who} ${OPERATIONS[it.what]} ${it.cells.map(([offset, value]) => `${offset} ${value}`).join(", ")} of ${data.grid.partition}`, it.what === "final" || it.what === "disk" ? null : it.at);
  lanes.processes.forEach((it) => add("lanes", `${it.role} ${it.name}`, null, `row:${it.name}`));
  lanes.partitions.forEach((it) => add("lanes", `partition ${it.name}`, null, `row:${it.name}`));
  for (const group of lanes.groups) {
    add("owners", `group ${group.name}`);
    for (const [at, generation, members] of group.generations) add("owners", `${group.name} generation ${generation}, ${members} members`, at);
    for (const [partition, tenures] of group.owners) for (const it of tenures) add("owners", `${processName(it.member)} owns ${lanes.partitions[partition].name} in generation ${it.generation}`, it.from);
  }
  for (const [nth, why] of data.states.why) add("state", `state after ${why}`, stateTimes[nth]);
  for (const [at, process, kind, what] of data.events.list) add("events", `${processName(process)} ${what} (${kind})`, at);
  facts.text.split("\n").forEach((line, nth) => { if (line.trim()) add("scenario", line.trim(), null, `line-${nth + 1}`); });
  return found;
}

function search() {
  const input = byId("query");
  const hits = byId("hits");
  let all = null;
  let chosen = -1;
  const close = () => { hits.hidden = true; chosen = -1; };
  const show = () => {
    all ??= index();
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) { close(); return; }
    const fits = all.filter((it) => words.every((word) => it.plain.includes(word)));
    hits.replaceChildren();
    hits.hidden = false;
    if (!fits.length) { hits.append(empty("Nothing like that is in this report.")); return; }
    for (const section of Object.keys(TITLES)) {
      const here = fits.filter((it) => it.section === section);
      if (!here.length) continue;
      hits.append(el("h4", {}, `${TITLES[section]} · ${count(here.length)}`));
      for (const it of here.slice(0, 8)) {
        hits.append(el("button", { type: "button", onclick: () => { close(); reveal(it); } }, el("span", { class: "when" }, it.at === null || it.at === undefined ? "" : clock(it.at)), el("span", {}, marked(it.text, words))));
      }
      if (here.length > 8) hits.append(el("p", { class: "soft small", style: "margin:2px 8px 4px 92px" }, `and ${count(here.length - 8)} more; another word narrows it down`));
    }
    chosen = -1;
  };
  input.addEventListener("input", show);
  input.addEventListener("focus", show);
  input.addEventListener("keydown", (event) => {
    const buttons = [...hits.querySelectorAll("button")];
    if (event.key === "Escape") { close(); input.blur(); }
    if (event.key === "Enter" && buttons.length) buttons[Math.max(0, chosen)].click();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !buttons.length) return;
    event.preventDefault();
    buttons[chosen]?.classList.remove("on");
    chosen = (chosen + step + buttons.length) % buttons.length;
    buttons[chosen].classList.add("on");
    buttons[chosen].scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("click", (event) => { if (!event.target.closest(".search")) close(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, select, textarea")) { event.preventDefault(); input.focus(); input.select(); }
  });
}

/** A text with some words set off; long ones are cut around the first. */
function marked(text, words) {
  const lower = text.toLowerCase();
  const first = Math.max(0, Math.min(...words.map((word) => { const at = lower.indexOf(word); return at < 0 ? 0 : at; })) - 60);
  const cut = (first ? "…" : "") + text.slice(first, first + 190) + (first + 190 < text.length ? "…" : "");
  const parts = cut.split(new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "i"));
  return parts.map((part) => (words.includes(part.toLowerCase()) ? el("mark", {}, part) : part));
}

function reveal({ section, at, target }) {
  if (at !== null && at !== undefined) mark.set(at);
  const row = target?.startsWith("row:") ? document.querySelector(`[data-row="${CSS.escape(target.slice(4))}"]`) : target ? byId(target) : null;
  const goal = row ?? byId(section);
  for (let parent = goal.parentElement; parent; parent = parent.parentElement) if (parent.tagName === "DETAILS") parent.open = true;
  goal.scrollIntoView({ block: row ? "center" : "start", behavior: "auto" });
  const flash = row ? "flash-row" : "flash";
  goal.classList.remove(flash);
  void goal.offsetWidth;
  goal.classList.add(flash);
}

function theme() {
  const button = byId("theme");
  const names = { light: "☀ Light", dark: "☾ Dark", auto: "◐ Auto" };
  const root = document.documentElement;
  const say = () => (button.textContent = names[root.dataset.theme ?? "auto"]);
  button.addEventListener("click", () => {
    const next = { auto: isDark() ? "light" : "dark", light: "dark", dark: "light" }[root.dataset.theme ?? "auto"];
    root.dataset.theme = next;
    try { localStorage.setItem("stormglass-theme", next); } catch { /* as it is, then */ }
    say();
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (!root.dataset.theme) redraw(); });
  say();
}

function redraw() {
  buildAll();
  if (mark.at !== null) mark.set(mark.at);
}

function navigation() {
  const links = Object.entries(TITLES).map(([id, title]) => el("a", { href: `#${id}`, class: (id === "why" && !data.told) || (id === "grid" && !data.grid) ? "off" : null }, title));
  byId("nav").append(...links);
  const seen = new Set();
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) seen.add(entry.target.id); else seen.delete(entry.target.id);
    const here = Object.keys(TITLES).find((id) => seen.has(id));
    for (const link of links) link.classList.toggle("here", link.hash === `#${here}`);
  }, { rootMargin: "-70px 0px -55% 0px" });
  for (const id of Object.keys(TITLES)) watch.observe(byId(id));
}

function footer() {
  byId("foot").append(el("p", {}, `Made by Stormglass ${data.version} from seed ${facts.seed}, digest ${facts.digest}. This file is complete: it loads nothing.`),
    el("details", {}, el("summary", {}, "Charts by uPlot 1.6.32, MIT licence"), el("pre", {}, byId("licence").textContent)));
}

const root = document.documentElement;
addEventListener("error", (event) => { root.dataset.error = `${root.dataset.error ?? ""}${event.message} `; });
for (const make of [summary, why, grid, timeline, owners, partitions, flow, latencies, state, events, scenarioText, footer, navigation, search, theme]) make();
buildAll();
// The first look is at the anomaly, or at the end.
mark.set(data.told?.story.find((beat) => beat.part === "fact")?.at ?? facts.ends);
byId("jump").hidden = true;
new ResizeObserver(() => fit()).observe(document.querySelector("main"));
root.dataset.charts = String(charts.filter((chart) => chart.plot).length);
root.dataset.rows = String(document.querySelectorAll(".labels div:not(.head)").length);
root.dataset.ready = "yes";
requestAnimationFrame(() => (root.dataset.loaded = String(Math.round(performance.now()))));
})();
